import { expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { fitMoments } from "./moments.ts";

test("small cases by hand; what is not finite does not count", () => {
  const values = Float64Array.of(1, Number.NaN, 2, Number.POSITIVE_INFINITY, 6);
  expect(fitMoments(() => [values])).toEqual({ count: 3, mean: 3, variance: 14 / 3 });
  expect(fitMoments(() => [])).toEqual({ count: 0, mean: 0, variance: 0 });
  expect(fitMoments(() => [Float64Array.of(1e200, -1e200)]).variance).toBe(Number.POSITIVE_INFINITY);
});

test("chunks do not matter, and a large offset costs no digits", () => {
  const random = new CounterRandom(4, "moments");
  const offset = 1e9;
  const values = Float64Array.from({ length: 100_000 }, (_, k) => offset + random.normal(k));
  const whole = fitMoments(() => [values]);
  const parts = fitMoments(() => [values.subarray(0, 777), values.subarray(777)]);
  expect(parts).toEqual(whole);
  const centred = fitMoments(() => [values.map((x) => x - offset)]);
  // The values themselves carry a rounding error of 1e-7.
  expect(Math.abs(whole.mean - offset - centred.mean)).toBeLessThan(2e-7);
  expect(whole.variance).toBeCloseTo(centred.variance, 6);
});
