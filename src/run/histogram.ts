/** Numbers counted in bins of equal width between their smallest and largest. */
import type { Histogram } from "./event-message.ts";

/** Undefined without finite numbers; those that are not finite are left out. One bin when all are equal. */
export function histogramOf(values: ArrayLike<number>, { bins = 30 } = {}): Histogram | undefined {
  let min = Infinity;
  let max = -Infinity;
  let count = 0;
  let sum = 0;
  let sumOfSquares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    count++;
    sum += value;
    sumOfSquares += value * value;
  }
  if (count === 0) return undefined;
  if (min === max) return { min, max, count, sum, sumOfSquares, limits: [max], counts: [count] };
  const counts = new Array<number>(bins).fill(0);
  const binsPerUnit = bins / (max - min);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    counts[Math.min(bins - 1, Math.floor((values[i] - min) * binsPerUnit))]++;
  }
  const limits = counts.map((_, bin) => (bin === bins - 1 ? max : min + (bin + 1) / binsPerUnit));
  return { min, max, count, sum, sumOfSquares, limits, counts };
}
