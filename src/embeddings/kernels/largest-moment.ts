/**
 * One Adam step of several tasks whose moments are kept apart, all divided by the largest of their second
 * moments (MTAdam):
 *
 *     w ← w - size · Σ_k m_k / (√(max_k v_k) + ε')
 *
 * in float32, rounded after every operation as Adam's kernel does, so that with one task it is Adam.
 */
import type { AdamScalars } from "./optimizer.ts";

const f = Math.fround;

/** Where a stretch of weights and its moments begin, in floats. */
export interface MomentPlaces {
  readonly weights: number;
  /** By task. */
  readonly first: ArrayLike<number>;
  readonly second: ArrayLike<number>;
  readonly count: number;
}

export function moveByLargest(
  floats: Float32Array,
  { weights, first, second, count }: MomentPlaces,
  { size, epsilon }: Pick<AdamScalars, "size" | "epsilon">,
): void {
  for (let i = 0; i < count; i++) {
    let sum = floats[first[0] + i];
    let largest = floats[second[0] + i];
    for (let k = 1; k < first.length; k++) {
      sum = f(sum + floats[first[k] + i]);
      largest = Math.max(largest, floats[second[k] + i]);
    }
    floats[weights + i] -= f(f(size * sum) / f(f(Math.sqrt(largest)) + epsilon));
  }
}
