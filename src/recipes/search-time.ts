/**
 * What the search among kept keys costs: DARE's first stage for one user's long history and some candidates, with
 * attention of any width. Weights and ids are random; time does not depend on them.
 */
import { CounterRandom } from "../core/index.ts";
import type { Engine, HostTensor } from "../engine/index.ts";
import { DARE } from "../models/index.ts";
import { initialValues } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { searchStages } from "../training/index.ts";

export interface LongHistory {
  readonly length: number;
  /** Known items and categories. */
  readonly items: number;
  readonly categories: number;
}

/** A user's history of items with their categories, a candidate and a click: what the paper has, nothing else. */
export function longHistoryMap({ length, items, categories }: LongHistory): FeatureMap {
  const hashed = (buckets: number) => {
    const vocabulary = { type: "hash", buckets, seed: 0 } as const;
    return { valueType: "int64", trim: false, vocabulary, size: buckets + FIRST_VALUE_ID } as const;
  };
  const scalar = (name: string) => ({ kind: "categorical", name, column: name, encoder: name }) as const;
  const list = (name: string, target: string, alignedWith: string | undefined) =>
    ({
      kind: "sequence",
      name,
      column: name,
      encoder: target,
      separator: undefined,
      maxLength: length,
      target,
      alignedWith,
      timesColumn: undefined,
    }) as const;
  return {
    version: 1,
    features: [
      scalar("item"),
      scalar("category"),
      list("items", "item", undefined),
      list("categories", "category", "items"),
    ],
    encoders: { item: hashed(items), category: hashed(categories) },
    labels: [{ name: "click", column: "click", threshold: undefined, positive: undefined, kind: "binary" }],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
}

export interface SearchTimeOptions extends LongHistory {
  readonly attentionDim: number;
  readonly candidates: number;
  readonly k: number;
  /** Searches timed; the fastest counts, as the others wait for other processes. @default 20 */
  readonly repeats?: number;
  readonly threads?: number;
  readonly engine: Engine;
}

/** Milliseconds of one search for all candidates. */
export async function searchMilliseconds(options: SearchTimeOptions): Promise<number> {
  const { repeats = 20 } = options;
  const search = await timedSearch(options);
  try {
    const samples: number[] = [];
    for (let r = 0; r < repeats + 3; r++) {
      const milliseconds = await search.run();
      if (r >= 3) samples.push(milliseconds);
    }
    return Math.min(...samples);
  } finally {
    await search.release();
  }
}

/** One search that may be run again and again, each returning its milliseconds. */
export async function timedSearch({
  attentionDim,
  candidates,
  k,
  threads,
  engine,
  ...history
}: SearchTimeOptions): Promise<{ run(): Promise<number>; release(): Promise<void> }> {
  const schema = longHistoryMap(history);
  const model = new DARE(schema, { embeddingDim: 16, attentionDim, k });
  const [tables, parameters, states] = [model.namedTables(), model.namedParameters(), model.namedStates()];
  const weights = {
    table: (path: string) => {
      const table = tables.get(path);
      return table === undefined
        ? new Float32Array()
        : initialValues(table.init, [table.rows, table.dim], 1, path);
    },
    parameter: (path: string) => {
      const leaf = parameters.get(path);
      return leaf === undefined ? new Float32Array() : initialValues(leaf.init, leaf.shape, 1, path);
    },
    state: (path: string) => new Float32Array(states.get(path)?.shape[0] ?? 0),
  };
  const { histories } = searchStages({ model, schema, weights, tables: "stored" });
  const [{ search, keyWidth }] = histories;
  const session = await engine.load(search.model, { threads });
  const ids = (name: string, known: number): HostTensor => {
    const random = new CounterRandom(1, name);
    const values = Int32Array.from(
      { length: candidates },
      (_, i) => FIRST_VALUE_ID + random.integer(i, known),
    );
    return hostTensor("int32", [candidates], values);
  };
  const feeds = {
    item: ids("item", history.items),
    category: ids("category", history.categories),
    keys: hostTensor("float32", [history.length, keyWidth], drawn("keys", history.length * keyWidth)),
    length: hostTensor("int32", [1], Int32Array.of(history.length)),
  };
  return {
    async run() {
      const start = performance.now();
      await session.run(feeds);
      return performance.now() - start;
    },
    async release() {
      await session.release();
    },
  };
}

function drawn(name: string, size: number): Float32Array {
  const random = new CounterRandom(1, "search time", name);
  return Float32Array.from({ length: size }, (_, i) => 0.1 * random.normal(i));
}
