/** The training benchmark's model and batches: what `peer.py` has too. */
import { CounterRandom } from "../../src/core/index.ts";
import type { Model } from "../../src/module/index.ts";
import { modelNamed } from "../../src/run/index.ts";
import { batchLayout, type EncodedBatch, FIRST_VALUE_ID, type FeatureMap } from "../../src/schema/index.ts";

export const size = { batch: 4096, fields: 26, numeric: 13, dim: 16, rows: 1_000_000, pool: 32 } as const;
/** Known values a field; the reserved ids come on top. */
const values = Math.floor(size.rows / size.fields) - FIRST_VALUE_ID;
const zipfExponent = 1.1;

export type Ids = "uniform" | "zipf";
/** Interactions without, beside and instead of a deep network. */
export const modelNames = ["DCNv2", "DeepFM", "LR", "FM", "FinalMLP", "AutoInt"] as const;
export type ModelName = (typeof modelNames)[number];
/** Numbers as inputs of their own, or each as its value times a learned vector. */
export type NumericFields = "raw" | "embedded";

export function featureMap(): FeatureMap {
  const names = Array.from({ length: size.fields }, (_, f) => `c${f}`);
  const vocabulary = { type: "hash", buckets: values, seed: 0 } as const;
  const encoder = { valueType: "int64", trim: false, vocabulary, size: values + FIRST_VALUE_ID } as const;
  return {
    version: 1,
    features: [
      ...names.map((name) => ({ kind: "categorical", name, column: name, encoder: name }) as const),
      ...Array.from({ length: size.numeric }, (_, f) => {
        const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
        return { kind: "numeric", name: `n${f}`, column: `n${f}`, transform } as const;
      }),
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

/** Width of a model's flat input. */
export function inputWidth(numericFields: NumericFields): number {
  return size.fields * size.dim + size.numeric * (numericFields === "raw" ? 1 : size.dim);
}

/** How numbers enter a model: as asked where it takes them raw, else as fields, in the peer too. */
export function numericFieldsOf(name: ModelName, asked: NumericFields): NumericFields {
  return name === "DCNv2" || name === "DeepFM" ? asked : "embedded";
}

/** Widths of the deep network. */
const hidden = [400, 400, 400];

export function makeModel(name: ModelName, map: FeatureMap, numericFields: NumericFields): Model {
  const fields = { embeddingDim: size.dim, embeddingStd: 0.01 };
  const deep = { ...fields, hiddenUnits: hidden };
  const options = {
    LR: {},
    FM: fields,
    DeepFM: { ...deep, numericFields },
    DCNv2: { ...deep, numericFields, crossLayers: 3 },
    FinalMLP: {
      ...fields,
      mlp1HiddenUnits: hidden,
      mlp2HiddenUnits: hidden,
      useFeatureSelection: false,
    },
    AutoInt: { ...deep, attentionLayers: 2, attentionDim: 32, heads: 2 },
  }[name];
  return modelNamed(name).create(map, options);
}

/** Multiply-adds of a row in the matrix products of a forward pass. */
export function productsOf(name: ModelName, numericFields: NumericFields): number {
  const width = inputWidth(numericFields);
  const deep = width * 400 + 400 * 400 + 400 * 400;
  const fields = size.fields + (numericFields === "raw" ? 0 : size.numeric);
  // Queries, keys, values and, where the width changes, the residual; then scores and their sums of values.
  const attention = fields * (4 * size.dim * 32 + 3 * 32 * 32) + 2 * 2 * fields * fields * 32;
  switch (name) {
    case "LR":
    case "FM":
      return 0;
    case "DeepFM":
      return deep + 400;
    case "DCNv2":
      return 3 * width * width + deep + width + 400;
    case "FinalMLP":
      return 2 * deep + 400 * 400 + 2 * 400;
    case "AutoInt":
      return attention + fields * 32 + deep + 400;
  }
}

/** A pool of batches, drawn before timing. */
export function makeBatches(ids: Ids): EncodedBatch[] {
  const cumulative = zipfCumulative();
  return Array.from({ length: size.pool }, (_, b) => {
    const columns: { [name: string]: Int32Array | Float32Array } = {};
    for (let f = 0; f < size.fields; f++) {
      const random = new CounterRandom(b, "ids", f);
      const draw =
        ids === "uniform" ? (u: number) => Math.floor(u * values) : (u: number) => search(cumulative, u);
      columns[`c${f}`] = Int32Array.from(
        { length: size.batch },
        (_, i) => FIRST_VALUE_ID + draw(random.uniform(i)),
      );
    }
    for (let f = 0; f < size.numeric; f++) {
      const random = new CounterRandom(b, "numbers", f);
      columns[`n${f}`] = Float32Array.from({ length: size.batch }, (_, i) => random.normal(i));
      columns[`n${f}.missing`] = new Float32Array(size.batch);
    }
    const random = new CounterRandom(b, "labels");
    columns.y = Float32Array.from({ length: size.batch }, (_, i) => (random.uniform(i) < 0.25 ? 1 : 0));
    return { size: size.batch, columns };
  });
}

function zipfCumulative(): Float64Array {
  const cumulative = new Float64Array(values);
  let total = 0;
  for (let k = 0; k < values; k++) cumulative[k] = total += (k + 1) ** -zipfExponent;
  return cumulative.map((sum) => sum / total);
}

function search(cumulative: Float64Array, u: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] < u) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const layout = batchLayout(featureMap());
