/**
 * Sorting rows by score: a least-significant-digit radix sort over the bits of the floats, 11 bits a
 * pass, which sorts five million rows several times faster than a comparison sort with a callback.
 * Stable: equal scores keep row order. -0 and 0 are equal, as `===` has them.
 */
import type { NumericArray } from "./scored-rows.ts";

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** Row numbers by ascending value, `[rows]`; no value may be NaN. */
export function ascendingOrder(values: NumericArray): Uint32Array {
  const rows = values.length;
  let order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  let next = new Uint32Array(rows);
  let movedKeys: Uint32Array = new Uint32Array(rows);
  const words = values instanceof Float32Array ? wordsOfFloat32(values) : wordsOfFloat64(values);
  words.forEach((word, significance) => {
    // Keys travel with their rows, so that every pass reads memory from front to back.
    let keys: Uint32Array = word;
    if (significance > 0) {
      keys = new Uint32Array(rows);
      for (let i = 0; i < rows; i++) keys[i] = word[order[i]];
    }
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      const starts = digitStarts(keys, shift);
      if (starts === undefined) continue;
      for (let i = 0; i < rows; i++) {
        const key = keys[i];
        const place = starts[(key >>> shift) & (DIGITS - 1)]++;
        next[place] = order[i];
        movedKeys[place] = key;
      }
      [order, next] = [next, order];
      [keys, movedKeys] = [movedKeys, keys];
    }
  });
  return order;
}

/** Where each digit's run begins; undefined when all keys have the same digit, so that nothing moves. */
function digitStarts(keys: Uint32Array, shift: number): Uint32Array | undefined {
  const starts = new Uint32Array(DIGITS);
  for (let i = 0; i < keys.length; i++) starts[(keys[i] >>> shift) & (DIGITS - 1)]++;
  let start = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = starts[digit];
    if (count === keys.length) return undefined;
    starts[digit] = start;
    start += count;
  }
  return starts;
}

/** One uint32 key a value, ascending as the floats are: flip all bits of negatives, the sign of the rest. */
function wordsOfFloat32(values: Float32Array): [Uint32Array] {
  const bits = new Uint32Array(values.length);
  new Float32Array(bits.buffer).set(values);
  for (let row = 0; row < bits.length; row++) {
    const isNegative = bits[row] > 0x80000000; // -0 is 0x80000000
    bits[row] = isNegative ? ~bits[row] : bits[row] | 0x80000000;
  }
  return [bits];
}

/** Low and high words of the same mapping on 64 bits. */
function wordsOfFloat64(values: NumericArray): [Uint32Array, Uint32Array] {
  const low = new Uint32Array(values.length);
  const high = new Uint32Array(values.length);
  const words = new Uint32Array(Float64Array.from(values).buffer);
  const [lowWord, highWord] = LITTLE_ENDIAN ? [0, 1] : [1, 0];
  for (let row = 0; row < low.length; row++) {
    const lowBits = words[2 * row + lowWord];
    const highBits = words[2 * row + highWord];
    const isNegative = highBits >>> 31 === 1 && (highBits !== 0x80000000 || lowBits !== 0);
    low[row] = isNegative ? ~lowBits : lowBits;
    high[row] = isNegative ? ~highBits : highBits | 0x80000000;
  }
  return [low, high];
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
