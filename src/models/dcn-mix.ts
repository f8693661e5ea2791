import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { CrossNetworkMixture, Linear, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption, width } from "./options.ts";

export const dcnMixOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  crossLayers: z.number().int().nonnegative().default(3).describe("Number L of cross layers."),
  experts: width.default(4).describe("Number K of experts in a cross layer."),
  rank: width.default(32).describe("Rank r of an expert."),
});
export type DCNMixOptions = z.input<typeof dcnMixOptions>;

/**
 * DCN-V2 with low-rank experts in place of full matrices, in its parallel form.
 *
 *     x_{l+1} = x_l + Σ_k softmax(G x_l)_k [x₀ ⊙ (U_k tanh(C_k tanh(V_kᵀ x_l)) + b_l)]
 *     logit = wᵀ [x_L ; MLP(x₀)] + b
 *
 * Wang et al., "DCN V2", The Web Conference 2021, arXiv:2008.13535.
 */
export class DCNMix extends Model {
  readonly embedding: FieldEmbedding;
  readonly cross: CrossNetworkMixture;
  readonly deep: MLP;
  readonly head: Linear;

  constructor(schema: FeatureMap, options: DCNMixOptions = {}) {
    super();
    const given = parseOptions(dcnMixOptions, options, "DCNMix");
    const { embeddingDim, embeddingStd, numericFields, crossLayers, experts, rank, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    const { width } = this.embedding;
    this.cross = new CrossNetworkMixture(width, { depth: crossLayers, experts, rank });
    this.deep = new MLP(width, hiddenUnits, mlpOptions(given));
    this.head = new Linear(width + this.deep.width, 1);
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const crossed = acrossSets(this.cross.forward(x0)); // [batch, width]
    const deep = this.deep.forwardAcrossSets(x0); // [batch, hiddenUnits.at(-1)]
    return this.head.forwardParts([crossed, deep]).squeeze(-1);
  }
}

export const dcnMix = describeInteraction({
  name: "DCNMix",
  summary: "DCNv2 with a mixture of low-rank experts.",
  options: dcnMixOptions,
  model: DCNMix,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    crossLayers: 2,
    experts: 3,
    rank: 4,
    hiddenUnits: [32, 16],
    netDropout: 0.2,
  },
});
