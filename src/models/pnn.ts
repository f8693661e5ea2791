import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { fieldPairs, innerProducts, MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat, expandDims, mul, reshape, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const pnnOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  product: z
    .enum(["inner", "outer", "both"])
    .default("inner")
    .describe(
      "`inner`: the inner product of every pair of fields (IPNN); `outer`: the outer product of the fields' " +
        "sum with itself (OPNN); `both`: side by side (PNN*).",
    ),
});
export type PNNOptions = z.input<typeof pnnOptions>;

/**
 * Product-based neural network: a deep network on the embeddings and their products.
 *
 *     IPNN   logit = MLP([x₀ ; ⟨e_f, e_g⟩ for f < g])
 *     OPNN   logit = MLP([x₀ ; σ σᵀ]),   σ = Σ_f e_f
 *
 * Qu et al., "Product-based Neural Networks for User Response Prediction", ICDM 2016, arXiv:1611.00144.
 * Each pair once and no field with itself, as in FuxiCTR (github.com/reczoo/FuxiCTR, model_zoo/PNN); OPNN with the superposition of the paper.
 */
export class PNN extends Model {
  readonly embedding: FieldEmbedding;
  readonly deep: MLP;
  readonly #inner: boolean;
  readonly #outer: boolean;

  constructor(schema: FeatureMap, options: PNNOptions = {}) {
    super();
    const given = parseOptions(pnnOptions, options, "PNN");
    const { embeddingDim: dim, embeddingStd, numericFields, product, hiddenUnits } = given;
    this.#inner = product !== "outer";
    this.#outer = product !== "inner";
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd), numericFields });
    const { width, fields } = this.embedding;
    const inputs = width + (this.#inner ? fieldPairs(fields).count : 0) + (this.#outer ? dim * dim : 0);
    this.deep = new MLP(inputs, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const parts = [this.embedding.flatten(fields, batch)];
    if (this.#inner) parts.push(innerProducts(fields)); // [batch, pairs]
    if (this.#outer) parts.push(outerProductOfSum(fields)); // [batch, dim²]
    return this.deep.forwardAcrossSets(concat(parts)).squeeze(1);
  }
}

/** `[batch, fields, dim]` to `[batch, dim²]`. */
function outerProductOfSum(fields: Tensor): Tensor {
  const [batch, , dim] = fields.shape;
  const total = sum(fields, { axis: 1 }); // [batch, dim]
  return reshape(mul(expandDims(total, 2), expandDims(total, 1)), [batch, (dim as number) ** 2]);
}

export const pnn = describeInteraction({
  name: "PNN",
  summary: "A deep network on embeddings and their products.",
  options: pnnOptions,
  model: PNN,
  example: { embeddingDim: 4, embeddingStd: 0.1, product: "both", hiddenUnits: [32, 16], netDropout: 0.2 },
});
