/**
 * Auto-Lambda: factors λ that take down what the main task's loss is after the step they weigh,
 *
 *     min over λ of L_main(θ - η Σ_k λ_k ∇L_k(θ)) on another batch;
 *     its slope along λ_k is -η ∇L_k(θ) · ∇L_main(θ'),   θ' the weights after the step.
 *
 * λ starts at 0.1 for each task and moves by Adam.
 *
 * Liu, James, Davison and Johns, "Auto-Lambda: Disentangling Dynamic Task Relationships", TMLR 2022,
 * arXiv:2202.03091. Departures: the inner product is taken as it is, where the authors' code has finite
 * differences; θ' is where the model's own step went, and the other batch the next one of training, so that
 * nothing is computed twice; what is fed are K λ_k / Σ_j λ_j, since the scale of all λ is the learning rate's
 * business; λ is kept above 0.
 */
import { LEAST_FACTOR } from "./least-factor.ts";
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";
import { scalarAdamState, scalarAdamStep } from "./scalar-adam.ts";

const START = 0.1;

export class AutoLambda implements LossWeighting {
  readonly state: Float64Array;
  readonly #lambdas: Float64Array;
  readonly #adamState: Float64Array;
  readonly #rate: number;

  /** @param options `rate`: of Adam on λ @default 0.0001 */
  constructor(tasks: number, { rate = 1e-4 }: { readonly rate?: number } = {}) {
    this.#rate = rate;
    this.state = new Float64Array(tasks + scalarAdamState(tasks));
    this.#lambdas = this.state.subarray(0, tasks).fill(START);
    this.#adamState = this.state.subarray(tasks);
  }

  factors(): readonly number[] {
    const lambdas = [...this.#lambdas];
    const total = lambdas.reduce((sum, lambda) => sum + lambda, 0);
    return lambdas.map((lambda) => (lambda * lambdas.length) / total);
  }

  observe({ ahead, learningRate }: Pick<ObservedStep, "ahead" | "learningRate">): void {
    if (ahead.length === 0) return;
    const slopes = ahead.map((product) => -learningRate * product);
    scalarAdamStep(this.#lambdas, slopes, this.#adamState, this.#rate);
    for (let k = 0; k < slopes.length; k++)
      this.#lambdas[k] = Math.max(START * LEAST_FACTOR, this.#lambdas[k]);
  }

  endEpoch(): void {}
}
