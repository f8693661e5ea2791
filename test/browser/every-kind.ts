/** A small interaction log whose columns need every kind of feature, and models trained on it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CounterRandom } from "../../src/core/index.ts";
import { writeJsonAtomic } from "../../src/core/node/index.ts";
import { type PreparedDataset, prepareDataset } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import {
  buildModel,
  type ConfigInput,
  dataConfigOf,
  openRun,
  parseConfig,
  runFiles,
  storeTables,
  writeBundle,
  storedConfig,
} from "../../src/run/index.ts";
import type { EncodedBatch } from "../../src/schema/index.ts";
import { type Learner, train } from "../../src/training/index.ts";

const features: ConfigInput["features"] = [
  { name: "user", kind: "categorical", minCount: 2 },
  { name: "item", kind: "categorical" },
  { name: "page", kind: "categorical", hashBuckets: 16 },
  { name: "price", kind: "numeric", transform: "log_standard", clip: [0, 500] },
  { name: "position", kind: "numeric", transform: "raw", fill: "zero" },
  { name: "bid", kind: "numeric", transform: "buckets", buckets: 4 },
  { name: "tags", kind: "bag", separator: "|", pooling: "mean" },
  { name: "history", kind: "sequence", target: "item", timesColumn: "history_times", maxLength: 6 },
  { name: "history_pages", kind: "sequence", target: "page", alignedWith: "history", maxLength: 6 },
  { name: "vector", kind: "dense", dim: 3 },
];

/** Clicks that depend on user, item and price; some values are missing, some lists empty. */
export function writeClicks(folder: string, rows = 480): string {
  const random = new CounterRandom(5, "clicks");
  const draw = (row: number, k: number, below: number): number => random.integer(64 * row + k, below);
  const lines = Array.from({ length: rows }, (_, row) => {
    const user = draw(row, 0, 30);
    const item = draw(row, 1, 20);
    const entries = draw(row, 2, 9);
    const price = 2 + draw(row, 3, 90);
    const chance = 1 / (1 + Math.exp(1.5 - (user % 3) - (item % 4) / 2 + price / 60));
    const list = (first: number, of: (k: number) => unknown): unknown[] =>
      Array.from({ length: entries }, (_, k) => of(first + k));
    return JSON.stringify({
      user: `u${user}`,
      item,
      page: draw(row, 4, 12) === 0 ? null : `/page/${draw(row, 5, 40)}`,
      price: draw(row, 6, 15) === 0 ? null : price,
      position: draw(row, 7, 10) === 0 ? null : draw(row, 8, 5),
      bid: draw(row, 9, 10) === 0 ? null : draw(row, 10, 1000) / 100,
      tags: ["new", "sale", "gift", "rare"].filter((_, k) => draw(row, 11 + k, 3) === 0).join("|"),
      history: list(16, (k) => draw(row, k, 20)),
      history_times: list(16, (k) => 1_700_000_000 + 60 * row - 1000 * (30 - k)),
      history_pages: list(32, (k) => `/page/${draw(row, k, 40)}`),
      vector: draw(row, 15, 12) === 0 ? null : [0, 1, 2].map((k) => random.normal(64 * row + 50 + k)),
      time: 1_700_000_000 + 60 * row,
      click: random.uniform(64 * row + 60) < chance ? 1 : 0,
    });
  });
  const path = join(folder, "clicks.jsonl");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

export interface TrainedModel {
  readonly learner: Learner;
  readonly dataset: PreparedDataset;
  /** The self-contained ONNX file's bytes. */
  readonly onnx: Uint8Array;
  /** Name of the output with the click's probability. */
  readonly output: string;
  /** The test split, whole. */
  readonly batch: EncodedBatch;
  /** The trainer's own probabilities of the test split. */
  readonly expected: Float32Array;
}

/** The data half of a configuration for these clicks. */
export function dataConfigFor(folder: string, clicks: string) {
  return {
    data: {
      train: clicks,
      split: { by: "ratio" as const, train: 0.7, test: 0.3, seed: 3 },
      cacheDir: join(folder, "cache"),
    },
    features,
    labels: [{ name: "click" }],
    timestamp: "time",
  };
}

/** Trains one model for two epochs, writes its run and reads it back as a self-contained file. */
export async function trainTiny(
  folder: string,
  clicks: string,
  model: ConfigInput["model"],
): Promise<TrainedModel> {
  const config = parseConfig({
    ...dataConfigFor(folder, clicks),
    model,
    training: { batchSize: 64, epochs: 2, learningRate: 0.01 },
  });
  const dataset = await prepareDataset(dataConfigOf(config));
  const { map, splits } = dataset;
  const built = buildModel(config, map);
  const engine = await createEngine("native");
  const { learner } = await train({
    model: built,
    map,
    train: splits.train,
    engine,
    options: config.training,
  });
  const directory = join(folder, config.model.name);
  writeJsonAtomic(join(directory, runFiles.config), storedConfig(config));
  writeBundle(directory, { model: built, map, weights: learner.weights });
  const run = openRun(directory);
  if (splits.test === undefined) throw new Error("the split has no test rows");
  const batch = await wholeSplit(splits.test);
  const { click: expected } = await predictInParts(learner, batch, 64);
  return {
    learner,
    dataset,
    onnx: storeTables(run.model, run.tables),
    output: run.predictions.click,
    batch,
    expected,
  };
}

async function wholeSplit(source: NonNullable<PreparedDataset["splits"]["test"]>): Promise<EncodedBatch> {
  for await (const batch of source.batches({ batchSize: source.rows })) return batch;
  throw new Error("the split is empty");
}

/** A learner takes at most its batch size at a time. */
async function predictInParts(
  learner: Learner,
  { size, columns }: EncodedBatch,
  batchSize: number,
): Promise<{ click: Float32Array }> {
  const click = new Float32Array(size);
  for (let start = 0; start < size; start += batchSize) {
    const rows = Math.min(batchSize, size - start);
    const part = Object.entries(columns).map(([name, data]) => {
      const width = data.length / size;
      return [name, data.slice(start * width, (start + rows) * width)] as const;
    });
    click.set((await learner.predict({ size: rows, columns: Object.fromEntries(part) })).click, start);
  }
  return { click };
}
