import { describe, expect, it } from "vitest";
import { erf, roundHalfToEven, sigmoid, softplus } from "./special-functions.ts";

describe("erf", () => {
  // Abramowitz and Stegun, table 7.1, with the digits of later tables.
  it.each([
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
  ])("of %d", (x, value) => {
    expect(Math.abs(erf(x) - value)).toBeLessThan(2e-15);
    expect(erf(-x)).toBe(-erf(x));
  });

  it("ends at 1, keeps NaN, and both formulas agree where they meet", () => {
    expect([erf(0), erf(7), erf(-Infinity), erf(Number.NaN)]).toEqual([0, 1, -1, Number.NaN]);
    expect(Math.abs(erf(2.5) - erf(2.5 + 1e-12))).toBeLessThan(1e-14);
  });

  it("has the derivative 2/√π e^{-x²}", () => {
    for (const x of [-3.1, -1.2, -0.3, 0.01, 0.7, 2.4, 2.6, 4.2]) {
      const h = 1e-5;
      const slope = (erf(x + h) - erf(x - h)) / (2 * h);
      expect(Math.abs(slope - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x))).toBeLessThan(1e-10);
    }
  });
});

it("sigmoid and softplus neither overflow nor lose small values", () => {
  expect([sigmoid(-1000), sigmoid(1000), sigmoid(0)]).toEqual([0, 1, 0.5]);
  expect(sigmoid(-700)).toBeCloseTo(Math.exp(-700), 310);
  expect([softplus(1000), softplus(-1000)]).toEqual([1000, 0]);
  expect(softplus(-40) / Math.exp(-40)).toBeCloseTo(1, 12);
});

it("rounds halves to the even neighbour", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, -2.6].map(roundHalfToEven)).toEqual([
    0, 2, 2, -0, -2, 2, 3, -3,
  ]);
});
