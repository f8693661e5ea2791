import fc from "fast-check";
import { expect, test } from "vitest";
import { batchLayout } from "./batch.ts";
import { createRowEncoder } from "./encode.ts";
import {
  digitCount,
  digitsOf,
  numeralIds,
  numeralShape,
  numeralValue,
  numeralWidth,
  valueOfDigits,
} from "./encode-numeral.ts";
import type { FeatureMap, NumeralFeature, NumeralScale } from "./feature-map.ts";

function feature(scale: NumeralScale, bases: readonly number[]): NumeralFeature {
  const { places, size } = numeralShape(bases, scale.largest);
  return { kind: "numeral", name: "x", column: "x", scale, bases, places, combine: "sum", size };
}
const integers = (largest: number, bases: readonly number[]): NumeralFeature =>
  feature({ kind: "integer", lowest: 0, largest }, bases);

test("51 in base 2 and in base 3, as in the paper", () => {
  expect(digitsOf(51, 2, 6).reverse().join("")).toBe("110011");
  expect(digitsOf(51, 3, 6).reverse().join("")).toBe("001220");
});

test("digits decode to the number, in every base, to 32 bits", () => {
  const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(number, fc.integer({ min: 2, max: 40 }), (value, base) => {
      const digits = digitsOf(value, base, digitCount(2 ** 32 - 1, base));
      expect(digits.every((digit) => digit >= 0 && digit < base)).toBe(true);
      expect(valueOfDigits(digits, base)).toBe(value);
    }),
  );
});

test("as many places as the largest number needs", () => {
  expect([1, 2, 3, 4, 1023, 1024].map((largest) => digitCount(largest, 2))).toEqual([1, 2, 2, 3, 10, 11]);
  expect([0, 2, 3, 8, 9].map((largest) => digitCount(largest, 3))).toEqual([1, 1, 2, 2, 3]);
});

test("a table has Σ b·L rows beside the reserved ones, and each is one digit at one place", () => {
  const own = integers(2 ** 12 - 1, [2, 4, 16]);
  expect(own.places).toEqual([12, 6, 3]);
  expect(own.size).toBe(3 + 2 * 12 + 4 * 6 + 16 * 3);
  const seen = new Set<number>();
  for (let value = 0; value < 2 ** 12; value++) for (const id of numeralIds(value, own)) seen.add(id);
  expect([...seen].toSorted((a, b) => a - b)).toEqual(Array.from({ length: own.size - 3 }, (_, k) => 3 + k));
});

test("v and v + 1 differ in the digits that carry, and in nothing else", () => {
  const own = integers(255, [2, 3]);
  const [twos, threes] = own.places;
  for (let value = 0; value < 255; value++) {
    const [a, b] = [value, value + 1].map((x) => numeralIds(x, own));
    const changed = Array.from(a, (id, k) => id !== b[k]);
    for (const [base, first, places] of [
      [2, 0, twos],
      [3, twos, threes],
    ]) {
      let carries = 1;
      while ((value + 1) % base ** carries === 0) carries++;
      const expected = Array.from({ length: places }, (_, k) => k < carries);
      expect(changed.slice(first, first + places), `${value} in base ${base}`).toEqual(expected);
    }
  }
});

test("32 and 1 have no digit row in common where they differ: rows know their place", () => {
  const own = integers(63, [2]);
  const [a, b] = [Array.from(numeralIds(32, own)), Array.from(numeralIds(1, own))];
  expect(a).not.toEqual(b);
  // Not even as sets, which is all that a sum of rows sees.
  expect(a.toSorted((x, y) => x - y)).not.toEqual(b.toSorted((x, y) => x - y));
  expect(new Set(Array.from({ length: 64 }, (_, v) => numeralIds(v, own).join())).size).toBe(64);
});

test("scales: whole numbers, equal steps, cuts; what lies outside is moved in", () => {
  const whole: NumeralScale = { kind: "integer", lowest: -2, largest: 7 };
  expect([-9, -2, -1.5, 0, 5, 99].map((x) => numeralValue(x, whole))).toEqual([0, 0, 0, 2, 7, 7]);
  // Similarities: ⌊(w + 1)/2 · (2^B - 1)⌋.
  const cosine: NumeralScale = { kind: "linear", lowest: -1, highest: 1, largest: 1023 };
  expect([-1, 0, 0.5, 1, 1.1].map((w) => numeralValue(w, cosine))).toEqual([0, 511, 767, 1023, 1023]);
  const constant: NumeralScale = { kind: "linear", lowest: 3, highest: 3, largest: 15 };
  expect(numeralValue(3, constant)).toBe(0);
  // Ends whose distance is more than the largest double.
  const wide: NumeralScale = { kind: "linear", lowest: -1.7e308, highest: 1.7e308, largest: 1023 };
  const ends = [-Number.MAX_VALUE, -1.7e308, 0, 0.85e308, 1.7e308, Number.MAX_VALUE];
  expect(ends.map((x) => numeralValue(x, wide))).toEqual([0, 0, 511, 767, 1023, 1023]);
  const cuts: NumeralScale = { kind: "cuts", cuts: [1, 2, 4], largest: 3 };
  expect([0, 1, 1.5, 2, 5].map((x) => numeralValue(x, cuts))).toEqual([0, 1, 1, 2, 3]);
});

test("a row's batch columns, with a row of the table for a missing number", () => {
  const own = { ...integers(8, [2, 3]), name: "rooms" };
  const map: FeatureMap = {
    version: 1,
    features: [own],
    encoders: {},
    labels: [],
    weight: undefined,
    group: undefined,
    domain: undefined,
    timestamp: undefined,
    timestampUnit: undefined,
  };
  expect(numeralWidth(own)).toBe(6);
  expect(batchLayout(map)).toEqual([{ name: "rooms", role: "feature", dtype: "int32", width: 6 }]);
  const encoder = createRowEncoder(map);
  // 5 is 0101 and 12; rows 3 to 10 are of base 2, 11 to 16 of base 3.
  const batch = encoder.encode([{ x: 5 }, { x: "5.9" }, { x: null }, { x: "many" }]);
  const five = [4, 5, 8, 9, 13, 15];
  const none = [1, 0, 0, 0, 1, 0];
  expect(Array.from(batch.columns.rooms)).toEqual([...five, ...five, ...none, ...none]);
  expect(encoder.counts.rooms).toEqual({ outOfVocabulary: 0, missing: 2 });
});
