import fc from "fast-check";
import { expect, test } from "vitest";
import { RowCache } from "./row-cache.ts";

test("holds what a list ordered by use would hold", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.nat(12), { maxLength: 200 }),
      (capacity, keys) => {
        const cache = new RowCache(2, capacity * 8);
        let model: number[] = [];
        for (const key of keys) {
          const found = cache.get(key);
          expect(found !== undefined).toBe(model.includes(key));
          if (found === undefined) cache.add(key).set([key, -key]);
          else expect([...found]).toEqual([key, -key]);
          model = [...model.filter((other) => other !== key), key].slice(-capacity);
        }
        expect(cache.size).toBe(model.length);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test("has room for one block whatever it is given", () => {
  const cache = new RowCache(100, 1);
  cache.add(1);
  cache.add(2);
  expect([cache.get(1), cache.get(2)?.length]).toEqual([undefined, 100]);
});
