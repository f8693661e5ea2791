/**
 * Batch normalisation with moments, scale and shift of each domain's own:
 *
 *     y = γ γ_d (x - μ_d) / √(σ²_d + ε) + β + β_d
 *
 * In training the moments are those of the batch's rows of domain d; they also move the running ones, which
 * evaluation reads. Domains that a batch lacks stay as they were. Sheng et al., "One Model to Serve All: Star
 * Topology Adaptive Recommender for Multi-Domain CTR Prediction", CIKM 2021, arXiv:2101.11427, takes batches
 * of one domain each; here rows are mixed and told apart by weights.
 */
import { constantInit, currentTrace, Module, Parameter, State } from "../module/index.ts";
import { add, div, matmul, maximum, minimum, mul, sqrt, square, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class PartitionedNorm extends Module {
  readonly scale: Parameter;
  readonly shift: Parameter;
  /** `[domains, width]`, as all below. */
  readonly domainScale: Parameter;
  readonly domainShift: Parameter;
  readonly runningMean: State;
  readonly runningVariance: State;
  readonly epsilon: number;
  readonly momentum: number;

  constructor(width: number, { domains, epsilon = 1e-5, momentum = 0.1 }: PartitionedNormOptions) {
    super();
    this.scale = new Parameter([width], { init: constantInit(1) });
    this.shift = new Parameter([width]);
    this.domainScale = new Parameter([domains, width], { init: constantInit(1) });
    this.domainShift = new Parameter([domains, width], { init: constantInit(0) });
    this.runningMean = new State([domains, width]);
    this.runningVariance = new State([domains, width], { init: constantInit(1) });
    this.epsilon = epsilon;
    this.momentum = momentum;
  }

  /**
   * @param x `[batch, width]`
   * @param weights `[batch, domains]`, the row's domain
   */
  forward(x: Tensor, weights: Tensor): Tensor {
    const [mean, variance] = currentTrace().training
      ? this.#batchMoments(x, weights)
      : [this.runningMean, this.runningVariance];
    const own = (perDomain: Tensor): Tensor => matmul(weights, perDomain); // [batch, width]
    const standard = div(sub(x, own(mean)), sqrt(add(own(variance), this.epsilon)));
    const scale = mul(this.scale, own(this.domainScale));
    return add(mul(standard, scale), add(this.shift, own(this.domainShift)));
  }

  /** Mean and biased variance of each domain's rows, `[domains, width]`; the running ones follow. */
  #batchMoments(x: Tensor, weights: Tensor): [mean: Tensor, variance: Tensor] {
    const rows = sum(weights, { axis: 0 }).expandDims(1); // [domains, 1]
    const some = maximum(rows, 1);
    const total = (values: Tensor): Tensor => matmul(weights, values, { transposeA: true });
    const mean = div(total(x), some);
    const variance = div(total(square(sub(x, matmul(weights, mean)))), some);
    const unbiased = mul(variance, div(some, maximum(sub(some, 1), 1)));
    const share = mul(minimum(rows, 1), this.momentum); // 0 for a domain without rows
    const { stateUpdates } = currentTrace();
    stateUpdates.set(this.runningMean, add(this.runningMean, mul(share, sub(mean, this.runningMean))));
    const moved = mul(share, sub(unbiased, this.runningVariance));
    stateUpdates.set(this.runningVariance, add(this.runningVariance, moved));
    return [mean, variance];
  }
}

export interface PartitionedNormOptions {
  readonly domains: number;
  /** @default 1e-5 */
  readonly epsilon?: number;
  /** Share of the new moment in the running one. @default 0.1 */
  readonly momentum?: number;
}
