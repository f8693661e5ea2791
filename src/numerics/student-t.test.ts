import { expect, test } from "vitest";
import { studentTCdf, studentTQuantile } from "./student-t.ts";

// scipy 1.17.1: scipy.stats.t.ppf(p, df) for p = 0.975, 0.6, 0.0005, and cdf(-1.3, df).
test.each([
  [1, 12.706204736174694, 0.32491969623290634, -636.6192487687196, 0.20871440016015272],
  [2, 4.302652729749462, 0.2886751345948128, -31.59905457644362, 0.16162351590802015],
  [3, 3.1824463052837078, 0.2766706623326898, -12.923978636687481, 0.14223375436394853],
  [4, 2.7764451051977934, 0.2707222947075976, -8.610301581379275, 0.13172579823561206],
  [9, 2.262157162798205, 0.260955336473911, -4.780912585931139, 0.11295318633652467],
  [30, 2.0422724563012378, 0.2556053649519128, -3.645958635042021, 0.10175047926905843],
  [1000, 1.9623390808264083, 0.25341451583949876, -3.3002826484239134, 0.09695026420772866],
])("%i degrees of freedom equal scipy's", (degrees, upper, middle, lower, below) => {
  const relative = (actual: number, expected: number): number => Math.abs(actual / expected - 1);
  expect(relative(studentTQuantile(0.975, degrees), upper)).toBeLessThan(1e-10);
  expect(relative(studentTQuantile(0.6, degrees), middle)).toBeLessThan(1e-10);
  expect(relative(studentTQuantile(0.0005, degrees), lower)).toBeLessThan(1e-10);
  expect(relative(studentTCdf(-1.3, degrees), below)).toBeLessThan(1e-10);
});

test("is symmetric", () => {
  expect(studentTCdf(0, 5)).toBeCloseTo(0.5, 14);
  expect(studentTCdf(2, 5) + studentTCdf(-2, 5)).toBeCloseTo(1, 14);
  expect(studentTQuantile(0.5, 5)).toBe(0);
});
