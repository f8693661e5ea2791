import fc from "fast-check";
import { expect, test } from "vitest";
import { DistinctIds } from "./distinct-ids.ts";

test("every position finds its id again, ids come once, in order of first appearance; also after clearing", () => {
  const distinct = new DistinctIds();
  const column = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
    {
      maxLength: 3000,
    },
  );
  fc.assert(
    fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), (columns) => {
      distinct.clear();
      const indexes = columns.map((ids) => distinct.indexOf(Int32Array.from(ids)));
      expect([...distinct.ids]).toEqual([...new Set(columns.flat())]);
      indexes.forEach((index, k) => {
        expect([...index].map((place) => distinct.ids[place])).toEqual(columns[k]);
      });
    }),
    { seed: 1, numRuns: 60 },
  );
});
