/** Mean and variance in row order with compensated sums: the same bits whatever wrote the rows. */

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Divided by the count, not by count - 1; Infinity where squares leave the range of doubles. */
  readonly variance: number;
}

/**
 * Moments of all finite values, in two passes. Sums carry the rounding error of every addition along
 * (Neumaier's form of Kahan's sum).
 *
 * @param pass starts a new pass over the same values in the same order
 */
export function fitMoments(pass: () => Iterable<Float64Array>): Moments {
  let count = 0;
  let sum = 0;
  let error = 0;
  for (const values of pass()) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value)) continue;
      const total = sum + value;
      error += Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum;
      sum = total;
      count++;
    }
  }
  if (count === 0) return { count, mean: 0, variance: 0 };
  const mean = (sum + error) / count;
  let squares = 0;
  let squaresError = 0;
  for (const values of pass()) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value)) continue;
      const square = (value - mean) * (value - mean);
      const total = squares + square;
      // All are positive, and the sum is nearly always the larger one.
      squaresError += squares >= square ? squares - total + square : square - total + squares;
      squares = total;
    }
  }
  const variance = (squares + squaresError) / count;
  return { count, mean, variance: Number.isFinite(variance) ? variance : Number.POSITIVE_INFINITY };
}
