/** From a raw number to a batch value or a bucket. */
import type { BucketFeature, NumericTransform } from "./feature-map.ts";
import { FIRST_VALUE_ID, MISSING_ID } from "./feature-map.ts";

/** The nearest float32, but never -0 (which tiny negative numbers round to): files do not keep it apart. */
export function toFloat(value: number): number {
  return Math.fround(value) + 0;
}

/** Whether a finite number is one in float32, too: from 3.4e38 on it would be Infinity, and is taken as missing. */
export function fitsFloat(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** Clip, then `sign(x)·ln(1 + |x|)` if asked: a transform without its fitted part, in float64. */
export function shapeNumber(value: number, { clip, log }: Pick<NumericTransform, "clip" | "log">): number {
  let x = value;
  if (clip !== undefined) x = Math.min(Math.max(x, clip[0]), clip[1]);
  return log ? Math.sign(x) * Math.log(1 + Math.abs(x)) : x;
}

/** `(x - mean)·scale` as `toFloat`. */
export function scaleNumber(x: number, { mean, scale }: Pick<NumericTransform, "mean" | "scale">): number {
  return toFloat((x - mean) * scale);
}

/** The batch value of a raw number: `shapeNumber`, then `scaleNumber`. */
export function transformNumber(value: number, transform: NumericTransform): number {
  return scaleNumber(shapeNumber(value, transform), transform);
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
