/** Made-up encoded data in the shape of public click logs: many categorical fields, some numbers, one label. */
import { CounterRandom } from "../core/index.ts";
import { type EncodedBatch, FIRST_VALUE_ID, type FeatureMap } from "../schema/index.ts";

export interface WorkloadSize {
  readonly fields: number;
  readonly numeric: number;
  /** Known values of each field. */
  readonly values: number;
  readonly batch: number;
}

export function workloadMap({ fields, numeric, values }: WorkloadSize): FeatureMap {
  const names = Array.from({ length: fields }, (_, f) => `c${f}`);
  const vocabulary = { type: "hash", buckets: values, seed: 0 } as const;
  const encoder = { valueType: "int64", trim: false, vocabulary, size: values + FIRST_VALUE_ID } as const;
  const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
  return {
    version: 1,
    features: [
      ...names.map((name) => ({ kind: "categorical", name, column: name, encoder: name }) as const),
      ...Array.from(
        { length: numeric },
        (_, f) => ({ kind: "numeric", name: `n${f}`, column: `n${f}`, transform }) as const,
      ),
    ],
    encoders: Object.fromEntries(names.map((name) => [name, encoder])),
    labels: [{ name: "y", column: "y", threshold: undefined, positive: undefined, kind: "binary" }],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
}

/** Batches with ids that thin out like a power law: `⌊values · u³⌋`. */
export function workloadBatches(size: WorkloadSize, batches: number): EncodedBatch[] {
  const { fields, numeric, values, batch } = size;
  return Array.from({ length: batches }, (_, b) => {
    const columns: { [name: string]: Int32Array | Float32Array } = {};
    for (let f = 0; f < fields; f++) {
      const random = new CounterRandom(b, "ids", f);
      columns[`c${f}`] = Int32Array.from(
        { length: batch },
        (_, i) => FIRST_VALUE_ID + Math.floor(values * random.uniform(i) ** 3),
      );
    }
    for (let f = 0; f < numeric; f++) {
      const random = new CounterRandom(b, "numbers", f);
      columns[`n${f}`] = Float32Array.from({ length: batch }, (_, i) => random.normal(i));
      columns[`n${f}.missing`] = new Float32Array(batch);
    }
    const random = new CounterRandom(b, "labels");
    columns.y = Float32Array.from({ length: batch }, (_, i) => (random.uniform(i) < 0.25 ? 1 : 0));
    return { size: batch, columns };
  });
}

/** The models that benchmarks run, with the options that board results use most. */
export const workloadModels = [
  { name: "LR", options: {} },
  { name: "DeepFM", options: {} },
  { name: "DCNv2", options: {} },
] as const;
