import { expect, test } from "vitest";
import { exposureWeight, learnedProbability, withoutNegativeWeight } from "./index.ts";

const probabilities = [1e-4, 0.003, 0.05, 0.3, 0.5, 0.9, 0.999];
const counts = [0, 1, 2, 8, 100];
const kappas = [0, 0.3, 1, 2.5];
const cases = probabilities.flatMap((p) =>
  counts.flatMap((n) => kappas.map((kappa) => [p, n, kappa] as const)),
);

test("an item never shown weighs 1, and each exposure adds less than the one before", () => {
  expect(exposureWeight(0, 0.7)).toBe(1);
  const weights = counts.map((n) => exposureWeight(n, 0.7));
  expect(weights[1]).toBeCloseTo(1 + 0.7 * Math.LN2, 12);
  expect([...weights].sort((a, b) => a - b)).toEqual(weights);
  const step = (n: number): number => exposureWeight(n + 1, 0.7) - exposureWeight(n, 0.7);
  expect(step(1)).toBeLessThan(step(0));
});

test("weights on both classes leave the optimum as it is", () => {
  for (const [p, n, kappa] of cases) {
    const weight = exposureWeight(n, kappa);
    expect(Math.abs(learnedProbability(p, { positives: weight, negatives: weight }) - p)).toBeLessThan(1e-12);
  }
});

test("weights on negatives alone are taken back exactly", () => {
  for (const [p, n, kappa] of cases) {
    const weight = exposureWeight(n, kappa);
    const learned = learnedProbability(p, { positives: 1, negatives: weight });
    expect(learned).toBeCloseTo(p / (p + weight * (1 - p)), 15);
    expect(Math.abs(withoutNegativeWeight(learned, weight) - p)).toBeLessThan(1e-12);
    // The same as moving the logit by ln w, which is how graphs do it.
    const logit = Math.log(learned / (1 - learned)) + Math.log(weight);
    expect(Math.abs(1 / (1 + Math.exp(-logit)) - p)).toBeLessThan(1e-12);
  }
});

test("the optimum is where the weighted cross entropy is least", () => {
  const [p, weight] = [0.2, 3];
  const loss = (q: number): number => -p * Math.log(q) - weight * (1 - p) * Math.log(1 - q);
  const best = learnedProbability(p, { positives: 1, negatives: weight });
  for (const q of [best - 1e-3, best + 1e-3]) expect(loss(q)).toBeGreaterThan(loss(best));
});
