/**
 * Next-item models: a state after each item of a history, compared with the items' own vectors (the table
 * that the history is read by). In training several histories stand in one row (`packed-batches.ts`); a
 * request's history is the feature itself, and its last state is the user.
 */
import { ConfigError } from "../../core/index.ts";
import { featureNamed, type IdFeature, slotOf, tablesFor, vocabularyOf } from "../../embeddings/index.ts";
import type { Batch, Initializer, Table } from "../../module/index.ts";
import {
  cast,
  div,
  equal,
  expandDims,
  gather,
  less,
  mul,
  pad,
  slice,
  sqrt,
  square,
  squeeze,
  sub,
  sum,
} from "../../ops/index.ts";
import type { FeatureMap, SequenceFeature } from "../../schema/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import { packedColumns } from "../packed-batches.ts";
import { type Queries, RetrievalModel } from "../retrieval-model.ts";
import { idFeature } from "./mf.ts";

/** Histories as a model reads them. */
export interface Histories {
  /** Vectors of the items: `[batch, length, dim]`. */
  readonly items: Tensor;
  /** Vectors of a parameter `[length, dim]` for each place: `[batch, length, dim]` or `[1, length, dim]`. */
  placed(byPlace: Tensor): Tensor;
  /** float32 `[batch, length, length]`, 1 where position i may look at position j; absent: no position is later. */
  readonly allowed: Tensor | undefined;
  /** float32 `[batch, length]`, 0 where a history begins; absent: at the first place only. */
  readonly keep: Tensor | undefined;
}

export interface SequenceModelOptions {
  readonly dim: number;
  readonly historyFeature: string;
  readonly itemFeature: string;
  readonly init: Initializer;
}

export abstract class SequenceModel extends RetrievalModel {
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  readonly dim: number;
  readonly length: number;
  readonly table: { readonly [vocabulary: string]: Table };
  readonly #history: SequenceFeature;
  readonly #item: IdFeature;

  /** @throws ConfigError when the history is no sequence of the item's ids */
  constructor(schema: FeatureMap, { dim, historyFeature, itemFeature, init }: SequenceModelOptions) {
    super();
    const history = featureNamed(schema, historyFeature);
    this.#item = idFeature(schema, itemFeature);
    if (history.kind !== "sequence" || vocabularyOf(history) !== vocabularyOf(this.#item)) {
      throw new ConfigError(`"${historyFeature}" must be a sequence of values of "${itemFeature}"`, {
        details: { history: historyFeature, kind: history.kind, item: itemFeature },
        hint: "declare the history with `target` set to the item's feature",
      });
    }
    this.#history = history;
    this.table = tablesFor(schema, [this.#item], { dim, init });
    this.dim = dim;
    this.length = history.maxLength;
    this.userShape = [dim];
    this.itemShape = [dim];
  }

  /** States after every item: `[batch, length, dim]`. */
  abstract states(histories: Histories): Tensor;

  /** The last state of each history; a user without one has zeros. */
  users(batch: Batch): Tensor {
    const slot = slotOf(this.#history, this.table);
    const histories: Histories = {
      items: batch.lookup([slot]),
      placed: (byPlace) => expandDims(byPlace, 0),
      allowed: undefined,
      keep: undefined,
    };
    const mask = batch.mask(this.#history.name); // [batch, length]
    const next = pad(slice(mask, { axis: 1, start: 1 }), { axis: 1, after: 1 });
    const last = expandDims(sub(mask, next), -1); // 1 at the last entry alone
    return this.represent(sum(mul(this.states(histories), last), { axis: 1 })); // [batch, dim]
  }

  items(batch: Batch): Tensor {
    return this.representItem(squeeze(batch.lookup([slotOf(this.#item, this.table)]), 1)); // [items, dim]
  }

  override queries(batch: Batch): Queries {
    const slot = {
      table: this.table[vocabularyOf(this.#item)],
      column: packedColumns.items,
      width: this.length,
    };
    const segment = batch.vector(packedColumns.segment); // [batch, length]
    const position = batch.vector(packedColumns.position);
    const same = cast(equal(expandDims(segment, 2), expandDims(segment, 1)), "float32");
    const histories: Histories = {
      items: batch.lookup([slot]),
      placed: (byPlace) => gather(byPlace, position),
      allowed: mul(same, causal(this.length)),
      keep: sub(1, cast(equal(position, constant(0, { dtype: "int32" })), "float32")),
    };
    const states = this.states(histories).reshape([-1, this.dim]); // [batch · length, dim]
    const weights = cast(less(constant(0), segment), "float32").reshape([-1]);
    return { users: this.represent(states), weights };
  }

  /** What a state is compared as. @default itself */
  protected represent(state: Tensor): Tensor {
    return state;
  }

  /** What an item's vector is compared as. @default itself */
  protected representItem(vector: Tensor): Tensor {
    return vector;
  }
}

/** float32 `[1, length, length]`: 1 where column j is not later than row i. */
export function causal(length: number): Tensor {
  const ones = Float32Array.from({ length: length * length }, (_, at) =>
    at % length <= Math.floor(at / length) ? 1 : 0,
  );
  return constant(ones, { shape: [1, length, length] });
}

/** `x / max(‖x‖, 1e-6)` over the last axis; zeros stay zeros. */
export function unitLength(x: Tensor): Tensor {
  return div(x, sqrt(sum(square(x), { axis: -1, keepDims: true }).add(1e-12)));
}
