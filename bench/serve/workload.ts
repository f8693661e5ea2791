/**
 * The serving benchmark's model and tables, written to a folder: 26 categorical and 13 numeric features,
 * dimension 16, MLP 400-400-400. Ten fields and five numbers are the user's, the rest the item's. Weights are
 * initial ones: speed does not depend on what was learned.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CounterRandom } from "../../src/core/index.ts";
import { DCNv2, DIN, EarlyStageMTL } from "../../src/models/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import type { Model } from "../../src/module/index.ts";
import { saveModel } from "../../src/onnx/node/index.ts";
import {
  openRetrievalRun,
  parseRetrievalConfig,
  trainRetrievalRun,
  writeIndex,
} from "../../src/retrieval/index.ts";
import { openRun, withStoredTables, writeBundle } from "../../src/run/index.ts";
import { parseConfig } from "../../src/run/index.ts";
import type { Feature, FeatureMap, IdEncoder } from "../../src/schema/index.ts";
import { ModelWeights } from "../../src/training/index.ts";

export const size = {
  fields: 26,
  numbers: 13,
  userFields: 10,
  userNumbers: 5,
  dim: 16,
  values: 20_000,
  users: 20_000,
  items: 100_000,
  history: 50,
} as const;

/** EarlyStageMTL is the cascade's early stage. */
export type ModelName = "DCNv2" | "DIN" | "EarlyStageMTL";

/** Fields are `c0` … `c25`; `c0` is the user's id and `c10` the item's. */
export const userKey = "c0";
export const itemKey = `c${size.userFields}`;

const valuesOf = (field: number): number =>
  field === size.userFields ? size.items : field === 0 ? size.users : size.values;

export function featureMap(model: ModelName): FeatureMap {
  const encoders: { [name: string]: IdEncoder } = {};
  const features: Feature[] = [];
  for (let f = 0; f < size.fields; f++) {
    const name = `c${f}`;
    const values = Array.from({ length: valuesOf(f) }, (_, k) => String(k));
    encoders[name] = {
      valueType: "int64",
      trim: false,
      vocabulary: { type: "list", values, minCount: 1 },
      size: values.length + 3,
    };
    features.push({ kind: "categorical", name, column: name, encoder: name });
  }
  for (let f = 0; f < size.numbers; f++) {
    const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
    features.push({ kind: "numeric", name: `n${f}`, column: `n${f}`, transform });
  }
  if (model === "DIN") {
    features.push({
      kind: "sequence",
      name: "history",
      column: "history",
      encoder: itemKey,
      separator: " ",
      maxLength: size.history,
      target: itemKey,
      alignedWith: undefined,
      timesColumn: undefined,
    });
  }
  return {
    version: 1,
    features,
    encoders,
    labels: [{ name: "click", column: "click", threshold: undefined, positive: undefined, kind: "binary" }],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
}

/** Everything of the item's side. */
const earlyStage = {
  itemFeatures: [
    ...Array.from({ length: size.fields - size.userFields }, (_, k) => `c${size.userFields + k}`),
    ...Array.from({ length: size.numbers - size.userNumbers }, (_, k) => `n${size.userNumbers + k}`),
  ],
  embeddingDim: size.dim,
  embeddingStd: 0.05,
  hiddenUnits: [256, 128],
  headDim: 32,
};

function makeModel(name: ModelName, map: FeatureMap): Model {
  if (name === "EarlyStageMTL") return new EarlyStageMTL(map, earlyStage);
  const options = { embeddingDim: size.dim, embeddingStd: 0.05, hiddenUnits: [400, 400, 400] };
  return name === "DCNv2" ? new DCNv2(map, { ...options, crossLayers: 3 }) : new DIN(map, options);
}

/** Writes a run, and unless told otherwise the same model as one self-contained file for the peer. */
export function writeRun(
  folder: string,
  name: ModelName,
  { seed = 1, whole = true }: { readonly seed?: number; readonly whole?: boolean } = {},
): void {
  const map = featureMap(name);
  const model = makeModel(name, map);
  const weights = new ModelWeights(model, { seed, positions: [...model.namedTables()].map(() => 1) });
  writeBundle(folder, { model, map, weights });
  const config = parseConfig({
    data: { train: "none.csv" },
    features: [{ name: "c0", kind: "categorical" }],
    labels: [{ name: "click" }],
    ...(name === "EarlyStageMTL" && { model: { name, ...earlyStage } }),
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  if (!whole) return;
  const run = openRun(folder);
  saveModel(join(folder, "whole.onnx"), withStoredTables(run.model, run.tables));
}

/** A retrieval run over all items, with an exact index; its vectors are of one short epoch. */
export async function writeRetrieval(folder: string): Promise<void> {
  const { users, items } = size;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "walks.txt");
  const each = items / users;
  const walks = Array.from({ length: users }, (_, u) => {
    const own = Array.from({ length: each }, (_, k) => (u * each + k * 7919) % items);
    // Every item belongs to somebody.
    return [u, ...own, ...Array.from({ length: each }, (_, k) => u * each + k)].join(" ");
  });
  writeFileSync(file, walks.join("\n"));
  const config = parseRetrievalConfig({
    task: "retrieval",
    interactions: { train: file, test: file, split: "given", validShare: 0 },
    model: { name: "MF", embeddingDim: 64 },
    objective: { name: "bpr" },
    batchSize: 4096,
    training: { epochs: 1, metrics: ["recall@10"] },
  });
  const directory = join(folder, "run");
  await trainRetrievalRun(config, { directory, engine: await createEngine("auto") });
  const run = openRetrievalRun(directory);
  writeIndex(run.indexDirectory, run.content(), { kind: "exact" });
}

/** `users.csv` and `items.csv`. */
export function writeTables(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const { userFields, userNumbers, fields, numbers, users, items, history } = size;
  const write = (file: string, rows: number, first: number, end: number, n: number, nEnd: number): void => {
    const random = new CounterRandom(5, file);
    const columns = [
      ...Array.from({ length: end - first }, (_, k) => `c${first + k}`),
      ...Array.from({ length: nEnd - n }, (_, k) => `n${n + k}`),
      ...(file === "users.csv" ? ["history"] : []),
    ];
    const lines = [columns.join(",")];
    let counter = 0;
    for (let row = 0; row < rows; row++) {
      const cells = columns.map((_, k): string | number => {
        if (k === 0) return row;
        if (k >= end - first + nEnd - n) {
          return Array.from({ length: history }, () =>
            Math.floor(random.uniform(counter++) ** 3 * items),
          ).join(" ");
        }
        if (k >= end - first) return random.normal(2 * counter++).toFixed(4);
        return Math.floor(random.uniform(2 * counter++) ** 3 * valuesOf(first + k));
      });
      lines.push(cells.join(","));
    }
    writeFileSync(join(folder, file), `${lines.join("\n")}\n`);
  };
  write("users.csv", users, 0, userFields, 0, userNumbers);
  write("items.csv", items, userFields, fields, userNumbers, numbers);
}
