import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { firstProbability, meanProbability, thompsonRanking, type UncertainCandidate } from "./index.ts";

const candidates: UncertainCandidate[] = [
  { logit: -1, variance: 0.4, bid: 2 },
  { logit: 0.2, variance: 0.05 },
  { logit: -0.5, variance: 2, bid: 1.5 },
  { logit: 0.1, variance: 0, bid: 1.1 },
];

test("eta 0 is greedy, with certainty", () => {
  const { order, propensity, noise, explored } = thompsonRanking(candidates, 7, { eta: 0, seed: 1 });
  const scores = candidates.map(({ logit, bid = 1 }) => bid / (1 + Math.exp(-logit)));
  expect(order).toEqual([0, 1, 2, 3].sort((a, b) => scores[b] - scores[a]));
  expect([propensity, explored, ...noise]).toEqual([1, false, 0, 0, 0, 0]);
});

test("draws are a function of seed and request, and are those that are told", () => {
  const first = thompsonRanking(candidates, 7, { eta: 0.5, seed: 1 });
  expect(thompsonRanking(candidates, 7, { eta: 0.5, seed: 1 })).toEqual(first);
  expect(thompsonRanking(candidates, 8, { eta: 0.5, seed: 1 }).noise).not.toEqual(first.noise);
  for (const [k, { logit, variance, bid = 1 }] of candidates.entries()) {
    const drawn = logit + Math.sqrt(0.5 * variance) * first.noise[k];
    expect(first.scores[k]).toBeCloseTo(bid / (1 + Math.exp(-drawn)), 14);
  }
});

test("no candidates have no order, and what is no candidate is refused", () => {
  expect(thompsonRanking([], 7, { seed: 1 })).toMatchObject({ order: [], propensity: 0 });
  const bad = [
    { logit: Number.NaN, variance: 1 },
    { logit: 0, variance: -1 },
    { logit: 0, variance: Number.POSITIVE_INFINITY },
    { logit: 0, variance: 1, bid: 0 },
  ];
  for (const each of bad) {
    expect(() => thompsonRanking([candidates[0], each], 7, { seed: 1 })).toThrow(/candidate 1 has/);
  }
});

describe("propensities", () => {
  const eta = 0.8;

  test("are those of an equal choice, and of two normals, where these are known", () => {
    const same = { logit: 0.3, variance: 0.7 };
    for (const count of [2, 5]) {
      expect(firstProbability(Array(count).fill(same), 0, eta)).toBeCloseTo(1 / count, 7);
    }
    const pair = [
      { logit: 1, variance: 0.5 },
      { logit: 0.4, variance: 1.5 },
    ];
    // P(x₁ > x₂) = Φ(0.6 / √2), and Φ(0.42426) = 0.66431.
    expect(firstProbability(pair, 0, 1)).toBeCloseTo(0.664312, 5);
  });

  test("add up to 1 over candidates, certain ones included", () => {
    const all = candidates.map((_, k) => firstProbability(candidates, k, eta));
    expect(all.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
    const spread = candidates.map((each) => ({ ...each, variance: each.variance + 0.1 }));
    const smooth = spread.map((_, k) => firstProbability(spread, k, eta));
    expect(smooth.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
  });

  test("hold for candidates of which one is known far better than the other", () => {
    for (const variance of [0, 1e-12, 1e-6, 1e-4, 1e-2]) {
      const pair = [
        { logit: 0, variance: 1.5 - variance },
        { logit: 0.123, variance },
      ];
      // Φ(-0.123 / √1.5), whatever part of the variance is whose.
      expect(firstProbability(pair, 0, 1)).toBeCloseTo(0.4600018, 6);
      expect(firstProbability(pair, 1, 1)).toBeCloseTo(1 - 0.4600018, 6);
      const bids = pair.map((each, k) => ({ ...each, bid: 1 + k / 2 }));
      expect(firstProbability(bids, 0, 1) + firstProbability(bids, 1, 1)).toBeCloseTo(1, 6);
    }
  });

  test("are how often a candidate comes first, with any share of traffic", () => {
    for (const share of [1, 0.3]) {
      const requests = 20_000;
      const firsts = new Float64Array(candidates.length);
      const told = new Float64Array(candidates.length);
      for (let request = 0; request < requests; request++) {
        const { order, propensity } = thompsonRanking(candidates, request, { eta, share, seed: 3 });
        firsts[order[0]]++;
        told[order[0]] = propensity;
      }
      for (const [k, count] of firsts.entries()) {
        // Four standard errors of a share of 20,000, and the step's.
        if (count > 0) expect(Math.abs(count / requests - told[k])).toBeLessThan(0.02);
      }
    }
  });
});

test("the mean probability lies between the logit's and one half", () => {
  expect(meanProbability({ logit: -2, variance: 0 })).toBeCloseTo(1 / (1 + Math.exp(2)), 14);
  const unsure = meanProbability({ logit: -2, variance: 3 });
  expect(unsure).toBeGreaterThan(meanProbability({ logit: -2, variance: 0 }));
  expect(unsure).toBeLessThan(0.5);
});

test("options out of range are refused", () => {
  expect(() => thompsonRanking(candidates, 1, { eta: -1, seed: 1 })).toThrow(ConfigError);
  expect(() => thompsonRanking(candidates, 1, { share: 1.5, seed: 1 })).toThrow(ConfigError);
});
