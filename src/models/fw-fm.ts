import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, LinearLogit } from "../embeddings/index.ts";
import { Linear, WeightedPairs } from "../layers/index.ts";
import { acrossSets, type Batch, Model, normalInit, Parameter } from "../module/index.ts";
import { add, mul, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeInteraction } from "./describe-model.ts";
import { embeddingOptions } from "./options.ts";

export const fwFMOptions = z.strictObject({
  ...embeddingOptions,
  linearType: z
    .enum(["FiLV", "FeLV", "LW"])
    .default("FiLV")
    .describe(
      "The linear part, in the paper's names. `FiLV`: the value's vector times a vector of its field; " +
        "`FeLV`: times another vector of the value; `LW`: one weight a value.",
    ),
});
export type FwFMOptions = z.input<typeof fwFMOptions>;

/**
 * Field-weighted factorization machine: an FM in which every pair of fields has a weight.
 *
 *     logit = b + linear + Σ_{f<g} r_fg ⟨e_f, e_g⟩
 *
 * Pan et al., "Field-weighted Factorization Machines", WWW 2018, arXiv:1806.03514.
 */
export class FwFM extends Model {
  readonly embedding: FieldEmbedding;
  readonly pairs: WeightedPairs;
  readonly bias = new Parameter([1]);
  /** `FiLV`: a vector a field. */
  readonly fieldLinear: Linear | undefined;
  /** `FeLV`: a second vector a value. */
  readonly valueLinear: FieldEmbedding | undefined;
  /** `LW`: a weight a value. */
  readonly linear: LinearLogit | undefined;

  constructor(schema: FeatureMap, options: FwFMOptions = {}) {
    super();
    const { embeddingDim: dim, embeddingStd, linearType } = parseOptions(fwFMOptions, options, "FwFM");
    const init = normalInit(embeddingStd);
    this.embedding = new FieldEmbedding(schema, { dim, init });
    this.pairs = new WeightedPairs(this.embedding.fields, dim, { form: "scalar" });
    const { width } = this.embedding;
    this.fieldLinear = linearType === "FiLV" ? new Linear(width, 1, { bias: false }) : undefined;
    this.valueLinear = linearType === "FeLV" ? new FieldEmbedding(schema, { dim, init }) : undefined;
    this.linear = linearType === "LW" ? new LinearLogit(schema, { init }) : undefined;
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const fields = this.embedding.forward(batch); // [batch, fields, dim]
    const linear =
      this.fieldLinear?.forward(this.embedding.flatten(fields, batch)).squeeze(1) ??
      this.linear?.forward(batch) ??
      sum(mul(fields, (this.valueLinear as FieldEmbedding).forward(batch)), { axes: [1, 2] });
    return add(acrossSets(add(this.pairs.forward(fields), linear)), this.bias);
  }
}

export const fwFM = describeInteraction({
  name: "FwFM",
  summary: "Factorization machine with a weight for every pair of fields.",
  options: fwFMOptions,
  model: FwFM,
  example: { embeddingDim: 4, embeddingStd: 0.1 },
});
