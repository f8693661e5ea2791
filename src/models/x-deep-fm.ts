import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { CompressedInteraction, MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { deepOptions, embeddingOptions, mlpOptions, numericFieldsOption, width } from "./options.ts";

export const xDeepFMOptions = z.strictObject({
  ...embeddingOptions,
  ...numericFieldsOption,
  ...deepOptions,
  cinUnits: z
    .array(width)
    .min(1)
    .default([32, 32, 32])
    .describe("Maps of each layer of the compressed interaction network."),
});
export type XDeepFMOptions = z.input<typeof xDeepFMOptions>;

/**
 * xDeepFM: a linear part, a compressed interaction network and a deep network; their logits add up.
 *
 *     logit = b + Σ_f w_f[x_f] + CIN(E) + MLP(x₀)
 *
 * Lian et al., "xDeepFM", KDD 2018, arXiv:1803.05170; see `CompressedInteraction`.
 */
export class XDeepFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly cin: CompressedInteraction;
  readonly deep: MLP;

  constructor(schema: FeatureMap, options: XDeepFMOptions = {}) {
    super();
    const given = parseOptions(xDeepFMOptions, options, "xDeepFM");
    const { embeddingDim, embeddingStd, numericFields, cinUnits, hiddenUnits } = given;
    const init = normalInit(embeddingStd);
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim: embeddingDim, init, numericFields });
    this.cin = new CompressedInteraction(this.embedding.fields, cinUnits);
    this.deep = new MLP(this.embedding.width, hiddenUnits, { ...mlpOptions(given), output: 1 });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const deep = this.deep.forwardAcrossSets(this.embedding.flatten(fields, batch)).squeeze(1);
    return this.linear.forward(batch).add(this.cin.forward(fields)).add(deep);
  }
}

export const xDeepFM = describeInteraction({
  name: "xDeepFM",
  summary: "A compressed interaction network beside a deep network.",
  options: xDeepFMOptions,
  model: XDeepFM,
  example: { embeddingDim: 4, embeddingStd: 0.1, cinUnits: [5, 3], hiddenUnits: [32, 16], netDropout: 0.2 },
});
