import { describe, expect, test } from "vitest";
import {
  constantInit,
  initialValues,
  normalInit,
  Parameter,
  uniformInit,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from "./index.ts";

const shape = [200, 50];
const moments = (values: Float32Array): { mean: number; std: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    mean,
    std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length),
  };
};

describe("initial values", () => {
  test("are a function of seed and path alone", () => {
    const values = initialValues(normalInit(1), shape, 7, "a.b");
    expect(initialValues(normalInit(1), shape, 7, "a.b")).toEqual(values);
    expect(initialValues(normalInit(1), shape, 8, "a.b")).not.toEqual(values);
    expect(initialValues(normalInit(1), shape, 7, "a.c")).not.toEqual(values);
    // A longer array begins with the same numbers.
    expect(initialValues(normalInit(1), [300, 50], 7, "a.b").subarray(0, values.length)).toEqual(values);
  });

  // Standard errors of ten thousand draws: 1 % of the standard deviation.
  test.each([
    ["normal", normalInit(0.3), 0.3],
    ["uniform", uniformInit(0.6), 0.6 / Math.sqrt(3)],
    ["Xavier normal", xavierNormal, Math.sqrt(2 / 250)],
    ["Xavier uniform", xavierUniform, Math.sqrt(2 / 250)],
  ] as const)("%s: mean 0 and its standard deviation", (_, init, std) => {
    const found = moments(initialValues(init, shape, 1, "w"));
    expect(Math.abs(found.mean) / std).toBeLessThan(0.05);
    expect(Math.abs(found.std / std - 1)).toBeLessThan(0.04);
  });

  test("uniform ones stay within their bound", () => {
    const values = initialValues(uniformInit(0.5), shape, 1, "w");
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.5);
  });

  test("fans are those of the last two axes", () => {
    const values = initialValues(xavierNormal, [4, 200, 50], 1, "w");
    expect(Math.abs(moments(values).std / Math.sqrt(2 / 250) - 1)).toBeLessThan(0.04);
  });

  test("constants and zeros", () => {
    expect(initialValues(constantInit(2), [2], 1, "w")).toEqual(Float32Array.of(2, 2));
    expect(initialValues(zerosInit, [2], 1, "w")).toEqual(new Float32Array(2));
  });

  test("matrices start by Xavier's law, vectors from zero", () => {
    expect(new Parameter([2, 3]).init).toBe(xavierNormal);
    expect(new Parameter([3]).init).toBe(zerosInit);
  });
});
