import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const wideDeepOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
});
export type WideDeepOptions = z.input<typeof wideDeepOptions>;

/**
 * Wide & Deep: a linear model for what should be learned by heart and a deep network for what should
 * generalise, trained together.
 *
 *     logit = b + Σ_f w_f[x_f] + MLP(x₀)
 *
 * Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016, arXiv:1606.07792. The wide part
 * reads the same fields as the deep one; the paper's hand-made crosses are features of the data, as in
 * FuxiCTR (github.com/reczoo/FuxiCTR, model_zoo/WideDeep).
 */
export class WideDeep extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly deep: MLP;

  constructor(schema: FeatureMap, options: WideDeepOptions = {}) {
    super();
    const given = parseOptions(wideDeepOptions, options, "WideDeep");
    const { embeddingDim, embeddingStd, numericFields, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    this.deep = new MLP(this.embedding.width, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const deep = this.deep.forwardAcrossSets(this.embedding.forwardFlat(batch)).squeeze(1);
    return this.linear.forward(batch).add(deep);
  }
}

export const wideDeep = describeInteraction({
  name: "WideDeep",
  summary: "A linear model and a deep network, added up.",
  options: wideDeepOptions,
  model: WideDeep,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32, 16], netDropout: 0.2 },
});
