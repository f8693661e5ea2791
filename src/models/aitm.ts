import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding } from "../embeddings/index.ts";
import { type FieldExpert, Linear, MLP } from "../layers/index.ts";
import { auxiliaryLoss, type Batch, Model, Module, normalInit } from "../module/index.ts";
import { div, expandDims, mean, mul, relu, sigmoid, softmax, stack, sub, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { Heads, type LabelLogits } from "./heads.ts";
import { embeddingOptions } from "./options.ts";
import {
  bottomWidths,
  expertOptions,
  fieldExpert,
  stagesOf,
  tasksOption,
  towerOptions,
} from "./task-options.ts";

const { interaction, interactionLayers } = expertOptions;

export const aitmOptions = z.strictObject({
  ...tasksOption,
  ...embeddingOptions,
  bottomHiddenUnits: bottomWidths("Hidden widths of each task's network."),
  interaction,
  interactionLayers,
  ...towerOptions,
  calibration: z
    .number()
    .nonnegative()
    .default(0.6)
    .describe("Weight of the penalty on an event that is predicted more often than the one before it."),
});
export type AITMOptions = z.input<typeof aitmOptions>;

/**
 * Adaptive information transfer: events follow each other (impression, click, purchase), and each one's
 * network is told what the one before it found, as far as an attention lets it in.
 *
 *     q_t = MLP_t(x₀),   p_{t-1} = ReLU(W z_{t-1} + b)
 *     z_1 = q_1,   z_t = attention over {p_{t-1}, q_t},   logit_t = tower_t(z_t)
 *     penalty = α Σ_{t≥2} mean(max(ŷ_t - ŷ_{t-1}, 0))
 *
 * Xi et al., "Modeling the Sequential Dependence among Audience Multi-step Conversions with Multi-task
 * Learning in Targeted Display Advertising", KDD 2021, arXiv:2105.08489. Embeddings are shared.
 */
export class AITM extends Model {
  readonly embedding: FieldEmbedding;
  readonly bottoms: readonly FieldExpert[];
  readonly transfers: readonly Transfer[];
  readonly heads: Heads;
  readonly calibration: number;

  constructor(schema: FeatureMap, options: AITMOptions = {}) {
    super();
    const given = parseOptions(aitmOptions, options, "AITM");
    const tasks = stagesOf(schema, given.tasks, "AITM");
    const { embeddingDim: dim, embeddingStd, bottomHiddenUnits: expertHiddenUnits } = given;
    this.embedding = new FieldEmbedding(schema, { dim, init: normalInit(embeddingStd) });
    this.bottoms = tasks.map(() => fieldExpert(this.embedding, { ...given, expertHiddenUnits }));
    const { width } = this.bottoms[0];
    this.transfers = tasks.slice(1).map(() => new Transfer(width));
    this.heads = new Heads(schema, { ...given, branches: "task", width });
    this.calibration = given.calibration;
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const fields = this.embedding.forward(batch);
    const found: Tensor[] = []; // [batch, width] each
    for (const [t, bottom] of this.bottoms.entries()) {
      const own = bottom.forward(fields);
      found.push(t === 0 ? own : this.transfers[t - 1].forward(found[t - 1], own));
    }
    const logits = this.heads.forward(batch, found);
    if (this.calibration > 0) auxiliaryLoss("calibration", () => this.#penalty(Object.values(logits)));
    return logits;
  }

  #penalty(logits: readonly Tensor[]): Tensor {
    const probabilities = logits.map((logit) => sigmoid(logit));
    const excess = probabilities.slice(1).map((p, t) => mean(relu(sub(p, probabilities[t]))));
    return mul(
      excess.reduce((total, one) => total.add(one)),
      this.calibration,
    );
  }
}

/**
 * What a task makes of the one before it: `Σ_u w_u h₃(u)` over u in {passed on, own}, with
 * `w = softmax(⟨h₁(u), h₂(u)⟩ / √width)`.
 */
export class Transfer extends Module {
  readonly pass: MLP;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly #scale: number;

  constructor(width: number) {
    super();
    this.pass = new MLP(width, [width]);
    this.query = new Linear(width, width, { bias: false });
    this.key = new Linear(width, width, { bias: false });
    this.value = new Linear(width, width, { bias: false });
    this.#scale = Math.sqrt(width);
  }

  /** `[batch, width]` of the task before and of this one, to the same. */
  forward(before: Tensor, own: Tensor): Tensor {
    const both = stack([this.pass.forward(before), own], { axis: 1 }); // [batch, 2, width]
    const scores = sum(mul(this.query.forward(both), this.key.forward(both)), { axis: 2 });
    const weights = expandDims(softmax(div(scores, this.#scale)), 2); // [batch, 2, 1]
    return sum(mul(weights, this.value.forward(both)), { axis: 1 });
  }
}

export const aitm = describeModel({
  name: "AITM",
  summary: "Events in their order, each told what the one before it found.",
  predicts: "every label",
  options: aitmOptions,
  model: AITM,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    bottomHiddenUnits: [16],
    towerHiddenUnits: [8],
    netDropout: 0.2,
  },
});
