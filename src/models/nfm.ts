import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { MLP, summedProducts } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions } from "./options.ts";

export const nfmOptions = z.strictObject({ ...embeddingOptions, ...deepOptions });
export type NFMOptions = z.input<typeof nfmOptions>;

/**
 * Neural factorization machine: a deep network on the summed products of all pairs of fields.
 *
 *     logit = b + Σ_f w_f[x_f] + MLP(Σ_{f<g} e_f ⊙ e_g)
 *
 * He and Chua, "Neural Factorization Machines for Sparse Predictive Analytics", SIGIR 2017,
 * arXiv:1708.05027. Dropout and batch norm in the network only, as in FuxiCTR.
 */
export class NFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly deep: MLP;

  constructor(schema: FeatureMap, options: NFMOptions = {}) {
    super();
    const given = parseOptions(nfmOptions, options, "NFM");
    const { embeddingDim, embeddingStd, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    this.deep = new MLP(embeddingDim, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const pooled = summedProducts(this.embedding.forward(batch)); // [batch, dim]
    return this.linear.forward(batch).add(this.deep.forwardAcrossSets(pooled).squeeze(1));
  }
}

export const nfm = describeInteraction({
  name: "NFM",
  summary: "A deep network on the summed products of all pairs of fields.",
  options: nfmOptions,
  model: NFM,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32, 16], batchNorm: true, netDropout: 0.2 },
});
