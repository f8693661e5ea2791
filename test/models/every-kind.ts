/** A schema with every kind of feature, and rows for any schema, drawn from a seed. */
import { CounterRandom } from "../../src/core/index.ts";
import type { ModelDescription } from "../../src/models/index.ts";
import {
  batchLayout,
  type ColumnData,
  DOMAIN_ENCODER,
  type EncodedBatch,
  type Feature,
  type FeatureMap,
  FIRST_VALUE_ID,
  type IdEncoder,
  numeralIds,
} from "../../src/schema/index.ts";

function ids(size: number): IdEncoder {
  const values = Array.from({ length: size - FIRST_VALUE_ID }, (_, k) => `v${k}`);
  return { valueType: "string", trim: false, vocabulary: { type: "list", values, minCount: 1 }, size };
}

const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
const separator = undefined;

/** Histories share the tables of the candidate's item and category; tags are read by a bag and a sequence. */
export const everyKind: FeatureMap = {
  version: 1,
  features: [
    { kind: "categorical", name: "user", column: "user", encoder: "user" },
    { kind: "numeric", name: "price", column: "price", transform },
    { kind: "categorical", name: "item", column: "item", encoder: "item" },
    { kind: "bag", name: "tags", column: "tags", encoder: "tag", separator, maxLength: 4, pooling: "mean" },
    { kind: "categorical", name: "category", column: "category", encoder: "category" },
    { kind: "bucket", name: "hour", column: "hour", boundaries: [6, 12, 18], size: 7 },
    {
      kind: "sequence",
      name: "history",
      column: "history",
      encoder: "item",
      separator,
      maxLength: 6,
      target: "item",
      alignedWith: undefined,
      timesColumn: undefined,
    },
    {
      kind: "sequence",
      name: "historyCategory",
      column: "historyCategory",
      encoder: "category",
      separator,
      maxLength: 6,
      target: "category",
      alignedWith: "history",
      timesColumn: undefined,
    },
    { kind: "bag", name: "liked", column: "liked", encoder: "item", separator, maxLength: 3, pooling: "sum" },
    {
      kind: "sequence",
      name: "queries",
      column: "queries",
      encoder: "tag",
      separator,
      maxLength: 3,
      target: undefined,
      alignedWith: undefined,
      timesColumn: undefined,
    },
    { kind: "numeric", name: "age", column: "age", transform },
    { kind: "dense", name: "image", column: "image", dim: 5, separator },
  ],
  encoders: { user: ids(43), item: ids(30), category: ids(9), tag: ids(12) },
  labels: [{ name: "click", column: "click", threshold: undefined, positive: undefined, kind: "binary" }],
  weight: undefined,
  group: undefined,
  domain: undefined,
  timestamp: undefined,
  timestampUnit: undefined,
};

/** The same with a click, a purchase that needs a click, and a domain: for models of several tasks. */
export const everyTask: FeatureMap = {
  ...everyKind,
  encoders: { ...everyKind.encoders, [DOMAIN_ENCODER]: ids(6) },
  labels: [
    ...everyKind.labels,
    { name: "buy", column: "buy", threshold: undefined, positive: undefined, kind: "binary" },
  ],
  domain: "feed",
};

/** What a model of the catalogue is tried on. */
export function schemaOf({ predicts }: Pick<ModelDescription, "predicts">): FeatureMap {
  return predicts === "every label" ? everyTask : everyKind;
}

/** The schema with some features only. */
export function withFeatures(schema: FeatureMap, keep: (feature: Feature) => boolean): FeatureMap {
  return { ...schema, features: schema.features.filter(keep) };
}

/**
 * Random rows: small vocabularies give many duplicates, lists are of every length from none to full, and
 * consecutive rows have different users.
 */
export function drawRows(schema: FeatureMap, size: number, seed: number): EncodedBatch {
  const columns: { [name: string]: ColumnData } = {};
  const random = (name: string): CounterRandom => new CounterRandom(seed, "rows", name);
  const fill = (
    name: string,
    length: number,
    value: (i: number, random: CounterRandom) => number,
  ): Float32Array => {
    const stream = random(name);
    return Float32Array.from({ length }, (_, i) => value(i, stream));
  };
  for (const feature of schema.features) {
    const { name, kind } = feature;
    switch (kind) {
      case "categorical":
      case "bucket": {
        const rows = kind === "bucket" ? feature.size : schema.encoders[feature.encoder].size;
        columns[name] = Int32Array.from(
          fill(name, size, (i, r) =>
            name === "user" ? FIRST_VALUE_ID + (i % (rows - FIRST_VALUE_ID)) : 1 + r.integer(i, rows - 1),
          ),
        );
        break;
      }
      case "numeric":
      case "dense":
        columns[name] = fill(name, size * (kind === "dense" ? feature.dim : 1), (i, r) => r.normal(i));
        columns[`${name}.missing`] = fill(`${name}.missing`, size, (i, r) => (r.uniform(i) < 0.2 ? 1 : 0));
        break;
      case "numeral": {
        const values = fill(name, size, (i, r) => r.integer(i, feature.scale.largest + 2) - 1);
        const ids = Array.from(values, (value) =>
          Array.from(numeralIds(value < 0 ? undefined : value, feature)),
        );
        columns[name] = Int32Array.from(ids.flat());
        break;
      }
      case "bag":
      case "sequence": {
        const leader = (kind === "sequence" && feature.alignedWith) || name;
        const lengths = fill(`${leader}.length`, size, (i, r) => r.integer(i, feature.maxLength + 1));
        const rows = schema.encoders[feature.encoder].size;
        columns[`${name}.length`] = Int32Array.from(lengths);
        columns[name] = Int32Array.from(
          fill(name, size * feature.maxLength, (i, r) =>
            i % feature.maxLength < lengths[Math.floor(i / feature.maxLength)]
              ? 1 + r.integer(i, rows - 1)
              : 0,
          ),
        );
      }
    }
  }
  let before: ColumnData | undefined;
  for (const { name, kind } of schema.labels) {
    columns[name] = fill(name, size, (i, r) => (kind === "real" ? r.normal(i) : r.integer(i, 2)));
    if (kind === "real") continue;
    // A later event needs the one before.
    if (before !== undefined) for (let i = 0; i < size; i++) columns[name][i] *= before[i];
    before = columns[name];
  }
  for (const { name, role, dtype } of batchLayout(schema)) {
    if (role === "feature" || role === "label") continue;
    const most = role === "domain" ? (schema.encoders[DOMAIN_ENCODER]?.size ?? 4) - 1 : 3;
    const values = fill(name, size, (i, r) => 1 + r.integer(i, most));
    columns[name] = dtype === "int32" ? Int32Array.from(values) : values;
  }
  return { size, columns };
}

/** Rows `from` (inclusive) to `to` (exclusive) of a batch. */
export function sliceRows(schema: FeatureMap, batch: EncodedBatch, from: number, to: number): EncodedBatch {
  const columns = Object.fromEntries(
    batchLayout(schema).map(({ name, width }) => [name, batch.columns[name].slice(from * width, to * width)]),
  );
  return { size: to - from, columns };
}
