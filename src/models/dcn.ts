import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { Linear, MLP, RankOneCrossNetwork } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const dcnOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  crossLayers: z.number().int().nonnegative().default(3).describe("Number L of cross layers."),
});
export type DCNOptions = z.input<typeof dcnOptions>;

/**
 * The first Deep & Cross Network: cross layers of one weight vector each beside a deep network.
 *
 *     x_{l+1} = x₀ (w_l · x_l) + b_l + x_l
 *     logit = wᵀ [x_L ; MLP(x₀)] + b
 *
 * Wang et al., "Deep & Cross Network for Ad Click Predictions", ADKDD 2017, arXiv:1708.05123.
 */
export class DCN extends Model {
  readonly embedding: FieldEmbedding;
  readonly cross: RankOneCrossNetwork;
  readonly deep: MLP;
  readonly head: Linear;

  constructor(schema: FeatureMap, options: DCNOptions = {}) {
    super();
    const given = parseOptions(dcnOptions, options, "DCN");
    const { embeddingDim, embeddingStd, numericFields, crossLayers, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    const { width } = this.embedding;
    this.cross = new RankOneCrossNetwork(width, { depth: crossLayers });
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

export const dcn = describeInteraction({
  name: "DCN",
  summary: "Cross layers of one vector each beside a deep network.",
  options: dcnOptions,
  model: DCN,
  example: { embeddingDim: 4, embeddingStd: 0.1, crossLayers: 2, hiddenUnits: [32, 16], netDropout: 0.2 },
});
