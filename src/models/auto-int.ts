import { z } from "zod";
import { parseOptions, repeat } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { checkNormWidth, FieldAttention, Linear, MLP } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import { addAll, reshape } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const autoIntOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  hiddenUnits: deepOptions.hiddenUnits.describe(
    "Widths of the deep network's hidden layers (AutoInt+); none: AutoInt, attention alone.",
  ),
  attentionLayers: width.default(3).describe("Interacting layers, one on the other."),
  attentionDim: width.default(40).describe("Width of a field inside them, all heads together."),
  heads: width.default(2).describe("Heads; they divide `attentionDim`."),
  attentionDropout: rate.default(0).describe("Share of attention weights dropped in training."),
  attentionScale: z.boolean().default(false).describe("Divide scores by the root of a head's width."),
  attentionResidual: z.boolean().default(true).describe("Add each layer's input to its output."),
  attentionLayerNorm: z.boolean().default(false).describe("Layer normalisation after each layer."),
  wide: z.boolean().default(false).describe("Add logistic regression on the same fields."),
});
export type AutoIntOptions = z.input<typeof autoIntOptions>;

/**
 * AutoInt: fields look at each other through layers of self-attention; AutoInt+ adds a deep network.
 *
 *     logit = wᵀ flatten(Attention_L(… Attention_1(E))) + b  [+ MLP(x₀)]  [+ Σ_f w_f[x_f]]
 *
 * Song et al., "AutoInt", CIKM 2019, arXiv:1810.11921.
 */
export class AutoInt extends Model {
  readonly embedding: FieldEmbedding;
  readonly attentions: readonly FieldAttention[];
  readonly head: Linear;
  readonly deep: MLP | undefined;
  readonly linear: LinearLogit | undefined;
  readonly #attended: number;

  constructor(schema: FeatureMap, options: AutoIntOptions = {}) {
    super();
    const given = parseOptions(autoIntOptions, options, "AutoInt");
    const { embeddingDim, embeddingStd, attentionDim, hiddenUnits } = given;
    if (given.attentionLayerNorm)
      checkNormWidth("AutoInt", "attention_dim", attentionDim, "attention_layer_norm to false");
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init });
    const attention = {
      width: attentionDim,
      heads: given.heads,
      dropout: given.attentionDropout,
      scale: given.attentionScale,
      residual: given.attentionResidual,
      layerNorm: given.attentionLayerNorm,
    };
    this.attentions = repeat(
      given.attentionLayers,
      (l) => new FieldAttention(l === 0 ? embeddingDim : attentionDim, attention),
    );
    this.#attended = this.embedding.fields * attentionDim;
    this.head = new Linear(this.#attended, 1);
    this.deep =
      hiddenUnits.length > 0
        ? new MLP(this.embedding.width, hiddenUnits, { ...mlpOptions(given), output: 1 })
        : undefined;
    this.linear = given.wide ? new LinearLogit(schema, { init }) : undefined;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const attended = this.attentions.reduce((x, layer) => layer.forward(x), fields);
    const logits = [this.head.forward(acrossSets(reshape(attended, ["batch", this.#attended]))).squeeze(1)];
    if (this.deep !== undefined)
      logits.push(this.deep.forwardAcrossSets(this.embedding.flatten(fields, batch)).squeeze(1));
    if (this.linear !== undefined) logits.push(this.linear.forward(batch));
    return addAll(logits);
  }
}

export const autoInt = describeInteraction({
  name: "AutoInt",
  summary: "Self-attention between fields, beside a deep network.",
  options: autoIntOptions,
  model: AutoInt,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [16],
    netDropout: 0.2,
    attentionLayers: 2,
    attentionDim: 6,
    heads: 2,
    attentionDropout: 0.1,
    attentionLayerNorm: true,
    wide: true,
  },
});
