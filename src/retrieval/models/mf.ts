/**
 * Matrix factorisation: a vector a user, a vector an item, their dot product (and a bias of the item where
 * asked for). With BPR it is the baseline of collaborative filtering. Koren, Bell and Volinsky, IEEE
 * Computer 42(8), 2009; Rendle et al., UAI 2009, arXiv:1205.2618.
 */
import { z } from "zod";
import { ConfigError, parseOptions } from "../../core/index.ts";
import { featureNamed, type IdFeature, isIdFeature, slotOf, tablesFor } from "../../embeddings/index.ts";
import { type Batch, normalInit, type Table } from "../../module/index.ts";
import { squeeze } from "../../ops/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { interactionFeatures } from "../interaction-schema.ts";
import { RetrievalModel } from "../retrieval-model.ts";
import { describeRetrieval } from "./describe-retrieval.ts";

export const mfOptions = z.strictObject({
  embeddingDim: z.number().int().positive().default(64).describe("Width of a user's and an item's vector."),
  embeddingStd: z.number().positive().default(0.1).describe("Standard deviation that vectors start from."),
  userFeature: z.string().default(interactionFeatures.user).describe("Feature that names the user."),
  itemFeature: z.string().default(interactionFeatures.item).describe("Feature that names the item."),
});

export type MFOptions = z.input<typeof mfOptions>;

export class MF extends RetrievalModel {
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  readonly userTable: { readonly [vocabulary: string]: Table };
  readonly itemTable: { readonly [vocabulary: string]: Table };
  readonly #user: IdFeature;
  readonly #item: IdFeature;

  /** @throws ConfigError when a feature is missing or no id */
  constructor(schema: FeatureMap, options: MFOptions = {}) {
    super();
    const { embeddingDim, embeddingStd, userFeature, itemFeature } = parseOptions(mfOptions, options, "MF");
    this.#user = idFeature(schema, userFeature);
    this.#item = idFeature(schema, itemFeature);
    const table = { dim: embeddingDim, init: normalInit(embeddingStd) };
    this.userTable = tablesFor(schema, [this.#user], table);
    this.itemTable = tablesFor(schema, [this.#item], table);
    this.userShape = [embeddingDim];
    this.itemShape = [embeddingDim];
  }

  users(batch: Batch): Tensor {
    return squeeze(batch.lookup([slotOf(this.#user, this.userTable)]), 1); // [batch, dim]
  }

  items(batch: Batch): Tensor {
    return squeeze(batch.lookup([slotOf(this.#item, this.itemTable)]), 1); // [items, dim]
  }
}

/** @throws ConfigError when the feature is missing or not one id a row */
export function idFeature(schema: FeatureMap, name: string): IdFeature {
  const feature = featureNamed(schema, name);
  if (isIdFeature(feature) && (feature.kind === "categorical" || feature.kind === "bucket")) return feature;
  throw new ConfigError(`"${name}" must be one id a row, and is ${feature.kind}`, {
    details: { feature: name, kind: feature.kind },
    hint: "name a categorical feature",
  });
}

export const mf = describeRetrieval({
  name: "MF",
  summary: "A vector a user, a vector an item, their dot product.",
  training: "pairs",
  options: mfOptions,
  model: MF,
  example: { embeddingDim: 4 },
});
