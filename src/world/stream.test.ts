import { describe, expect, test } from "vitest";
import { drawIndex, normalAt, normalQuantile, permutationAt, subkey, uniformAt } from "./stream.ts";

describe("normalQuantile", () => {
  test.each([
    // SciPy 1.x, scipy.stats.norm.ppf.
    [1e-9, -5.9978070150076865],
    [0.001, -3.090232306167813],
    [0.07499, -1.4396021182393162],
    [0.3, -0.5244005127080407],
    [0.5, 0],
    [0.975, 1.959963984540054],
  ])("of %d is %d", (probability, expected) => {
    expect(normalQuantile(probability)).toBeCloseTo(expected, 9);
  });
});

describe("streams", () => {
  test("uniforms and normals have the moments they should", () => {
    const n = 20_000;
    let sum = 0;
    let square = 0;
    let mean = 0;
    for (let i = 0; i < n; i++) {
      mean += uniformAt(7, i) / n;
      const x = normalAt(8, i);
      sum += x / n;
      square += (x * x) / n;
    }
    // Five standard errors.
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(sum)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(square - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });

  test("neighbouring subkeys give unrelated numbers", () => {
    const n = 20_000;
    let covariance = 0;
    for (let i = 0; i < n; i++) {
      covariance += (12 * (uniformAt(subkey(3, i), 0) - 0.5) * (uniformAt(subkey(3, i + 1), 0) - 0.5)) / n;
    }
    expect(Math.abs(covariance)).toBeLessThan(5 / Math.sqrt(n));
  });

  test("drawIndex takes each index as often as its weight says", () => {
    const cumulative = [9, 1, 1, 4, 9];
    const counts = [0, 0, 0];
    const n = 8_000;
    for (let i = 0; i < n; i++) counts[drawIndex(cumulative, 1, 4, (i + 0.5) / n) - 1]++;
    expect(counts).toEqual([n / 4, 0, (3 * n) / 4]);
  });

  test("permutationAt holds every number once", () => {
    expect([...permutationAt(5, 100)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });
});
