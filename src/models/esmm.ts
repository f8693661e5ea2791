import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { MLP } from "../layers/index.ts";
import { type Batch, Model, normalInit } from "../module/index.ts";
import { add, logSumExp, neg, squeeze, stack } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import type { LabelLogits } from "./heads.ts";
import { deepOptions, embeddingOptions, mlpOptions } from "./options.ts";
import { stagesOf, tasksOption } from "./task-options.ts";

export const esmmOptions = z.strictObject({ ...tasksOption, ...embeddingOptions, ...deepOptions });
export type ESMMOptions = z.input<typeof esmmOptions>;

/**
 * Entire-space multi-task model: a purchase needs a click, so its probability over all impressions is a
 * product, and every network learns from all impressions, not from the clicked ones alone.
 *
 *     p_ctr = σ(MLP_1(x₀)),   p_cvr = σ(MLP_2(x₀)),   p_ctcvr = p_ctr · p_cvr
 *
 * The labels are the click and the purchase after a click; p_cvr has no label of its own and follows by
 * division. More labels make a longer chain, each needing the one before. Embeddings are shared. Ma et al.,
 * "Entire Space Multi-Task Model", SIGIR 2018, arXiv:1804.07931.
 */
export class ESMM extends Model {
  readonly embedding: FieldEmbedding;
  /** By label: the probability of an event given the one before. */
  readonly towers: { readonly [label: string]: MLP };

  constructor(schema: FeatureMap, options: ESMMOptions = {}) {
    super();
    const given = parseOptions(esmmOptions, options, "ESMM");
    const { embeddingDim: dim, embeddingStd, hiddenUnits } = given;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    this.towers = Object.fromEntries(
      stagesOf(schema, given.tasks, "ESMM").map((task) => [
        task,
        new MLP(this.embedding.width, hiddenUnits, { ...mlpOptions(given), output: 1 }),
      ]),
    );
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const x = this.embedding.forwardFlat(batch); // [batch, width]
    const logits: { [label: string]: Tensor } = {};
    let before: Tensor | undefined;
    for (const [label, tower] of Object.entries(this.towers)) {
      const conditional = squeeze(tower.forward(x), 1);
      before = before === undefined ? conditional : logitOfProduct(before, conditional);
      logits[label] = before;
    }
    return logits;
  }
}

/**
 * The logit of `σ(a) σ(b)`: the odds are `1 / (e⁻ᵃ + e⁻ᵇ + e⁻ᵃ⁻ᵇ)`, whose logarithm neither overflows nor
 * loses digits.
 */
export function logitOfProduct(a: Tensor, b: Tensor): Tensor {
  const terms = stack([neg(a), neg(b), neg(add(a, b))], { axis: 1 }); // [batch, 3]
  return neg(logSumExp(terms));
}

export const esmm = describeModel({
  name: "ESMM",
  summary: "Click and purchase over all impressions, the second as a product of probabilities.",
  predicts: "every label",
  options: esmmOptions,
  model: ESMM,
  example: { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32, 16], netDropout: 0.2 },
});
