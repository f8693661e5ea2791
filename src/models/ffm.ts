import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { fieldPairs } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit } from "../module/index.ts";
import { mul, reshape, sum, take } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { embeddingOptions, width } from "./options.ts";

export const ffmOptions = z.strictObject({
  ...embeddingOptions,
  embeddingDim: width
    .default(4)
    .describe("Width of one vector; a table's row holds one for every other field, side by side."),
});
export type FFMOptions = z.input<typeof ffmOptions>;

/**
 * Field-aware factorization machine: a value has a vector of its own for every other field.
 *
 *     logit = b + Σ_f w_f[x_f] + Σ_{f<g} ⟨e_{f→g}, e_{g→f}⟩
 *
 * Juan et al., "Field-aware Factorization Machines for CTR Prediction", RecSys 2016. Rows are not scaled to
 * unit length as LIBFFM's are; a field has no vector for itself, as in FuxiCTR (github.com/reczoo/FuxiCTR, model_zoo/FFM).
 */
export class FFM extends Model {
  readonly linear: LinearLogit;
  readonly embedding: FieldEmbedding;
  readonly #dim: number;

  constructor(schema: FeatureMap, options: FFMOptions = {}) {
    super();
    const { embeddingDim, embeddingStd } = parseOptions(ffmOptions, options, "FFM");
    const init = normalInit(embeddingStd);
    fieldPairs(schema.features.length); // Without pairs rows would be empty.
    const dim = (schema.features.length - 1) * embeddingDim;
    this.linear = new LinearLogit(schema, { init });
    this.embedding = new FieldEmbedding(schema, { dim, init });
    this.#dim = embeddingDim;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    return this.linear
      .forward(batch)
      .add(acrossSets(fieldAwarePairs(this.embedding.forward(batch), this.#dim)));
  }
}

/** `Σ_{f<g} ⟨e_{f→g}, e_{g→f}⟩` of `[batch, fields, (fields - 1) · dim]`, a field's vectors in the order of the others; `[batch]`. */
function fieldAwarePairs(e: Tensor, dim: number): Tensor {
  const [batch, fields] = [e.shape[0], e.shape[1] as number];
  const vectors = reshape(e, [batch, fields * (fields - 1), dim]);
  // Field f leaves itself out: what it keeps for g stands at g - 1 if g > f, else at g.
  const place = (f: number, g: number): number => f * (fields - 1) + (g > f ? g - 1 : g);
  const { left, right } = fieldPairs(fields);
  const forRight = left.map((f, pair) => place(f, right[pair]));
  const forLeft = right.map((g, pair) => place(g, left[pair]));
  const products = mul(take(vectors, forRight, { axis: 1 }), take(vectors, forLeft, { axis: 1 }));
  return sum(products, { axes: [1, 2] });
}

export const ffm = describeInteraction({
  name: "FFM",
  summary: "Factorization machine with a vector for every pair of fields.",
  options: ffmOptions,
  model: FFM,
  example: { embeddingDim: 2, embeddingStd: 0.1 },
});
