/**
 * Multiple numeral systems encoding: a number becomes an integer, the integer its digits in several bases, and
 * every digit at every place a row of a table of its own.
 *
 *     v = Σ_k d_k b^(k-1),  digit d at place k of base b  →  row  b (k - 1) + d   (places from 1, least first)
 *
 * Numbers that share digits share rows, so that nearby ones are alike, at `Σ_b b·L_b` rows in place of one for
 * every number. The row depends on the place, too: by the digit alone 32 and 1 would be one number in base 2.
 * Several bases are used together because one is not smooth (31 and 32 differ in every binary digit).
 *
 * Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024, arXiv:2403.00793.
 */
import { FIRST_VALUE_ID, MISSING_ID, type NumeralFeature, type NumeralScale } from "./feature-map.ts";

/** Places that integers up to `largest` need in a base: the least L with `base^L > largest`, at least 1. */
export function digitCount(largest: number, base: number): number {
  let places = 1;
  for (let power = base; power <= largest; power *= base) places++;
  return places;
}

/** Digits of an integer ≥ 0 below `base^places`, the least significant first. */
export function digitsOf(value: number, base: number, places: number): number[] {
  const digits: number[] = [];
  let rest = value;
  // Not by shifts: content ids have up to 32 bits.
  for (let place = 0; place < places; place++) {
    digits.push(rest % base);
    rest = Math.floor(rest / base);
  }
  return digits;
}

/** The integer of digits, the least significant first. */
export function valueOfDigits(digits: readonly number[], base: number): number {
  return digits.reduceRight((value, digit) => value * base + digit, 0);
}

/** The integer in 0 … largest that stands for a number. */
export function numeralValue(value: number, scale: NumeralScale): number {
  const { kind, largest } = scale;
  switch (kind) {
    case "integer":
      return clamp(Math.floor(value) - scale.lowest, largest);
    case "linear": {
      const { lowest, highest } = scale;
      if (highest <= lowest) return 0;
      return clamp(Math.floor(shareOf(value, lowest, highest) * largest), largest);
    }
    case "cuts": {
      const { cuts } = scale;
      let low = 0;
      let high = cuts.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (cuts[middle] <= value) low = middle + 1;
        else high = middle;
      }
      return low;
    }
  }
}

/** Where a number lies between two others; by halves where their distance is no double. */
function shareOf(value: number, lowest: number, highest: number): number {
  const span = highest - lowest;
  if (span < Number.POSITIVE_INFINITY) return (value - lowest) / span;
  return (value / 2 - lowest / 2) / (highest / 2 - lowest / 2);
}

function clamp(value: number, largest: number): number {
  return Math.min(Math.max(value, 0), largest);
}

/** Places of every base of integers up to `largest`, and the rows of their table, reserved ids included. */
export function numeralShape(
  bases: readonly number[],
  largest: number,
): { readonly places: readonly number[]; readonly size: number } {
  const places = bases.map((base) => digitCount(largest, base));
  const rows = bases.reduce((sum, base, b) => sum + base * places[b], 0);
  return { places, size: FIRST_VALUE_ID + rows };
}

/** Ids of a row's batch column: one a place of every base. */
export function numeralWidth({ places }: Pick<NumeralFeature, "places">): number {
  return places.reduce((sum, count) => sum + count, 0);
}

/** Most integers whose ids are kept beside each other, ready to be copied. */
const MOST_READY = 1 << 16;

const ready = new WeakMap<NumeralFeature, Map<number, Int32Array>>();

/**
 * The ids of a number's digits, base after base, least significant first. A missing number has `MISSING_ID` at
 * the first place of every base and padding behind it.
 *
 * @returns as many as `numeralWidth` says; not to be changed
 */
export function numeralIds(value: number | undefined, feature: NumeralFeature): Int32Array {
  const integer = value === undefined ? -1 : numeralValue(value, feature.scale);
  let known = ready.get(feature);
  if (known === undefined) {
    known = new Map();
    ready.set(feature, known);
  }
  const found = known.get(integer);
  if (found !== undefined) return found;
  const ids = idsOf(integer, feature);
  if (known.size < MOST_READY) known.set(integer, ids);
  return ids;
}

function idsOf(integer: number, feature: NumeralFeature): Int32Array {
  const { bases, places } = feature;
  const ids = new Int32Array(numeralWidth(feature));
  let at = 0;
  let first = FIRST_VALUE_ID;
  for (const [b, base] of bases.entries()) {
    if (integer < 0) ids[at] = MISSING_ID;
    else {
      for (const [k, digit] of digitsOf(integer, base, places[b]).entries()) {
        ids[at + k] = first + base * k + digit;
      }
    }
    at += places[b];
    first += base * places[b];
  }
  return ids;
}
