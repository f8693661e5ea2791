import fc from "fast-check";
import { expect, test } from "vitest";
import { selectRanks } from "./select-ranks.ts";

test("ranks equal those of a sort, whatever the chunks", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(Number.NaN, Infinity, -Infinity, 5e-324, -5e-324),
  );
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      (raw, size) => {
        const values = raw.map((x) => x + 0);
        const chunks = Array.from({ length: Math.ceil(values.length / size) }, (_, k) =>
          Float64Array.from(values.slice(k * size, (k + 1) * size)),
        );
        const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
        const ranks = sorted.map((_, rank) => rank);
        expect(selectRanks(() => chunks, ranks)).toEqual(sorted);
      },
    ),
    { seed: 5, numRuns: 30 },
  );
});
