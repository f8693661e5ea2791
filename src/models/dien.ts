import { z } from "zod";
import { parseOptions } from "../core/index.ts";
import { FieldEmbedding, slotOf } from "../embeddings/index.ts";
import { GRU, Linear, MLP, maskedSoftmax, TargetAttention } from "../layers/index.ts";
import { auxiliaryLoss, type Batch, type Initializer, Model, Module, normalInit } from "../module/index.ts";
import {
  add,
  concat,
  div,
  expandDims,
  matmul,
  maximum,
  mul,
  reshape,
  slice,
  softplus,
  squeeze,
  sub,
  sum,
} from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { describeModel } from "./describe-model.ts";
import {
  type Events,
  type Interest,
  interestsOf,
  lookUpSideBySide,
  namesIn,
  readEvents,
} from "./interest.ts";
import { activationName, deepOptions, embeddingOptions, mlpOptions, rate, width } from "./options.ts";

export const dienOptions = z.strictObject({
  ...embeddingOptions,
  ...deepOptions,
  gruType: z
    .enum(["GRU", "AIGRU", "AGRU", "AUGRU"])
    .default("AUGRU")
    .describe(
      "How attention leads the second GRU: not at all, scaling its inputs, as its gate, scaling its gate.",
    ),
  attentionType: z
    .enum(["bilinear", "dot", "mlp"])
    .default("bilinear")
    .describe("Score of an interest for the candidate: `gᵀWa`, `gᵀa`, or DIN's attention unit."),
  attentionHiddenUnits: z.array(width).default([80, 40]).describe("Hidden widths of the `mlp` attention."),
  attentionActivation: activationName.default("dice").describe("Activation of the `mlp` attention."),
  attentionDropout: rate.default(0).describe("Dropout of the `mlp` attention."),
  auxiliaryWeight: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Weight of the auxiliary loss; the paper uses it, FuxiCTR's and the boards' settings do not."),
  auxiliaryHiddenUnits: z.array(width).default([100, 50]).describe("Hidden widths of the auxiliary network."),
});
export type DIENOptions = z.input<typeof dienOptions>;

/**
 * Deep Interest Evolution Network: a GRU turns events into interests, attention says how much each has to do
 * with the candidate, and a second GRU, led by it, follows how they evolve.
 *
 *     g = GRU(h_1 … h_T),   s = softmax_t(g_tᵀ W a),   u = AUGRU(g; s) after the last event
 *     logit = MLP([fields ; u])
 *     auxiliary: mean of -log σ(A[g_t ; h_{t+1}]) and -log(1 - σ(A[g_t ; h⁻_{t+1}]))
 *
 * h⁻ are drawn uniformly from the vocabulary, each side feature for itself. The width of the interests is the
 * events'. Zhou et al., AAAI 2019, arXiv:1809.03672; kinds of attention, and no auxiliary loss by default, as in FuxiCTR. The auxiliary
 * network is an MLP with ReLU; averaged over all real steps.
 */
export class DIEN extends Model {
  readonly embedding: FieldEmbedding;
  readonly evolutions: readonly InterestEvolution[];
  readonly deep: MLP;
  readonly #interests: readonly Interest[];

  constructor(schema: FeatureMap, options: DIENOptions = {}) {
    super();
    const given = parseOptions(dienOptions, options, "DIEN");
    const { embeddingDim: dim, embeddingStd, hiddenUnits } = given;
    this.#interests = interestsOf(schema, "DIEN");
    const exclude = namesIn(this.#interests);
    this.embedding = new FieldEmbedding(schema, { dim, exclude, init: normalInit(embeddingStd) });
    this.evolutions = this.#interests.map(
      ({ targets }) => new InterestEvolution(targets.length * dim, given),
    );
    this.deep = new MLP(this.embedding.width + exclude.length * dim, hiddenUnits, {
      ...mlpOptions(given),
      output: 1,
    });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const evolved = this.#interests.map((interest, k) => {
      const events = readEvents(batch, interest, this.embedding);
      const negatives = (): Tensor => {
        const slots = interest.sequences.map((feature) => slotOf(feature, this.embedding.tables));
        const drawn = slots.map((slot) => ({ ...slot, sampled: "negative" }));
        return lookUpSideBySide(batch, drawn, interest.length);
      };
      return this.evolutions[k].forward(events, { name: interest.sequences[0].name, negatives });
    });
    const x = concat([this.embedding.forwardFlat(batch), ...evolved]); // [batch, width]
    return this.deep.forward(x).squeeze(1);
  }
}

