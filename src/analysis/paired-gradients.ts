/** Two parts of one table's gradient, row by row, over steps: how large each is, and whether they agree. */

export interface PairedGradientSummary {
  /** Steps in which both parts reached a row. */
  readonly steps: number;
  /** Norm of a row's gradient from attention, mean over rows, then over steps. */
  readonly attentionNorm: number;
  readonly representationNorm: number;
  /** `representationNorm / (attentionNorm + representationNorm)`: 0.5 is balance. */
  readonly representationShare: number;
  /** Cosine of the two, mean over rows, then over steps. */
  readonly cosine: number;
  /** Share of rows, of all steps, whose cosine is negative. */
  readonly conflictingRows: number;
  /** Share of steps whose mean cosine is negative. */
  readonly conflictingSteps: number;
}

export interface GradientPair {
  /** `[rows, dim]` each. */
  readonly attention: Float32Array;
  readonly representation: Float32Array;
  readonly rows: number;
  readonly dim: number;
  /** First row that counts; those before are padding. @default 0 */
  readonly first?: number;
}

export class PairedGradients {
  #steps = 0;
  #rows = 0;
  #conflicting = { rows: 0, steps: 0 };
  #sums = { attention: 0, representation: 0, cosine: 0 };

  /** Takes in one step; rows that only one part reaches do not count. */
  add({ attention, representation, rows, dim, first = 0 }: GradientPair): void {
    const sums = { attention: 0, representation: 0, cosine: 0 };
    let [seen, against] = [0, 0];
    for (let row = first; row < rows; row++) {
      let [a, r, product] = [0, 0, 0];
      for (let at = row * dim; at < (row + 1) * dim; at++) {
        a += attention[at] ** 2;
        r += representation[at] ** 2;
        product += attention[at] * representation[at];
      }
      if (a === 0 || r === 0) continue;
      seen++;
      if (product < 0) against++;
      sums.attention += Math.sqrt(a);
      sums.representation += Math.sqrt(r);
      sums.cosine += product / Math.sqrt(a * r);
    }
    if (seen === 0) return;
    this.#steps++;
    this.#rows += seen;
    this.#conflicting.rows += against;
    if (sums.cosine < 0) this.#conflicting.steps++;
    this.#sums.attention += sums.attention / seen;
    this.#sums.representation += sums.representation / seen;
    this.#sums.cosine += sums.cosine / seen;
  }

  /** NaN everywhere but in `steps` where no row was ever reached by both. */
  summary(): PairedGradientSummary {
    const steps = this.#steps;
    const { attention, representation, cosine } = this.#sums;
    return {
      steps,
      attentionNorm: attention / steps,
      representationNorm: representation / steps,
      representationShare: representation / (attention + representation),
      cosine: cosine / steps,
      conflictingRows: this.#conflicting.rows / this.#rows,
      conflictingSteps: this.#conflicting.steps / steps,
    };
  }
}
