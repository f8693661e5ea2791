/**
 * Content ids by locality-sensitive hashing: of what an item is (its words, or a vector from elsewhere) the side
 * of random hyperplanes that it lies on.
 *
 *     bit_k = [ Σ_j r_kj x_j > 0 ],   id = Σ_k 2^k bit_k
 *
 * Items alike in content differ in few bits, the more bits the wider the angle: `P(bit differs) = angle / π`
 * (Charikar, STOC 2002). As digits in several numeral systems, the id is then a field that a new item shares
 * with what it resembles (Pan et al., KDD 2024, arXiv:2403.00793).
 *
 * A text is a vector with a coordinate for every possible token, 1 where the token occurs. Nothing is fitted:
 * `r_kj` is a function of (seed, k, j) in whole numbers, so every machine finds the same bits.
 */
import { mix32 } from "../core/index.ts";
import { murmur32 } from "./hash.ts";

/** Coordinates are multiples of this: sums of a few million of them are exact in float64. */
const STEP = 2 ** -20;

/**
 * `r_kj`, about normal with variance 8: the ones among 32 random bits less their mean, and a uniform part that
 * keeps sums from being zero.
 *
 * @param key of a plane
 * @param index uint32
 */
function coordinate(key: number, index: number): number {
  const bits = mix32((mix32((index ^ key) >>> 0) + 0x6a09e667) >>> 0);
  const more = mix32(bits ^ 0x3c6ef372) >>> 12;
  return ones(bits) - 16.5 + (more + 0.5) * STEP;
}

/** Set bits of a word. */
function ones(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Keys of the planes of a seed. */
function planes(bits: number, seed: number): Uint32Array {
  return Uint32Array.from({ length: bits }, (_, k) =>
    mix32((mix32(seed >>> 0) + 0x9e3779b9 * (k + 1)) >>> 0),
  );
}

/** Bit k of the id is set where sum k is above 0. */
function idOf(sums: Float64Array): number {
  // Not by shifts: there may be 32 bits.
  return sums.reduceRight((id, sum) => 2 * id + Number(sum > 0), 0);
}

/** Most tokens whose coordinates are kept. */
const MOST_READY = 1 << 16;

/** From the distinct tokens of a text to its id, in [0, 2^bits); of no tokens: undefined. */
export function tokenHasher(bits: number, seed: number): (tokens: readonly string[]) => number | undefined {
  const keys = planes(bits, seed);
  const ready = new Map<string, Float64Array>();
  const coordinatesOf = (token: string): Float64Array => {
    const found = ready.get(token);
    if (found !== undefined) return found;
    const index = murmur32(token, 0);
    const made = Float64Array.from(keys, (key) => coordinate(key, index));
    if (ready.size < MOST_READY) ready.set(token, made);
    return made;
  };
  return (tokens) => {
    const distinct = new Set(tokens);
    if (distinct.size === 0) return undefined;
    const sums = new Float64Array(bits);
    for (const token of distinct) {
      const row = coordinatesOf(token);
      for (let k = 0; k < bits; k++) sums[k] += row[k];
    }
    return idOf(sums);
  };
}

/** From a vector to its id, in [0, 2^bits); of an empty one, or one of zeros: undefined. */
export function vectorHasher(bits: number, seed: number): (vector: readonly number[]) => number | undefined {
  const keys = planes(bits, seed);
  const rows: Float64Array[] = [];
  return (vector) => {
    if (vector.every((x) => x === 0)) return undefined;
    for (let j = rows.length; j < vector.length; j++) {
      rows.push(Float64Array.from(keys, (key) => coordinate(key, j)));
    }
    const sums = new Float64Array(bits);
    // In the order of the vector: float64 sums are the same everywhere.
    for (let j = 0; j < vector.length; j++) for (let k = 0; k < bits; k++) sums[k] += vector[j] * rows[j][k];
    return idOf(sums);
  };
}
