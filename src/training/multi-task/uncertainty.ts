/**
 * Uncertainty weighting: each task's noise σ_k² is learned beside the model,
 *
 *     L = Σ_k e^{-s_k} L_k + s_k / 2,   s_k = log σ_k²,
 *
 * with ½ e^{-s_k} for squared errors. The s_k start at 0 and move by Adam with the model's learning rate.
 *
 * Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018,
 * arXiv:1705.07115.
 */
import type { LossWeighting, ObservedStep, WeightedTask } from "./loss-weighting.ts";
import { type ScalarAdamOptions, scalarAdamState, scalarAdamStep } from "./scalar-adam.ts";

export class UncertaintyWeighting implements LossWeighting {
  readonly state: Float64Array;
  readonly #scales: readonly number[];
  readonly #adam: ScalarAdamOptions;
  readonly #logVariances: Float64Array;
  readonly #adamState: Float64Array;

  constructor(tasks: readonly Pick<WeightedTask, "kind">[], adam: ScalarAdamOptions = {}) {
    this.#scales = tasks.map(({ kind }) => (kind === "real" ? 0.5 : 1));
    this.#adam = adam;
    this.state = new Float64Array(tasks.length + scalarAdamState(tasks.length));
    this.#logVariances = this.state.subarray(0, tasks.length);
    this.#adamState = this.state.subarray(tasks.length);
  }

  factors(): readonly number[] {
    return this.#scales.map((scale, k) => scale * Math.exp(-this.#logVariances[k]));
  }

  observe({ losses, learningRate }: ObservedStep): void {
    const factors = this.factors();
    // d/ds (c e^{-s} L + s/2)
    const gradients = losses.map((loss, k) => 0.5 - factors[k] * loss);
    scalarAdamStep(this.#logVariances, gradients, this.#adamState, learningRate, this.#adam);
  }

  endEpoch(): void {}
}
