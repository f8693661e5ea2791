import { z } from "zod";
import { ConfigError, parseOptions, repeat } from "../core/index.ts";
import { DomainEmbedding, FieldEmbedding } from "../embeddings/index.ts";
import { type ActivationLayer, activation, BatchNorm, Linear } from "../layers/index.ts";
import {
  auxiliaryLoss,
  type Batch,
  constantInit,
  currentTrace,
  dropout,
  Model,
  Module,
  normalInit,
  observe,
  State,
} from "../module/index.ts";
import {
  abs,
  add,
  addAll,
  cast,
  concat,
  greater,
  less,
  mean,
  minimum,
  mul,
  or,
  sigmoid,
  squeeze,
  stopGradient,
  sub,
  where,
} from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import { type LabelLogits, logitsByLabel } from "./heads.ts";
import { deepOptions, embeddingOptions } from "./options.ts";
import { tasksOf, tasksOption } from "./task-options.ts";

const { hiddenUnits, hiddenActivation, netDropout, batchNorm } = deepOptions;
const share = z.number().min(0).max(1);
const growth = z.number().nonnegative();

export const adaSparseOptions = z.strictObject({
  ...tasksOption,
  ...embeddingOptions,
  hiddenUnits: hiddenUnits.default([512, 256, 128, 64, 32]),
  hiddenActivation,
  netDropout,
  batchNorm,
  domainFeatures: z
    .array(z.string())
    .default([])
    .describe("Features that tell about the domain beside its id: the pruners read them."),
  factor: z
    .enum(["fusion", "scaling", "binary"])
    .default("fusion")
    .describe("What a neuron is multiplied by: a scale that may be 0, a scale, or 0 and 1."),
  scale: z.number().positive().default(2).describe("Largest factor β of `fusion` and `scaling`."),
  threshold: z
    .number()
    .nonnegative()
    .default(0.25)
    .describe(
      "Factors up to this ε are 0. At first all are near half of what they may be, which must be more.",
    ),
  steepness: z
    .number()
    .positive()
    .default(0.1)
    .describe("α at the start: how steep the sigmoid of factors is."),
  steepnessGrowth: growth.default(1e-4).describe("What every step adds to α."),
  steepnessLimit: z.number().positive().default(5).describe("Where α stops growing."),
  sparsity: z
    .tuple([share, share])
    .default([0.15, 0.25])
    .describe("Between which shares of a layer's neurons pruning costs nothing. `scaling` prunes none."),
  sparsityWeight: growth.default(0.01).describe("Weight of the penalty on other shares at the start."),
  sparsityWeightGrowth: growth
    .default(1e-5)
    .describe("What every step adds to it; without penalty both are 0."),
  sparsityWeightLimit: growth.default(1).describe("Where it stops growing."),
});
export type AdaSparseOptions = z.input<typeof adaSparseOptions>;
type Given = z.output<typeof adaSparseOptions>;

/**
 * AdaSparse: a deep network of which each domain sees its own sparse part. Before every layer a pruner looks at
 * the domain and at the neurons and says what each neuron is multiplied by.
 *
 *     v = σ(α W [e_d ; h]),   h ← h ⊙ π,   π = β v where β v > ε else 0      (`fusion`)
 *                                          π = β v                          (`scaling`)
 *                                          π = 1 where v > ε else 0         (`binary`, straight through)
 *     penalty = mean over layers of λ_l |r - r̄|,   r the share of zeros in π,   λ_l = λ̂ |r - r̄| out of bounds, else 0
 *
 * with r̄ the middle of the bounds. α and λ̂ grow with every step, so that factors, at first all alike, become
 * decided. λ_l is no part of the derivative, and a count of zeros has none: v's stands for it (straight through).
 * Yang et al., "AdaSparse: Learning Adaptively Sparse Structures for Multi-Domain Click-Through Rate Prediction", CIKM
 * 2022, arXiv:2206.13108. The authors' code is not public: the derivative of r is our choice, and defaults are those of
 * one public re-implementation (others begin with α of 1, or have ε at 0.01).
 */
export class AdaSparse extends Model {
  readonly embedding: FieldEmbedding;
  readonly domainEmbedding: DomainEmbedding;
  readonly domainFields: FieldEmbedding | undefined;
  /** Of the embeddings, then of every hidden layer. */
  readonly pruners: readonly Pruner[];
  readonly layers: readonly Linear[];
  readonly norms: readonly BatchNorm[];
  readonly activations: readonly ActivationLayer[];
  readonly head: Linear;
  readonly steepness: State;
  readonly sparsityWeight: State;
  readonly tasks: readonly string[];
  readonly #given: Given;

  constructor(schema: FeatureMap, options: AdaSparseOptions = {}) {
    super();
    const given = parseOptions(adaSparseOptions, options, "AdaSparse");
    const { embeddingDim: dim, embeddingStd, hiddenUnits, domainFeatures: include } = given;
    checkRanges(given);
    const init = normalInit(embeddingStd);
    this.tasks = tasksOf(schema, given.tasks);
    this.embedding = new FieldEmbedding(schema, { dim, init });
    this.domainEmbedding = new DomainEmbedding(schema, { dim, init });
    this.domainFields =
      include.length === 0 ? undefined : new FieldEmbedding(schema, { dim, include, init, role: "gate" });
    const domainWidth = dim + (this.domainFields?.width ?? 0);
    const widths = [this.embedding.width, ...hiddenUnits];
    this.pruners = widths.map((width) => new Pruner(domainWidth, width, given));
    this.layers = repeat(hiddenUnits.length, (l) => new Linear(widths[l], widths[l + 1]));
    this.norms = given.batchNorm ? hiddenUnits.map((width) => new BatchNorm(width)) : [];
    this.activations = hiddenUnits.map((width) => activation(given.hiddenActivation, width));
    this.head = new Linear(widths[hiddenUnits.length], this.tasks.length);
    this.steepness = new State([1], { init: constantInit(given.steepness) });
    this.sparsityWeight = new State([1], { init: constantInit(given.sparsityWeight) });
    this.#given = given;
  }

