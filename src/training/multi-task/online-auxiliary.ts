/**
 * OL-AUX: an auxiliary task's weight grows while its gradient takes the main task's loss down. With losses on a
 * logarithmic scale, so that no task's unit counts, a step along
 *
 *     L = log L_main + Σ_k w_k log L_k
 *
 * lowers the main loss the faster, the larger Σ_k w_k ∇log L_main · ∇log L_k is; so, after every N steps,
 *
 *     w_k ← w_k + β Σ_steps ∇log L_main · ∇log L_k,   from w_k = 1.
 *
 * Lin, Baweja, Kantor and Held, "Adaptive Auxiliary Task Weighting for Reinforcement Learning", NeurIPS 2019.
 * Departures: the learning rate is part of β; ∇log L_k = ∇L_k / L_k comes about by a factor L_main / L_k beside
 * w_k, which leaves the main loss's at 1 and has the losses of the step before; weights stay above 0.
 */
import { LEAST_FACTOR } from "./least-factor.ts";
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";

export interface OnlineAuxiliaryOptions {
  /** Position of the main task. */
  readonly main: number;
  /** β @default 0.1 */
  readonly rate?: number;
  /** N @default 5 */
  readonly everySteps?: number;
}

export class OnlineAuxiliary implements LossWeighting {
  readonly state: Float64Array;
  readonly #main: number;
  readonly #rate: number;
  readonly #everySteps: number;
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;
  /** L_main / L_k of the step before; 1 before the first. */
  readonly #ratios: Float64Array;
  readonly #steps: Float64Array;

  constructor(tasks: number, { main, rate = 0.1, everySteps = 5 }: OnlineAuxiliaryOptions) {
    this.#main = main;
    this.#rate = rate;
    this.#everySteps = everySteps;
    this.state = new Float64Array(3 * tasks + 1);
    this.#weights = this.state.subarray(0, tasks).fill(1);
    this.#sums = this.state.subarray(tasks, 2 * tasks);
    this.#ratios = this.state.subarray(2 * tasks, 3 * tasks).fill(1);
    this.#steps = this.state.subarray(3 * tasks);
  }

  factors(): readonly number[] {
    return [...this.#weights].map((weight, k) => weight * this.#ratios[k]);
  }

  observe({ losses, products }: Pick<ObservedStep, "losses" | "products">): void {
    const main = losses[this.#main];
    this.#steps[0] += 1;
    for (const [k, loss] of losses.entries()) {
      if (k === this.#main || loss === 0 || main === 0) continue;
      this.#sums[k] += products[this.#main][k] / (main * loss);
      this.#ratios[k] = main / loss;
    }
    if (this.#steps[0] % this.#everySteps !== 0) return;
    for (const [k, sum] of this.#sums.entries())
      this.#weights[k] = Math.max(LEAST_FACTOR, this.#weights[k] + this.#rate * sum);
    this.#sums.fill(0);
  }

  endEpoch(): void {}
}
