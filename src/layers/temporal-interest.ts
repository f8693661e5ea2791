/**
 * Temporal Interest Module (TIM): a history as one vector, where behaviours meet the candidate in what they are
 * and in when they were, both in how much they count and in what they say.
 *
 *     ẽ_i = e_i + p_i,  ṽ = v + p_0                     p: of the place counted back, of the bucketed time gap, or both
 *     a = softmax_i(⟨ẽ_i, ṽ⟩ / √d),  u = Σ_i a_i (ẽ_i ⊙ ṽ)
 *
 * The candidate has places of its own, 0 of both kinds. Zhou et al., "Temporal Interest Network for User Response
 * Prediction", WWW 2024 companion, arXiv:2308.08487; as part of the ranker of Pan et al., KDD 2024, arXiv:2403.00793.
 */
import { Module, normalInit, observe, Parameter } from "../module/index.ts";
import {
  add,
  addAll,
  cast,
  expandDims,
  gather,
  less,
  matmul,
  mul,
  not,
  slice,
  squeeze,
  sum,
} from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { maskedSoftmax } from "./masked-softmax.ts";
import { PositionalEmbedding } from "./positional-embedding.ts";

export const temporalEncodings = ["none", "position", "gap", "both"] as const;
export type TemporalEncoding = (typeof temporalEncodings)[number];

/** Bucket of a gap of s seconds: the number of powers 1, 2, 4, … 2^30 that are ≤ s. */
const gapBuckets = 32;

export interface TemporalInterestOptions {
  /** Longest history. */
  readonly length: number;
  /** What is known of when a behaviour was. @default "position" */
  readonly encoding?: TemporalEncoding;
  /** What is summed is `ẽ ⊙ ṽ`; otherwise `ẽ` alone. @default true */
  readonly valueProduct?: boolean;
}

export interface TemporalEvents {
  /** The candidate, `[batch, dim]`. */
  readonly target: Tensor;
  /** `[batch, length, dim]`. */
  readonly history: Tensor;
  /** float32 `[batch, length]`, 1 for events. */
  readonly mask: Tensor;
  /** Seconds from each event to the request, `[batch, length]`; for gaps. */
  readonly ages?: Tensor;
}

export class TemporalInterest extends Module {
  readonly position: PositionalEmbedding | undefined;
  /** `[1 + buckets, dim]`: the candidate's own row, then one a bucket. */
  readonly gap: Parameter | undefined;
  readonly valueProduct: boolean;
  readonly width: number;

  constructor(dim: number, { length, encoding = "position", valueProduct = true }: TemporalInterestOptions) {
    super();
    const [positions, gaps] = [
      encoding === "position" || encoding === "both",
      encoding === "gap" || encoding === "both",
    ];
    this.position = positions ? new PositionalEmbedding(length, dim) : undefined;
    this.gap = gaps ? new Parameter([1 + gapBuckets, dim], { init: normalInit(0.02) }) : undefined;
    this.valueProduct = valueProduct;
    this.width = dim;
  }

  /** `[batch, dim]`; of an empty history zeros. */
  forward(events: TemporalEvents): Tensor {
    const { history, target } = this.#timed(events);
    const weights = this.#weights(history, target, events.mask); // [batch, length]
    observe("temporal.weights", weights);
    const pooled = sum(mul(history, expandDims(weights, -1)), { axis: 1 });
    // The product is linear in the behaviour, so that it can be taken of the sum.
    return this.valueProduct ? mul(pooled, target) : pooled;
  }

  /** `[batch, length]`, 0 at padding. */
  weights(events: TemporalEvents): Tensor {
    const { history, target } = this.#timed(events);
    return this.#weights(history, target, events.mask);
  }

  #weights(history: Tensor, target: Tensor, mask: Tensor): Tensor {
    const scores = squeeze(matmul(history, expandDims(target, -1)), 2); // [batch, length]
    return maskedSoftmax(mul(scores, 1 / Math.sqrt(this.width)), mask);
  }

  #timed({ target, history, mask, ages }: TemporalEvents): {
    readonly history: Tensor;
    readonly target: Tensor;
  } {
    const [events, candidate] = [[history], [target]];
    if (this.position !== undefined) {
      events.push(this.position.forward(mask));
      candidate.push(this.position.candidate());
    }
    if (this.gap !== undefined && ages !== undefined) {
      events.push(gather(this.gap, add(gapBucket(ages), 1)));
      candidate.push(slice(this.gap, { axis: 0, end: 1 }));
    }
    return { history: addAll(events), target: addAll(candidate) };
  }
}

/** Of seconds, `[batch, length]`; int64. By comparing, so that every engine finds the same bucket. */
function gapBucket(ages: Tensor): Tensor {
  const powers = constant(Float32Array.from({ length: gapBuckets - 1 }, (_, k) => 2 ** k));
  return cast(sum(cast(not(less(expandDims(ages, -1), powers)), "float32"), { axis: -1 }), "int64");
}
