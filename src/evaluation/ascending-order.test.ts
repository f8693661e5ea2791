import fc from "fast-check";
import { expect, test } from "vitest";
import { ascendingOrder } from "./ascending-order.ts";

test("sorts as a stable comparison sort does, infinities and both zeros included", () => {
  const numbers = fc.array(
    fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity)),
  );
  const expected = (values: ArrayLike<number>): number[] =>
    Array.from(values, (_, row) => row).sort((a, b) => (values[a] === values[b] ? 0 : values[a] - values[b]));
  fc.assert(
    fc.property(numbers, (values) => {
      expect(Array.from(ascendingOrder(values))).toEqual(expected(values));
      const single = Float32Array.from(values);
      expect(Array.from(ascendingOrder(single))).toEqual(expected(single));
    }),
  );
});

test("handles thousands of rows with every digit in use", () => {
  const values = Float32Array.from(
    { length: 20_000 },
    (_, i) => Math.sin(i * 12.9898) * 10 ** ((i % 60) - 30),
  );
  const order = ascendingOrder(values);
  expect(new Set(order).size).toBe(values.length);
  for (let i = 1; i < order.length; i++) expect(values[order[i - 1]] <= values[order[i]]).toBe(true);
});
