/**
 * The history term of the click logit: tanh of
 *
 *     S[c] = sum over past clicks h of  w(t - t_h) · M[cat(h), c]
 *
 * with w(a) = exp(-a/tau), or 1 - exp(-a/tau) where distant clicks count. Exponential decay lets one number per
 * category stand for all its past clicks, so that a request costs the same however long the history.
 */
import { categoryCount, daySeconds } from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";

export class HistoryEffect {
  readonly #matrix: Float64Array;
  readonly #tauSeconds: number;
  readonly #distant: boolean;
  readonly #decayed = new Float64Array(categoryCount);
  readonly #clicks = new Float64Array(categoryCount);
  readonly #effect = new Float64Array(categoryCount);
  #time = 0;

  constructor(options: ResolvedWorldOptions, matrix: Float64Array) {
    this.#matrix = matrix;
    this.#tauSeconds = options.historyTauDays * daySeconds;
    this.#distant = options.historyKernel === "distant";
  }

  /** Forgets everything: the next user. */
  clear(): void {
    this.#decayed.fill(0);
    this.#clicks.fill(0);
    this.#time = 0;
  }

  /**
   * tanh S for every category of a candidate at `time`, which may not go back, by the matrix of `period`. The
   * array is reused.
   */
  at(time: number, period: number): Float64Array {
    const matrix = period * categoryCount ** 2;
    const decay = Math.exp(-(time - this.#time) / this.#tauSeconds);
    this.#time = time;
    this.#effect.fill(0);
    for (let h = 0; h < categoryCount; h++) {
      this.#decayed[h] *= decay;
      const weight = this.#distant ? this.#clicks[h] - this.#decayed[h] : this.#decayed[h];
      if (weight === 0) continue;
      for (let c = 0; c < categoryCount; c++) {
        this.#effect[c] += weight * this.#matrix[matrix + h * categoryCount + c];
      }
    }
    for (let c = 0; c < categoryCount; c++) this.#effect[c] = Math.tanh(this.#effect[c]);
    return this.#effect;
  }

  /** Adds a click made at the time of the last `at`. */
  click(category: number): void {
    this.#decayed[category]++;
    this.#clicks[category]++;
  }
}