/** One history's way through both GRUs. */
class InterestEvolution extends Module {
  readonly extraction: GRU;
  readonly bilinear: Linear | undefined;
  readonly attention: TargetAttention | undefined;
  readonly evolution: GRU;
  readonly auxiliary: MLP | undefined;
  readonly auxiliaryWeight: number;

  constructor(dim: number, options: z.output<typeof dienOptions>) {
    super();
    const { gruType, attentionType, auxiliaryWeight } = options;
    const led = gruType !== "GRU";
    this.extraction = new GRU(dim, dim);
    this.bilinear =
      led && attentionType === "bilinear" ? new Linear(dim, dim, { bias: false, init: identity }) : undefined;
    this.attention =
      led && attentionType === "mlp"
        ? new TargetAttention(dim, {
            hidden: options.attentionHiddenUnits,
            activation: options.attentionActivation,
            dropout: options.attentionDropout,
            softmax: true,
          })
        : undefined;
    this.evolution = new GRU(dim, dim, { kind: gruType });
    this.auxiliary =
      auxiliaryWeight > 0 ? new MLP(2 * dim, options.auxiliaryHiddenUnits, { output: 1 }) : undefined;
    this.auxiliaryWeight = auxiliaryWeight;
  }

  /** The state after the last event, zeros without any: `[batch, dim]`. */
  forward(events: Events, drawn: { name: string; negatives: () => Tensor }): Tensor {
    const { history, mask } = events;
    const interests = this.extraction.forward(history, { mask }); // [batch, length, dim]
    if (this.auxiliary !== undefined && history.shape[1] !== 1) {
      auxiliaryLoss(`auxiliary:${drawn.name}`, () =>
        this.#auxiliaryLoss(interests, events, drawn.negatives()),
      );
    }
    const scores = this.evolution.kind === "GRU" ? undefined : this.#scores(interests, events);
    return this.evolution.last(interests, { mask, scores });
  }

  /** `[batch, length]`. */
  #scores(interests: Tensor, { target, mask }: Events): Tensor {
    if (this.attention !== undefined) return this.attention.weights(target, interests, mask);
    const read = this.bilinear?.forward(interests) ?? interests;
    return maskedSoftmax(squeeze(matmul(read, expandDims(target, 2)), 2), mask);
  }

  #auxiliaryLoss(interests: Tensor, { history, mask }: Events, negatives: Tensor): Tensor {
    const [, length, dim] = history.shape as [string, number, number];
    const before = slice(interests, { axis: 1, end: length - 1 });
    const logits = (next: Tensor): Tensor => {
      const pairs = concat([before, slice(next, { axis: 1, start: 1 })]); // [batch, length - 1, 2 dim]
      const flat = (this.auxiliary as MLP).forward(reshape(pairs, [-1, 2 * dim]));
      return reshape(flat, [mask.shape[0], length - 1]);
    };
    const [real, drawn] = [logits(history), logits(negatives)];
    const each = add(sub(softplus(real), real), softplus(drawn)); // both cross entropies
    const steps = slice(mask, { axis: 1, start: 1 });
    const average = div(sum(mul(each, steps)), mul(maximum(sum(steps), 1), 2));
    return mul(average, this.auxiliaryWeight);
  }
}

const identity: Initializer = (values, [size]) => {
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
};

export const dien = describeModel({
  name: "DIEN",
  summary: "Interests evolve along the history, led by attention from the candidate.",
  options: dienOptions,
  model: DIEN,
  example: {
    embeddingDim: 4,
    embeddingStd: 0.1,
    hiddenUnits: [32],
    netDropout: 0.2,
    auxiliaryWeight: 0.005,
    auxiliaryHiddenUnits: [6],
  },
});
