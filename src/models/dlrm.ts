import { z } from "zod";
import { ConfigError, parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { type ActivationLayer, activation, innerProducts, MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat, expandDims, flatten } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { activationName, embeddingOptions, rate, width } from "./options.ts";

export const dlrmOptions = z.strictObject({
  ...embeddingOptions,
  bottomHiddenUnits: z
    .array(width)
    .default([64, 64, 64])
    .describe("Hidden widths of the network that numbers go through; its output has the embeddings' width."),
  topHiddenUnits: z.array(width).default([64, 64, 64]).describe("Hidden widths of the last network."),
  hiddenActivation: activationName.default("relu").describe("Activation of both networks."),
  bottomDropout: rate.default(0).describe("Dropout of the numbers' network."),
  topDropout: rate.default(0).describe("Dropout of the last network."),
  batchNorm: z.boolean().default(false).describe("Batch normalisation in both networks."),
  interaction: z
    .enum(["dot", "concat"])
    .default("dot")
    .describe("`dot`: inner products of all pairs of fields; `concat`: the fields side by side."),
});
export type DLRMOptions = z.input<typeof dlrmOptions>;

/**
 * DLRM: all numbers together become one more field through a bottom network; inner products of all pairs of
 * fields and that field go to the top network.
 *
 *     e_n = act(MLP_bottom(numbers)),   logit = MLP_top([⟨e_f, e_g⟩ for f < g ; e_n])
 *
 * Naumov et al., "Deep Learning Recommendation Model", arXiv:1906.00091. A missing number is replaced by a
 * learned value; without numbers there is no e_n. `concat` is FuxiCTR's other form, and the one with which
 * BARS reports DLRM on Frappe.
 */
export class DLRM extends Model {
  readonly embedding: FieldEmbedding;
  readonly bottom: MLP | undefined;
  readonly bottomActivation: ActivationLayer | undefined;
  readonly top: MLP;
  readonly interaction: "dot" | "concat";

  constructor(schema: FeatureMap, options: DLRMOptions = {}) {
    super();
    const given = parseOptions(dlrmOptions, options, "DLRM");
    const { embeddingDim: dim, embeddingStd, hiddenActivation, batchNorm, interaction } = given;
    this.embedding = new FieldEmbedding(schema, {
      dim,
      init: normalInit(embeddingStd),
      numericFields: "raw",
    });
    const numbers = this.embedding.width - this.embedding.fields * dim;
    if (numbers > 0) {
      this.bottom = new MLP(numbers, given.bottomHiddenUnits, {
        activation: hiddenActivation,
        dropout: given.bottomDropout,
        batchNorm,
        output: dim,
      });
      this.bottomActivation = activation(hiddenActivation, dim);
    }
    const fields = this.embedding.fields + (numbers > 0 ? 1 : 0);
    if (interaction === "dot" && fields < 2) {
      throw new ConfigError("DLRM's inner products need two fields; all numbers together are one", {
        details: { fields },
        hint: "declare another feature, or take interaction: concat",
      });
    }
    const products = (fields * (fields - 1)) / 2 + (numbers > 0 ? dim : 0);
    this.top = new MLP(interaction === "dot" ? products : fields * dim, given.topHiddenUnits, {
      activation: hiddenActivation,
      dropout: given.topDropout,
      batchNorm,
      output: 1,
    });
    this.interaction = interaction;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const numbers = this.#numbers(batch); // [batch, dim]
    const fields = this.embedding.fields > 0 ? [this.embedding.forward(batch)] : []; // [batch, fields, dim]
    if (numbers !== undefined) fields.push(expandDims(numbers, 1));
    return this.top.forwardAcrossSets(this.#interact(concat(fields, { axis: 1 }), numbers)).squeeze(1);
  }

  #numbers(batch: Batch): Tensor | undefined {
    if (this.bottom === undefined) return undefined;
    return this.bottomActivation?.forward(this.bottom.forward(this.embedding.rawNumbers(batch)));
  }

  #interact(fields: Tensor, numbers: Tensor | undefined): Tensor {
    if (this.interaction === "concat") return flatten(fields);
    const products = innerProducts(fields);
    return numbers === undefined ? products : concat([products, numbers]);
  }
}

export const dlrm = describeInteraction({
  name: "DLRM",
  summary: "Inner products of fields; numbers through a network of their own.",
  options: dlrmOptions,
  model: DLRM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    bottomHiddenUnits: [8],
    topHiddenUnits: [32, 16],
    bottomDropout: 0.1,
    topDropout: 0.2,
    batchNorm: true,
  },
});