  /** Logits by label, `[batch]` each. */
  forward(batch: Batch): LabelLogits {
    const { netDropout, steepnessGrowth, steepnessLimit, sparsityWeightGrowth, sparsityWeightLimit } =
      this.#given;
    const steepness = grown(this.steepness, steepnessGrowth, steepnessLimit);
    const domain = this.#domain(batch);
    const zeros: Tensor[] = [];
    const pruned = (h: Tensor): Tensor => {
      const { factor, zeroShare } = this.pruners[zeros.length].forward(domain, h, steepness);
      observe(`pruning.${zeros.length}`, factor);
      zeros.push(zeroShare);
      return mul(h, factor);
    };
    const hidden = this.layers.reduce(
      (h, layer, l) => {
        const units = layer.forward(h);
        const normal = this.norms[l]?.forward(units) ?? units;
        return pruned(dropout(this.activations[l].forward(normal), netDropout));
      },
      pruned(this.embedding.forwardFlat(batch)),
    );
    const weight = grown(this.sparsityWeight, sparsityWeightGrowth, sparsityWeightLimit);
    if (this.#given.factor !== "scaling") {
      auxiliaryLoss("sparsity", () => mul(squeeze(weight, 0), this.#penalty(zeros)));
    }
    const logits = this.head.forward(hidden); // [batch, tasks]
    return logitsByLabel(this.tasks, logits);
  }

  #domain(batch: Batch): Tensor {
    const domain = this.domainEmbedding.forward(batch);
    return this.domainFields === undefined ? domain : concat([domain, this.domainFields.forwardFlat(batch)]);
  }

  /** Mean over layers of `|r - r̄|`, weighed by itself, of those whose share of zeros r is out of bounds. */
  #penalty(zeros: readonly Tensor[]): Tensor {
    const [low, high] = this.#given.sparsity;
    const each = zeros.map((share) => {
      const distance = abs(sub(share, (low + high) / 2));
      const outside = or(less(share, low), greater(share, high));
      return where(outside, mul(stopGradient(distance), distance), constant(0));
    });
    return mul(addAll(each), 1 / each.length);
  }
}

/** A state that every step of training adds to, as this pass sees it. */
function grown(state: State, by: number, limit: number): Tensor {
  const trace = currentTrace();
  if (trace.training) trace.stateUpdates.set(state, minimum(add(state, by), limit));
  return state;
}

/** @throws ConfigError for what could never prune anything, or would prune all */
function checkRanges({ factor, scale, threshold, sparsity, ...given }: Given): void {
  const refuse = (message: string, details: object): never => {
    throw new ConfigError(`AdaSparse: ${message}`, { details: { ...details } });
  };
  const start = (factor === "binary" ? 1 : scale) / 2;
  if (factor !== "scaling" && threshold >= start) {
    refuse(`factors begin at ${start}, and a threshold of ${threshold} would prune every neuron`, {
      threshold,
      scale,
      factor,
    });
  }
  if (sparsity[0] > sparsity[1]) refuse("the lower bound of sparsity comes first", { sparsity });
  const { steepness, steepnessLimit, sparsityWeight, sparsityWeightLimit } = given;
  if (steepness > steepnessLimit) refuse("steepness begins above its limit", { steepness, steepnessLimit });
  if (sparsityWeight > sparsityWeightLimit) {
    refuse("the weight of the penalty begins above its limit", { sparsityWeight, sparsityWeightLimit });
  }
}

interface Pruning {
  /** What each neuron is multiplied by: `[batch, width]`. */
  readonly factor: Tensor;
  /** Share of factors that are 0, with the derivative of their sigmoids. */
  readonly zeroShare: Tensor;
}

class Pruner extends Module {
  readonly linear: Linear;
  readonly #given: Given;

  constructor(domainWidth: number, width: number, given: Given) {
    super();
    this.linear = new Linear(domainWidth + width, width, { bias: false });
    this.#given = given;
  }

  forward(domain: Tensor, h: Tensor, steepness: Tensor): Pruning {
    const { factor: form, scale, threshold } = this.#given;
    const soft = sigmoid(mul(this.linear.forward(concat([domain, h])), steepness));
    const scaled = form === "binary" ? soft : mul(soft, scale);
    const isKept = greater(scaled, threshold);
    const hard = cast(isKept, "float32");
    const kept = add(stopGradient(sub(hard, soft)), soft); // straight through
    const factors = { binary: kept, scaling: scaled, fusion: where(isKept, scaled, constant(0)) };
    return { factor: factors[form], zeroShare: sub(1, mean(kept)) };
  }
}

export const adaSparse = describeModel({
  name: "AdaSparse",
  summary: "A deep network of which each domain sees its own sparse part.",
  predicts: "every label",
  options: adaSparseOptions,
  model: AdaSparse,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.3,
    hiddenUnits: [16, 8],
    steepness: 2,
    steepnessGrowth: 0.01,
    netDropout: 0.2,
  },
});
