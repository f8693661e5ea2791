import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { integerScale, linearScale, logitScale, logScale } from "./scale.ts";

describe("scales", () => {
  test("linear ends move out to round ticks", () => {
    const scale = linearScale(0.13, 0.87);
    expect(scale.ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(scale.at(0.5)).toBeCloseTo(0.5, 12);
  });

  test("linear has ticks for any range, a single value included", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (low, span) => {
          const { ticks, at } = linearScale(low, low + span);
          expect(ticks.length).toBeGreaterThanOrEqual(2);
          expect(ticks.length).toBeLessThanOrEqual(12);
          expect(at(low)).toBeGreaterThanOrEqual(0);
          expect(at(low + span)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("log spaces powers of ten evenly", () => {
    const scale = logScale(1e-4, 1);
    expect(scale.ticks).toEqual([1e-4, 1e-3, 0.01, 0.1, 1]);
    expect(scale.at(0.01)).toBeCloseTo(0.5, 12);
    expect(logScale(0.02, 0.3).ticks).toEqual([0.02, 0.05, 0.1, 0.2]);
  });

  test("log-odds is symmetric around one half; values outside are clamped", () => {
    const scale = logitScale(0.01, 0.99);
    expect(scale.at(0.5)).toBeCloseTo(0.5, 12);
    expect(scale.at(0.9) + scale.at(0.1)).toBeCloseTo(1, 12);
    expect(scale.at(0)).toBe(0);
    expect(scale.ticks[0]).toBe(0.01);
  });

  test("whole numbers end at the last one", () => {
    expect(integerScale(1, 5).ticks).toEqual([1, 2, 3, 4, 5]);
    expect(integerScale(1, 30).at(30)).toBe(1);
    expect(integerScale(1, 1).ticks).toEqual([1, 2]);
  });
});
