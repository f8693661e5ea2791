import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { BilinearInteraction, MLP, SqueezeExcitation } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat, flatten } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions } from "./options.ts";

export const fiBiNETOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  reductionRatio: z
    .number()
    .positive()
    .default(3)
    .describe("Fields for each unit of the narrow layer that weighs the fields."),
  excitationActivation: z.enum(["relu", "sigmoid"]).default("relu").describe("What makes the weights."),
  bilinearType: z
    .enum(["field_all", "field_each", "field_interaction"])
    .default("field_interaction")
    .describe("One matrix for all pairs of fields, for each left field, or for each pair."),
});
export type FiBiNETOptions = z.input<typeof fiBiNETOptions>;

/**
 * FiBiNET: bilinear products of all pairs of fields, once of the fields themselves and once of the fields
 * weighed by their importance, in a deep network.
 *
 *     p = [(e_f W) ⊙ e_g],  q = [(v_f W') ⊙ v_g] with v = SENET(e),  logit = b + Σ_f w_f[x_f] + MLP([p ; q])
 *
 * Huang, Zhang and Zhang, "FiBiNET", RecSys 2019, arXiv:1905.09433; the linear part and the
 * order of fields, then pairs, as in FuxiCTR (github.com/reczoo/FuxiCTR, model_zoo/FiBiNET).
 */
export class FiBiNET extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly weighing: SqueezeExcitation;
  readonly plainPairs: BilinearInteraction;
  readonly weighedPairs: BilinearInteraction;
  readonly deep: MLP;

  /** @throws ConfigError when there are fewer than two fields */
  constructor(schema: FeatureMap, options: FiBiNETOptions = {}) {
    super();
    const given = parseOptions(fiBiNETOptions, options, "FiBiNET");
    const { embeddingDim, embeddingStd, hiddenUnits, bilinearType: type } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    const { fields } = this.embedding;
    this.weighing = new SqueezeExcitation(fields, {
      reductionRatio: given.reductionRatio,
      activation: given.excitationActivation,
    });
    this.plainPairs = new BilinearInteraction(fields, embeddingDim, { type });
    this.weighedPairs = new BilinearInteraction(fields, embeddingDim, { type });
    const width = fields * (fields - 1) * embeddingDim;
    this.deep = new MLP(width, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const plain = this.plainPairs.forward(fields); // [batch, pairs, dim]
    const weighed = this.weighedPairs.forward(this.weighing.forward(fields)); // [batch, pairs, dim]
    const deep = this.deep.forwardAcrossSets(flatten(concat([plain, weighed], { axis: 1 })));
    return this.linear.forward(batch).add(deep.squeeze(1));
  }
}

export const fiBiNET = describeInteraction({
  name: "FiBiNET",
  summary: "Fields weighed by importance, bilinear products of their pairs in a deep network.",
  options: fiBiNETOptions,
  model: FiBiNET,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    hiddenUnits: [32],
    batchNorm: true,
    netDropout: 0.2,
    excitationActivation: "sigmoid",
  },
});
