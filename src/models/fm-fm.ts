import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { WeightedPairs } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { embeddingOptions } from "./options.ts";

export const fmFMOptions = z.strictObject({
  ...embeddingOptions,
  fieldInteraction: z
    .enum(["matrix", "vector"])
    .default("matrix")
    .describe("What a pair of fields has: a `matrix`, or its diagonal alone, a `vector`."),
});
export type FmFMOptions = z.input<typeof fmFMOptions>;

/**
 * Field-matrixed factorization machine: every pair of fields has a matrix between its vectors.
 *
 *     logit = b + Σ_f w_f[x_f] + Σ_{f<g} e_fᵀ M_fg e_g
 *
 * Sun et al., "FM²: Field-matrixed Factorization Machines for Recommender Systems", WWW 2021,
 * arXiv:2102.12994. One width for all fields.
 */
export class FmFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly pairs: WeightedPairs;

  constructor(schema: FeatureMap, options: FmFMOptions = {}) {
    super();
    const {
      embeddingDim: dim,
      embeddingStd,
      fieldInteraction: form,
    } = parseOptions(fmFMOptions, options, "FmFM");
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim, init });
    this.pairs = new WeightedPairs(this.embedding.fields, dim, { form });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    return this.linear.forward(batch).add(acrossSets(this.pairs.forward(this.embedding.forward(batch))));
  }
}

export const fmFM = describeInteraction({
  name: "FmFM",
  summary: "Factorization machine with a matrix for every pair of fields.",
  options: fmFMOptions,
  model: FmFM,
  example: { embeddingDim: 4, embeddingStd: 0.1 },
});
