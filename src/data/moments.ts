/** Mean and variance in row order with compensated sums: the same bits whatever wrote the rows. */

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Divided by the count, not by count - 1; Infinity where squares leave the range of doubles. */
  readonly variance: number;
}

/** A sum that carries the rounding error of every addition along (Neumaier's form of Kahan's sum). */
export class CompensatedSum {
  #sum = 0;
  #error = 0;

  add(value: number): void {
    const total = this.#sum + value;
    this.#error +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - total + value : value - total + this.#sum;
    this.#sum = total;
  }

  get value(): number {
    return this.#sum + this.#error;
  }
}

/**
 * Moments of all finite values, in two passes.
 *
 * @param pass starts a new pass over the same values in the same order
 */
export function fitMoments(pass: () => Iterable<Float64Array>): Moments {
  const sum = new CompensatedSum();
  let count = 0;
  for (const values of pass()) {
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      sum.add(values[i]);
      count++;
    }
  }
  if (count === 0) return { count, mean: 0, variance: 0 };
  const mean = sum.value / count;
  const squares = new CompensatedSum();
  for (const values of pass()) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) squares.add((values[i] - mean) ** 2);
    }
  }
  const variance = squares.value / count;
  return { count, mean, variance: Number.isFinite(variance) ? variance : Number.POSITIVE_INFINITY };
}
