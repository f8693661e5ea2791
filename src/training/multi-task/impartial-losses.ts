/**
 * IMTL-L: factors that make all weighted losses equal without a favoured task,
 *
 *     L = Σ_k e^{s_k} L_k - s_k,
 *
 * which is least over s where every e^{s_k} L_k is 1. The s_k start at 0 and move by Adam with the model's
 * learning rate. With `gradients: imtl` (IMTL-G) beside it, it is IMTL.
 *
 * Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021.
 */
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";
import { type ScalarAdamOptions, scalarAdamState, scalarAdamStep } from "./scalar-adam.ts";

export class ImpartialLosses implements LossWeighting {
  readonly state: Float64Array;
  readonly #adam: ScalarAdamOptions;
  readonly #logFactors: Float64Array;
  readonly #adamState: Float64Array;

  constructor(tasks: number, adam: ScalarAdamOptions = {}) {
    this.#adam = adam;
    this.state = new Float64Array(tasks + scalarAdamState(tasks));
    this.#logFactors = this.state.subarray(0, tasks);
    this.#adamState = this.state.subarray(tasks);
  }

  factors(): readonly number[] {
    return [...this.#logFactors].map(Math.exp);
  }

  observe({ losses, learningRate }: Pick<ObservedStep, "losses" | "learningRate">): void {
    const factors = this.factors();
    const gradients = losses.map((loss, k) => factors[k] * loss - 1);
    scalarAdamStep(this.#logFactors, gradients, this.#adamState, learningRate, this.#adam);
  }

  endEpoch(): void {}
}
