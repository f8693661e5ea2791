/** From a raw number to a batch value or a bucket. */
import type { BucketFeature, NumericTransform } from "./feature-map.ts";
import { FIRST_VALUE_ID, MISSING_ID } from "./feature-map.ts";

/** Clip, then `sign(x)·ln(1 + |x|)` if asked, then `(x - mean)·scale`, in float64. */
export function transformNumber(value: number, { clip, log, mean, scale }: NumericTransform): number {
  let x = value;
  if (clip !== undefined) x = Math.min(Math.max(x, clip[0]), clip[1]);
  if (log) x = Math.sign(x) * Math.log(1 + Math.abs(x));
  return (x - mean) * scale;
}

/** `FIRST_VALUE_ID + (number of boundaries ≤ value)`, by bisection. */
export function bucketId(
  value: number | undefined,
  { boundaries }: Pick<BucketFeature, "boundaries">,
): number {
  if (value === undefined) return MISSING_ID;
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (boundaries[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return FIRST_VALUE_ID + low;
}
