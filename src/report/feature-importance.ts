/**
 * Permutation importance: how much AUC a trained model loses when one feature's values are handed to other
 * rows, on a sample. It says what this model leans on, not what a model without the feature would reach.
 * Breiman, "Random Forests", Machine Learning 45 (2001).
 */
import { CounterRandom } from "../core/index.ts";
import { auc } from "../evaluation/index.ts";
import type { OnnxPredictor } from "../run/index.ts";
import type { BatchSource, ColumnData, EncodedBatch } from "../schema/index.ts";

export interface ImportanceOptions {
  readonly label: string;
  readonly features: readonly string[];
  /** Most rows of the sample. @default 20_000, fewer where there are more than 50 features, from 1000 on */
  readonly rows?: number;
  readonly seed?: number;
}

/** AUC lost by feature; empty where the sample has one class only. */
export async function permutationImportance(
  predictor: Pick<OnnxPredictor, "predict">,
  source: BatchSource,
  { label, features, rows = sampleRows(features.length), seed = 0 }: ImportanceOptions,
): Promise<Map<string, number>> {
  const losses = new Map<string, number>();
  const sample = await firstBatch(source, rows, seed);
  if (sample === undefined) return losses;
  const aucOf = async (batch: EncodedBatch): Promise<number | null> => {
    const predictions = (await predictor.predict(batch))[label];
    return auc({ predictions, labels: sample.columns[label] }).value;
  };
  const whole = await aucOf(sample);
  if (whole === null) return losses;
  const widths = new Map(source.layout.map(({ name, width }) => [name, width]));
  for (const feature of features) {
    const order = new CounterRandom(seed, feature).permutation(sample.size);
    const moved = Object.entries(sample.columns).map(([name, data]) => {
      const own = name === feature || name.startsWith(`${feature}.`);
      return [name, own ? inOrder(data, widths.get(name) ?? 1, order) : data] as const;
    });
    const shuffled = await aucOf({ size: sample.size, columns: Object.fromEntries(moved) });
    if (shuffled !== null) losses.set(feature, whole - shuffled);
  }
  return losses;
}

/** A prediction of the whole sample is made for each feature: the work grows with neither beyond a bound. */
function sampleRows(features: number): number {
  return Math.max(1000, Math.min(20_000, Math.floor(1_000_000 / Math.max(1, features))));
}

async function firstBatch(
  source: BatchSource,
  rows: number,
  seed: number,
): Promise<EncodedBatch | undefined> {
  const options = { batchSize: Math.min(rows, Math.max(source.rows, 1)), shuffle: { seed, epoch: 0 } };
  for await (const batch of source.batches(options)) return batch;
  return undefined;
}

function inOrder(data: ColumnData, width: number, order: Uint32Array): ColumnData {
  const moved = data.slice();
  for (let row = 0; row < order.length; row++) {
    moved.set(data.subarray(order[row] * width, (order[row] + 1) * width), row * width);
  }
  return moved;
}
