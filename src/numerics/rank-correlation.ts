/**
 * Spearman's rank correlation: Pearson's correlation of ranks, ties sharing the mean of theirs. What two maps of the
 * same things have in common whatever their scales.
 */
import { ShapeError } from "../core/index.ts";

/**
 * @returns in [-1, 1]; undefined where either side is constant or there are fewer than two values
 * @throws ShapeError when the lengths differ
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  if (a.length !== b.length) {
    throw new ShapeError("rankCorrelation: both sides must have the same length", {
      a: a.length,
      b: b.length,
    });
  }
  return correlation(ranks(a), ranks(b));
}

/** Pearson's correlation; undefined where either side is constant. */
function correlation(a: Float64Array, b: Float64Array): number | undefined {
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - mean, b[i] - mean];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? undefined : ab / Math.sqrt(aa * bb);
}

/** Ranks from 1, ties at the mean of theirs. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i] - values[j]);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let at = start; at < end; at++) result[order[at]] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}
