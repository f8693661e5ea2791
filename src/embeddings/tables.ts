/** Tables for the features of a schema: one a vocabulary, shared by all features that use it. */
import { ConfigError } from "../core/index.ts";
import { type Initializer, type LookupSlot, normalInit, Table, type TableOptions } from "../module/index.ts";
import { type Feature, type FeatureMap, numeralWidth } from "../schema/index.ts";

export type IdFeature = Exclude<Feature, { kind: "numeric" | "dense" }>;

/** How FuxiCTR and the BARS boards start embeddings: N(0, 1e-4²). */
export const defaultEmbeddingInit: Initializer = normalInit(1e-4);

export function isIdFeature(feature: Feature): feature is IdFeature {
  return feature.kind !== "numeric" && feature.kind !== "dense";
}

/** The key of the vocabulary a feature's ids come from; features with one key share a table. */
export function vocabularyOf(feature: IdFeature): string {
  return "encoder" in feature ? feature.encoder : feature.name;
}

/** Rows a table for this feature needs, reserved ids included. */
export function vocabularySize(schema: FeatureMap, feature: IdFeature): number {
  return "encoder" in feature ? schema.encoders[feature.encoder].size : feature.size;
}

export interface TableSetOptions extends Pick<TableOptions, "init" | "role" | "trainable"> {
  readonly dim: number;
}

/** One table for each vocabulary among the features. */
export function tablesFor(
  schema: FeatureMap,
  features: readonly IdFeature[],
  { dim, init, role, trainable }: TableSetOptions,
): { [vocabulary: string]: Table } {
  // Without a prototype: a vocabulary may be called `constructor`.
  const tables: { [vocabulary: string]: Table } = Object.create(null);
  for (const feature of features) {
    const rows = vocabularySize(schema, feature);
    tables[vocabularyOf(feature)] ??= new Table({ rows, dim, init, role, trainable }, defaultEmbeddingInit);
  }
  return tables;
}

/** Reading a feature's ids through its table. */
export function slotOf(feature: IdFeature, tables: { readonly [vocabulary: string]: Table }): LookupSlot {
  return { table: tables[vocabularyOf(feature)], column: feature.name, width: idsOf(feature) };
}

/** Ids that a row has of a feature. */
function idsOf(feature: IdFeature): number {
  switch (feature.kind) {
    case "categorical":
    case "bucket":
      return 1;
    case "numeral":
      return numeralWidth(feature);
    case "bag":
    case "sequence":
      return feature.maxLength;
  }
}

/** A feature by name; an unknown one is the user's mistake. */
export function featureNamed(schema: FeatureMap, name: string): Feature {
  const feature = schema.features.find((candidate) => candidate.name === name);
  if (feature === undefined) {
    throw new ConfigError(`the model names the feature "${name}", which the data does not have`, {
      details: { feature: name, known: schema.features.map((known) => known.name) },
      hint: "features are named in the `features` part of the configuration",
    });
  }
  return feature;
}
