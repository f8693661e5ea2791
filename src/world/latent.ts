/** Unit vectors in the latent space, stored one after another in a flat array. */
import { latentDim } from "./law.ts";
import { normalAt } from "./stream.ts";

/** Writes centre + sd · noise, scaled to unit length, at `at`; the noise is counters 0 … dim - 1 of `key`. */
export function writeScattered(
  out: Float64Array,
  at: number,
  centres: Float64Array,
  centre: number,
  key: number,
  sd: number,
): void {
  for (let k = 0; k < latentDim; k++) out[at + k] = centres[centre + k] + sd * normalAt(key, k);
  scaleToUnit(out, at);
}

/** Takes from the vector at `at` its part along the unit vector at `axis`, and scales the rest to unit length. */
export function makeOrthogonal(vectors: Float64Array, at: number, axes: Float64Array, axis: number): void {
  const along = dot(vectors, at, axes, axis);
  for (let k = 0; k < latentDim; k++) vectors[at + k] -= along * axes[axis + k];
  scaleToUnit(vectors, at);
}

/**
 * Turns the unit vector at `at`, which is orthogonal to the unit vector at `axis`, towards that one until the
 * cosine between the two is `cosine`; it stays a unit vector.
 */
export function turnTowards(
  vectors: Float64Array,
  at: number,
  axes: Float64Array,
  axis: number,
  cosine: number,
): void {
  const sine = Math.sqrt(1 - cosine * cosine);
  for (let k = 0; k < latentDim; k++) {
    vectors[at + k] = cosine * axes[axis + k] + sine * vectors[at + k];
  }
}

export function dot(a: ArrayLike<number>, at: number, b: ArrayLike<number>, bt: number): number {
  let sum = 0;
  for (let k = 0; k < latentDim; k++) sum += a[at + k] * b[bt + k];
  return sum;
}

export function scaleToUnit(vectors: Float64Array | Float32Array, at: number): void {
  const length = Math.sqrt(dot(vectors, at, vectors, at));
  for (let k = 0; k < latentDim; k++) vectors[at + k] /= length;
}
