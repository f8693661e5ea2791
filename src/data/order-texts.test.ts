import fc from "fast-check";
import { expect, test } from "vitest";
import { orderTexts } from "./order-texts.ts";

/** The order by its definition. */
function byDefinition(texts: readonly string[], counts: Float64Array, minCount: number): number[] {
  const often = [...texts.keys()].filter((k) => counts[k] >= Math.max(minCount, 1));
  return often.sort((a, b) => counts[b] - counts[a] || (texts[a] < texts[b] ? -1 : 1));
}

test("the order is that of counts and of `<`, whatever the characters", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    // Long common beginnings, ends of each other, units beyond eight bits, lone surrogates.
    fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 14 }).map((end) => `user_000${end}`),
    fc.string({
      unit: fc.constantFrom("\0", "ý", "þ", "ÿ", "я", "ю", "語", "\ud83d", "\ue000", "😀"),
      maxLength: 8,
    }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(text, { maxLength: 120, size: "max" }),
      fc.array(fc.constantFrom(0, 1, 1, 1, 2, 7e9), { minLength: 120, maxLength: 120 }),
      fc.integer({ min: 0, max: 2 }),
      (texts, all, minCount) => {
        const counts = Float64Array.from(all.slice(0, texts.length));
        expect([...orderTexts(texts, counts, minCount)]).toEqual(byDefinition(texts, counts, minCount));
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

test("a character beyond eight bits decides before those after it", () => {
  const texts = ["語", "товар", "ÿ", "þ", "ý"].flatMap((first) => [..."gfedcba"].map((end) => first + end));
  const counts = new Float64Array(texts.length).fill(1);
  expect([...orderTexts(texts, counts, 1)]).toEqual(byDefinition(texts, counts, 1));
});

test("many texts that begin alike", () => {
  const numbers = Array.from({ length: 20_000 }, (_, k) => (k * 7919) % 20_000);
  const texts = [...numbers.map((k) => `item-${k}`), ...numbers.map((k) => `товар-${k}`)];
  const counts = Float64Array.from(texts, (_, k) => 1 + (k % 3));
  expect([...orderTexts(texts, counts, 1)]).toEqual(byDefinition(texts, counts, 1));
});
