import { describe, expect, test } from "vitest";
import { CounterRandom } from "../core/index.ts";
import { expertCovariance, feedbackBalance, feedbackBins, rowsInBin, transferGain } from "./index.ts";

describe("feedback balance", () => {
  // Clicks are four times as common as likes.
  const users = [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4];
  const click = [1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0];
  const like = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
  const balance = feedbackBalance({ users, first: click, second: like });

  test("weighs each task by its own frequency", () => {
    expect(balance.get(1)).toBeCloseTo(0.5, 12);
    expect(balance.get(2)).toBe(1);
    expect(balance.get(3)).toBeCloseTo(0.2, 12);
    expect(balance.has(4)).toBe(false);
  });

  test("cuts rows into bins: every row of a user with feedback once", () => {
    const bins = feedbackBins.map((bin) => rowsInBin(users, balance, bin));
    expect(bins[2]).toEqual([0, 1, 2, 3]);
    expect(bins[4]).toEqual([4, 5, 6, 7]);
    expect(bins.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("swapping the tasks mirrors it", () => {
    const mirrored = feedbackBalance({ users, first: like, second: click });
    for (const [user, r] of balance) expect(mirrored.get(user)).toBeCloseTo(1 - r, 12);
  });
});

describe("expert covariance", () => {
  const random = new CounterRandom(4, "experts");
  const expert = (scale = 1) => ({
    width: 2,
    data: Array.from({ length: 40 }, (_, i) => scale * random.normal(i)),
  });
  const zeros = { width: 3, data: new Array(60).fill(7) };

  test("is zero for constant or orthogonal experts", () => {
    expect(expertCovariance([expert(), zeros])).toEqual({
      covariance: { value: 0 },
      diversity: { value: 1 },
    });
    const a = { width: 1, data: [1, 1, -1, -1] };
    const b = { width: 1, data: [1, -1, 1, -1] };
    expect(expertCovariance([a, b])).toEqual({ covariance: { value: 0 }, diversity: { value: 1 } });
  });

  test("of an expert with itself is its variance, and there is no diversity", () => {
    const one = { width: 1, data: [1, 3, 5, 7] };
    const { covariance, diversity } = expertCovariance([one, one]);
    expect(covariance.value).toBeCloseTo(5, 12);
    expect(diversity.value).toBeCloseTo(0, 12);
  });

  test("grows with outputs' size, diversity does not", () => {
    const small = expertCovariance([expert(), expert()]);
    const large = expertCovariance([expert(10), expert()]);
    expect(large.covariance.value).toBeCloseTo(10 * (small.covariance.value ?? 0), 9);
    expect(large.diversity.value).toBeCloseTo(small.diversity.value ?? 0, 9);
  });

  test("needs two experts of the same rows", () => {
    expect(expertCovariance([expert()]).covariance).toEqual({
      value: null,
      reason: "fewer than two experts",
    });
    expect(() => expertCovariance([expert(), { width: 2, data: [1, 2] }])).toThrow(
      "expert 1 has 1 rows, expert 0 has 20",
    );
  });
});

test("a negative transfer gain is a loss, whichever direction is better", () => {
  expect(transferGain("auc", { value: 0.7 }, { value: 0.75 }).value).toBeCloseTo(-0.05);
  expect(transferGain("logloss", { value: 0.3 }, { value: 0.4 }).value).toBeCloseTo(0.1);
  expect(transferGain("auc", { value: null, reason: "one class" }, { value: 1 })).toEqual({
    value: null,
    reason: "one class",
  });
  expect(transferGain("calibration_ratio", { value: 1 }, { value: 1 }).value).toBeNull();
});
