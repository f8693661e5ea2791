/**
 * ARML: auxiliary tasks weigh so that their gradients together stand in for the main task's,
 *
 *     min over α of ‖∇L_main - Σ_k α_k ∇L_k‖²,   α_k ≥ 0,  Σ α_k = number of auxiliary tasks,
 *
 * by projected gradient steps on α beside the model's. A single auxiliary task always weighs 1.
 *
 * Shi, Hoffman, Saenko, Darrell and Xu, "Auxiliary Task Reweighting for Minimum-data Learning", NeurIPS 2020,
 * arXiv:2010.08244. Departures: the objective is in units of the largest squared gradient norm, so that the rate
 * needs no unit; the projection is the Euclidean one, with α_k kept at 10⁻³ or more; no noise is added to the
 * model's steps (the authors' code has it as an option), since batches' own has to do.
 */
import { LEAST_FACTOR } from "./least-factor.ts";
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";
import { projectOntoSimplex } from "./simplex.ts";

export interface AuxiliaryReweightingOptions {
  /** Position of the main task. */
  readonly main: number;
  /** @default 0.05 */
  readonly rate?: number;
  /** Steps of the model between two of α. @default 1 */
  readonly everySteps?: number;
}

export class AuxiliaryReweighting implements LossWeighting {
  /** Weights of all tasks, the main one's always 1; then steps. */
  readonly state: Float64Array;
  readonly #main: number;
  readonly #rate: number;
  readonly #everySteps: number;
  readonly #tasks: number;

  constructor(tasks: number, { main, rate = 0.05, everySteps = 1 }: AuxiliaryReweightingOptions) {
    this.#main = main;
    this.#rate = rate;
    this.#everySteps = everySteps;
    this.#tasks = tasks;
    this.state = new Float64Array(tasks + 1).fill(1, 0, tasks);
  }

  factors(): readonly number[] {
    return [...this.state.subarray(0, this.#tasks)];
  }

  observe({ products }: Pick<ObservedStep, "products">): void {
    const steps = this.#tasks;
    this.state[steps] += 1;
    if (this.state[steps] % this.#everySteps !== 0) return;
    const others = products.map((_, k) => k).filter((k) => k !== this.#main);
    const unit = Math.max(...products.map((row, k) => row[k]));
    if (others.length === 0 || unit === 0) return;
    const moved = others.map((k) => {
      const along = others.reduce((sum, j) => sum + this.state[j] * products[k][j], 0);
      // ∂/∂α_k ‖g_main - Σ α g‖²
      const slope = (2 * (along - products[k][this.#main])) / unit;
      return this.state[k] - this.#rate * slope;
    });
    const free = others.length * (1 - LEAST_FACTOR);
    const projected = projectOntoSimplex(
      moved.map((weight) => weight - LEAST_FACTOR),
      free,
    );
    for (const [i, k] of others.entries()) this.state[k] = LEAST_FACTOR + projected[i];
  }

  endEpoch(): void {}
}
