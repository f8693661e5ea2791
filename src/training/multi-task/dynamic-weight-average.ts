/**
 * Dynamic weight average: tasks whose loss falls slowly weigh more in the next epoch,
 *
 *     r_k = L_k(e-1) / L_k(e-2),   w_k = K · softmax(r / T)_k,
 *
 * with each epoch's mean losses; equal weights in the first two epochs.
 *
 * Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019, arXiv:1803.10704.
 */
import type { LossWeighting, ObservedStep } from "./loss-weighting.ts";

export class DynamicWeightAverage implements LossWeighting {
  /** Sums of this epoch's losses, means of the last epoch and of the one before, steps of this epoch. */
  readonly state: Float64Array;
  readonly #temperature: number;
  readonly #sums: Float64Array;
  readonly #last: Float64Array;
  readonly #before: Float64Array;
  readonly #steps: Float64Array;

  constructor(tasks: number, temperature: number) {
    this.#temperature = temperature;
    this.state = new Float64Array(3 * tasks + 1);
    this.#sums = this.state.subarray(0, tasks);
    this.#last = this.state.subarray(tasks, 2 * tasks);
    this.#before = this.state.subarray(2 * tasks, 3 * tasks);
    this.#steps = this.state.subarray(3 * tasks);
  }

  factors(): readonly number[] {
    const tasks = this.#sums.length;
    if (this.#before.some((loss) => loss === 0)) return new Array<number>(tasks).fill(1);
    const ratios = [...this.#last].map((loss, k) => loss / this.#before[k] / this.#temperature);
    const largest = Math.max(...ratios);
    const powers = ratios.map((ratio) => Math.exp(ratio - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => (tasks * power) / total);
  }

  observe({ losses }: ObservedStep): void {
    for (const [k, loss] of losses.entries()) this.#sums[k] += loss;
    this.#steps[0] += 1;
  }

  endEpoch(): void {
    if (this.#steps[0] === 0) return;
    this.#before.set(this.#last);
    this.#last.set(this.#sums.map((sum) => sum / this.#steps[0]));
    this.#sums.fill(0);
    this.#steps[0] = 0;
  }
}
