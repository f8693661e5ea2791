import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { MLP, TargetAttention } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { concat } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type Interest, interestsOf, namesIn, readEvents } from "./interest.ts";
import { activationName, deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const dinOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  attentionHiddenUnits: z.array(width).default([64]).describe("Hidden widths of the attention unit."),
  attentionActivation: activationName.default("dice").describe("Activation of the attention unit."),
  attentionDropout: rate.default(0).describe("Dropout of the attention unit."),
  attentionSoftmax: z.boolean().default(false).describe("Normalise attention over the history."),
});
export type DINOptions = z.input<typeof dinOptions>;

/**
 * Deep Interest Network: each history is pooled with weights that depend on the candidate, then joins
 * the other fields in a deep network. A history and the side sequences aligned with it are attended to
 * together, side by side; each entry is compared with the candidate's value of the same feature.
 *
 * Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv:1706.06978.
 */
export class DIN extends Model {
  readonly embedding: FieldEmbedding;
  readonly attentions: readonly TargetAttention[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: DINOptions = {}) {
    super();
    const given = parseOptions(dinOptions, options, "DIN");
    const { embeddingDim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "DIN");
    const attended = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, {
      dim: embeddingDim,
      exclude: attended,
      init: normalInit(embeddingStd),
    });
    this.attentions = this.#interests.map(
      ({ targets }) =>
        new TargetAttention(targets.length * embeddingDim, {
          hidden: given.attentionHiddenUnits,
          activation: given.attentionActivation,
          dropout: given.attentionDropout,
          softmax: given.attentionSoftmax,
        }),
    );
    this.deep = new MLP(this.embedding.width + attended.length * embeddingDim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const pooled = this.#interests.map((interest, k) => {
      const { target, history, mask } = readEvents(batch, interest, this.embedding);
      return this.attentions[k].forward(target, history, mask);
    });
    const x = concat([this.embedding.forwardFlat(batch), ...pooled]); // [batch, width]
    return this.deep.forward(x).squeeze(1);
  }
}

export const din = describeModel({
  name: "DIN",
  summary: "Attention from the candidate over the user's history.",
  options: dinOptions,
  model: DIN,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    hiddenActivation: "prelu",
    netDropout: 0.2,
    attentionHiddenUnits: [8],
    attentionDropout: 0.1,
  },
});
