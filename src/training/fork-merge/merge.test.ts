import { describe, expect, test } from "vitest";
import { chooseMixture, type Score } from "./merge.ts";

/** Best at `peak`, falling off with the distance. */
const peaked =
  (peak: readonly number[]): Score =>
  async (coefficients) =>
    -coefficients.reduce((sum, c, k) => sum + (c - peak[k]) ** 2, 0);

describe.each(["greedy", "exhaustive"] as const)("%s search", (search) => {
  const settings = { search, gridSteps: 5 };

  test("gives coefficients of at least 0 that add up to 1, never worse than the best branch", async () => {
    for (const peak of [
      [1, 0, 0],
      [0.2, 0.8, 0],
      [0.4, 0.2, 0.4],
      [0, 0, 1],
      [2, -1, 0],
    ]) {
      const { coefficients, score, branchScores } = await chooseMixture(3, settings, peaked(peak));
      expect(coefficients.every((c) => c >= 0)).toBe(true);
      expect(coefficients.reduce((sum, c) => sum + c, 0)).toBeCloseTo(1, 12);
      expect(score).toBeGreaterThanOrEqual(Math.max(...branchScores));
      expect(score).toBe(await peaked(peak)(coefficients));
    }
  });

  test("of one branch is that branch", async () => {
    expect(await chooseMixture(1, settings, async () => 0.7)).toEqual({
      coefficients: [1],
      score: 0.7,
      branchScores: [0.7],
      evaluations: 1,
    });
  });

  test("of equal branches keeps the first", async () => {
    expect((await chooseMixture(3, settings, async () => 0.5)).coefficients).toEqual([1, 0, 0]);
  });

  test("works where no score is defined, or all are negative", async () => {
    const undefinedScore = await chooseMixture(2, settings, async () => Number.NEGATIVE_INFINITY);
    expect(undefinedScore.coefficients).toEqual([1, 0]);
    expect((await chooseMixture(2, settings, async (c) => c[1] - 10)).coefficients).toEqual([0, 1]);
  });
});

test("exhaustive search of two branches tries the grid", async () => {
  const tried: number[] = [];
  const choice = await chooseMixture(2, { search: "exhaustive", gridSteps: 5 }, async (c) => {
    tried.push(c[1]);
    return -Math.abs(c[1] - 0.38);
  });
  expect(tried.sort()).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(choice.coefficients[1]).toBe(0.4);
});

test("greedy search costs branches and grid, not their power", async () => {
  const { evaluations } = await chooseMixture(
    6,
    { search: "greedy", gridSteps: 5 },
    peaked([1, 0, 0, 0, 0, 0]),
  );
  expect(evaluations).toBe(6 + 5 * 5);
});
