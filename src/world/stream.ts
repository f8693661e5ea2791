/**
 * The world's random numbers: pure functions of (key, counter), like `CounterRandom`, in the plain form that
 * hot loops want. A key is one uint32; `subkey` derives the key of a user, a request or a label from it.
 * Normals come from the inverse of the normal distribution and not from Box-Muller: one uniform each, and no
 * trigonometry, whose last bits differ between JavaScript engines.
 */
import { hashKey, mix32 } from "../core/index.ts";

/** The key of a named stream of one world, e.g. `streamKey(seed, "item", "price")`. */
export function streamKey(seed: number, ...names: readonly (number | string)[]): number {
  return hashKey(seed, "world", ...names);
}

/** The key of member `index` of a stream. */
export function subkey(key: number, index: number): number {
  return mix32((mix32((key + Math.imul(index, 0x9e3779b1)) >>> 0) ^ 0x85ebca6b) >>> 0);
}

/** Uniform in the open interval (0, 1). */
export function uniformAt(key: number, counter: number): number {
  const second = mix32((key ^ 0x6a09e667) >>> 0);
  return (mix32((mix32((counter ^ key) >>> 0) + second) >>> 0) + 0.5) / 4294967296;
}

/** Uniform integer in 0 … bound - 1. */
export function integerAt(key: number, counter: number, bound: number): number {
  return Math.floor(uniformAt(key, counter) * bound);
}

/** Standard normal. */
export function normalAt(key: number, counter: number): number {
  return normalQuantile(uniformAt(key, counter));
}

/** Exponential with mean 1. */
export function exponentialAt(key: number, counter: number): number {
  return -Math.log(uniformAt(key, counter));
}

/** Index drawn from cumulative weights (ascending, last entry the total) by one uniform number. */
export function drawIndex(
  cumulative: ArrayLike<number>,
  start: number,
  end: number,
  uniform: number,
): number {
  const target = uniform * cumulative[end - 1];
  let low = start;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cumulative[middle] > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** 0 … length - 1 in an order drawn from a stream (Fisher-Yates, from the top). */
export function permutationAt(key: number, length: number): Int32Array {
  const order = new Int32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  for (let i = length - 1; i > 0; i--) {
    const j = integerAt(key, i, i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}

/**
 * Inverse of the standard normal distribution function, relative error about 1e-16: the rational
 * approximations of M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988). Its third branch,
 * for probabilities below 1.4e-11, is unreachable from 32-bit uniforms and left out.
 */
export function normalQuantile(probability: number): number {
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRE_UP, r)) / polynomial(CENTRE_DOWN, r);
  }
  const r = Math.sqrt(-Math.log(q < 0 ? probability : 1 - probability)) - 1.6;
  const size = polynomial(TAIL_UP, r) / polynomial(TAIL_DOWN, r);
  return q < 0 ? -size : size;
}

function polynomial(c: readonly number[], x: number): number {
  return ((((((c[7] * x + c[6]) * x + c[5]) * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0];
}

const CENTRE_UP = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTRE_DOWN = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const TAIL_UP = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const TAIL_DOWN = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
