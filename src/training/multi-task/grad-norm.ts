/**
 * GradNorm: factors w_k move so that the tasks' gradients on the last shared layer have norms in
 * proportion to how slowly the tasks learn:
 *
 *     G_k = w_k ‖∇L_k‖,   r_k = (L_k / L_k(0)) / mean_j (L_j / L_j(0)),
 *     minimise Σ_k |G_k - mean(G) · r_k^α| over w (the target is held fixed), then scale to Σ w_k = K.
 *
 * Chen, Badrinarayanan, Lee and Rabinovich, ICML 2018, arXiv:1711.02257. Departure: factors are kept at
 * 10⁻³ or more, since Adam would take small ones below zero.
 */
import { LEAST_FACTOR } from "./least-factor.ts";
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";
import { scalarAdamState, scalarAdamStep } from "./scalar-adam.ts";

export interface GradNormOptions {
  readonly alpha: number;
  readonly learningRate: number;
}

export class GradNorm implements LossWeighting {
  readonly state: Float64Array;
  readonly #options: GradNormOptions;
  readonly #factors: Float64Array;
  /** L_k(0), from the first step; 0 before it. */
  readonly #first: Float64Array;
  readonly #adamState: Float64Array;

  constructor(tasks: number, options: GradNormOptions) {
    this.#options = options;
    this.state = new Float64Array(2 * tasks + scalarAdamState(tasks));
    this.#factors = this.state.subarray(0, tasks).fill(1);
    this.#first = this.state.subarray(tasks, 2 * tasks);
    this.#adamState = this.state.subarray(2 * tasks);
  }

  factors(): readonly number[] {
    return [...this.#factors];
  }

  observe({ losses, norms }: ObservedStep): void {
    const { alpha, learningRate } = this.#options;
    const tasks = losses.length;
    if (this.#first.every((loss) => loss === 0)) this.#first.set(losses);
    const weighted = norms.map((norm, k) => this.#factors[k] * norm);
    const meanNorm = weighted.reduce((sum, norm) => sum + norm, 0) / tasks;
    const ratios = losses.map((loss, k) => loss / this.#first[k]);
    const meanRatio = ratios.reduce((sum, ratio) => sum + ratio, 0) / tasks;
    const gradients = norms.map((norm, k) => {
      const target = meanNorm * (ratios[k] / meanRatio) ** alpha;
      return Math.sign(weighted[k] - target) * norm;
    });
    scalarAdamStep(this.#factors, gradients, this.#adamState, learningRate);
    for (let k = 0; k < tasks; k++) this.#factors[k] = Math.max(LEAST_FACTOR, this.#factors[k]);
    const total = this.#factors.reduce((sum, factor) => sum + factor, 0);
    for (let k = 0; k < tasks; k++) this.#factors[k] *= tasks / total;
  }

  endEpoch(): void {}
}
