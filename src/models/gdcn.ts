import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { GatedCrossNetwork, Linear, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption } from "./options.ts";

export const gdcnOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  crossLayers: z
    .number()
    .int()
    .nonnegative()
    .default(3)
    .describe("Number L of gated cross layers; crosses reach degree L + 1."),
  structure: z
    .enum(["parallel", "stacked"])
    .default("parallel")
    .describe("The deep network beside the crosses (GDCN-P) or on them (GDCN-S)."),
});
export type GDCNOptions = z.input<typeof gdcnOptions>;

/**
 * GDCN: DCN-V2 whose crosses pass through gates, so that many layers keep what matters and lose noise.
 *
 *     x_{l+1} = x₀ ⊙ (W_l x_l + b_l) ⊙ sigmoid(G_l x_l) + x_l
 *     GDCN-P: logit = wᵀ [x_L ; MLP(x₀)] + b        GDCN-S: logit = wᵀ MLP(x_L) + b
 *
 * Wang et al., "Towards Deeper, Lighter and Interpretable Cross Network for CTR Prediction", CIKM 2023,
 * arXiv:2311.04635. Not here: the paper's reduction of embedding widths by field.
 */
export class GDCN extends Model {
  readonly embedding: FieldEmbedding;
  readonly cross: GatedCrossNetwork;
  readonly deep: MLP;
  readonly head: Linear;
  readonly structure: "parallel" | "stacked";

  constructor(schema: FeatureMap, options: GDCNOptions = {}) {
    super();
    const given = parseOptions(gdcnOptions, options, "GDCN");
    const { embeddingDim, embeddingStd, numericFields, crossLayers, hiddenUnits, structure } = given;
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    const { width } = this.embedding;
    this.cross = new GatedCrossNetwork(width, { depth: crossLayers });
    this.deep = new MLP(width, hiddenUnits, mlpOptions(given));
    this.head = new Linear(this.deep.width + (structure === "parallel" ? width : 0), 1);
    this.structure = structure;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const x0 = this.embedding.forwardFlat(batch); // [batch, width]
    const crossed = this.cross.forward(x0); // [batch, width]
    if (this.structure === "stacked")
      return this.head.forward(this.deep.forwardAcrossSets(crossed)).squeeze(-1);
    return this.head.forwardParts([acrossSets(crossed), this.deep.forwardAcrossSets(x0)]).squeeze(-1);
  }
}

export const gdcn = describeInteraction({
  name: "GDCN",
  summary: "Feature crosses behind gates, beside or below a deep network.",
  options: gdcnOptions,
  model: GDCN,
  example: { embeddingDim: 4, embeddingStd: 0.1, crossLayers: 2, hiddenUnits: [32, 16], netDropout: 0.2 },
});
