import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { pairwiseInteraction } from "../ops/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { embeddingOptions } from "./options.ts";

export const fmOptions = z.strictObject(embeddingOptions);
export type FMOptions = z.input<typeof fmOptions>;

/**
 * Factorization machine: `logit = b + Σ_f w_f[x_f] + Σ_{f<g} ⟨e_f, e_g⟩`.
 *
 * Rendle, "Factorization Machines", ICDM 2010.
 */
export class FM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;

  constructor(schema: FeatureMap, options: FMOptions = {}) {
    super();
    const { embeddingDim, embeddingStd } = parseOptions(fmOptions, options, "FM");
    this.linear = new LinearLogit(schema, { init: normalInit(embeddingStd) });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init: normalInit(embeddingStd) });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    return this.linear.forward(batch).add(acrossSets(pairwiseInteraction(this.embedding.forward(batch))));
  }
}

export const fm = describeInteraction({
  name: "FM",
  summary: "Factorization machine: all pairs of fields.",
  options: fmOptions,
  model: FM,
  example: { embeddingDim: 4, embeddingStd: 0.1 },
});
