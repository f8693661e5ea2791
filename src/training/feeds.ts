/** From encoded batches and weights to the arrays a training or evaluation graph is fed. */
import { CounterRandom, DataError } from "../core/index.ts";
import type { HostTensor } from "../engine/index.ts";
import type { LookupSlot } from "../module/index.ts";
import { type ColumnData, type EncodedBatch, FIRST_VALUE_ID } from "../schema/index.ts";
import type { ModelWeights } from "./model-weights.ts";
import type { SymbolicBatch, TracedLookup } from "./symbolic-batch.ts";

export type Feeds = { [name: string]: HostTensor };
type PutFeed = (name: string, tensor: HostTensor) => void;

/** Where a look-up's positions begin in its arena. */
export interface PlacedLookup {
  readonly lookup: TracedLookup;
  readonly first: number;
}

export class BatchFeeds {
  readonly #batch: SymbolicBatch;
  readonly #weights: ModelWeights;
  readonly #inputs: ReadonlySet<string>;

  /** @param inputs names the graph really uses */
  constructor(batch: SymbolicBatch, weights: ModelWeights, inputs: readonly string[]) {
    this.#batch = batch;
    this.#weights = weights;
    this.#inputs = new Set(inputs);
  }

  /** Fills the arenas' positions, finds unique rows when training, and gathers all feeds. */
  prepare(
    encoded: EncodedBatch,
    { training, randomKey = 0 }: { training: boolean; randomKey?: number },
  ): Feeds {
    const feeds: Feeds = {};
    const put: PutFeed = (name, tensor) => {
      if (this.#inputs.has(name)) feeds[name] = tensor;
    };
    this.#rows(encoded, { training, randomKey, put });
    for (const [k, { columns }] of this.#batch.groups.entries()) {
      const data = interleave(encoded, columns);
      put(`numbers:${k}`, { dtype: "float32", dims: [encoded.size, columns.length], data });
    }
    for (const [name, tensor] of this.#batch.inputs.used) {
      const data = encoded.columns[name] as Int32Array | Float32Array;
      const width = tensor.shape[1];
      const dims = typeof width === "number" ? [encoded.size, width] : [encoded.size];
      put(`column:${name}`, { dtype: tensor.dtype === "int32" ? "int32" : "float32", dims, data });
    }
    for (const [k, path] of [...this.#weights.parameters.keys()].entries()) {
      const { shape } = this.#weights.parameters.get(path) as { shape: readonly number[] };
      put(`parameter:${path}`, { dtype: "float32", dims: shape, data: this.#weights.dense.parameter(k) });
    }
    for (const [path, state] of this.#weights.states) {
      put(`state:${path}`, { dtype: "float32", dims: state.shape, data: this.#weights.state(state) });
    }
    put("randomKey", { dtype: "uint32", dims: [], data: Uint32Array.of(randomKey) });
    return feeds;
  }

  /** Look-ups with the place of their positions for a batch of `size` rows. */
  placed(size: number): PlacedLookup[] {
    const next = this.#weights.arenas.map(() => 0);
    return this.#batch.lookups.map((lookup) => {
      const first = next[lookup.arena];
      next[lookup.arena] += size * lookup.width;
      return { lookup, first };
    });
  }

  #rows(
    encoded: EncodedBatch,
    { training, randomKey, put }: { training: boolean; randomKey: number; put: PutFeed },
  ): void {
    const { arenas } = this.#weights;
    const placed = this.placed(encoded.size);
    const counts = arenas.map(() => 0);
    for (const { lookup, first } of placed) {
      this.#fillPositions(encoded, lookup, { rows: arenas[lookup.arena].positionRows, first, randomKey });
      counts[lookup.arena] = first + encoded.size * lookup.width;
    }
    for (const [k, arena] of arenas.entries()) {
      if (training && arena.optimizer !== undefined) arena.group(counts[k]);
      else arena.lookUp(counts[k]);
      const rows = arena.tensor.length / arena.dim;
      put(`arena:${k}`, { dtype: "float32", dims: [rows, arena.dim], data: arena.tensor });
    }
    for (const [k, { lookup, first }] of placed.entries()) {
      const count = encoded.size * lookup.width;
      const data = arenas[lookup.arena].gatherIndices.subarray(first, first + count);
      put(`index:${k}`, { dtype: "int32", dims: [encoded.size, lookup.width], data });
    }
  }

  #fillPositions(
    encoded: EncodedBatch,
    lookup: TracedLookup,
    { rows, first, randomKey }: { rows: Int32Array; first: number; randomKey: number },
  ): void {
    let offset = first;
    for (const slot of lookup.slots) {
      const { table, column, width } = slot;
      const ids =
        slot.sampled === undefined
          ? (encoded.columns[column] as Int32Array)
          : sampledIds(slot, encoded.size, randomKey);
      const base = this.#weights.placed(table).first;
      const { width: stride } = lookup;
      for (let i = 0, from = 0, at = offset; i < encoded.size; i++, at += stride) {
        for (let j = 0; j < width; j++, from++) {
          const id = ids[from];
          // Beyond its own table an id would read the next one's rows.
          if (id < 0 || id >= table.rows) throw badId(column, i, id, table.rows);
          rows[at + j] = base + id;
        }
      }
      offset += width;
    }
  }
}

/** Ids drawn uniformly from a table's values, a function of the step's key and the slot alone. */
function sampledIds({ table, column, width, sampled }: LookupSlot, size: number, key: number): Int32Array {
  const random = new CounterRandom(key, "sampled ids", column, sampled ?? "");
  const values = table.rows - FIRST_VALUE_ID;
  return Int32Array.from(
    { length: size * width },
    (_, i) => FIRST_VALUE_ID + Math.floor(random.uniform(i) * values),
  );
}

function badId(column: string, row: number, id: number, rows: number): DataError {
  return new DataError(
    `id ${id} of column "${column}" is outside its table of ${rows} rows (row ${row} of the batch)`,
    {
      details: { column, row, id, rows },
      hint: "encode the data with the feature map that the model was built from",
    },
  );
}

/** Scalar columns side by side, `[size, columns]`. */
function interleave(encoded: EncodedBatch, columns: readonly string[]): Float32Array {
  const width = columns.length;
  const out = new Float32Array(encoded.size * width);
  for (const [k, column] of columns.entries()) {
    const data: ColumnData = encoded.columns[column];
    for (let i = 0, at = k; i < encoded.size; i++, at += width) out[at] = data[i];
  }
  return out;
}
