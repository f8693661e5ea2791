/** Weightings on plain numbers, where what they should come to is known. */
import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import { AutoLambda } from "./auto-lambda.ts";
import { AuxiliaryReweighting } from "./auxiliary-reweighting.ts";
import { ImpartialLosses } from "./impartial-losses.ts";
import { OnlineAuxiliary } from "./online-auxiliary.ts";
import { projectOntoSimplex } from "./simplex.ts";

type Vector = readonly number[];
const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, d) => sum + x * b[d], 0);
const productsOf = (gradients: readonly Vector[]): number[][] =>
  gradients.map((a) => gradients.map((b) => dot(a, b)));
const total = (values: Vector): number => values.reduce((sum, value) => sum + value, 0);

describe("IMTL-L", () => {
  test("makes weighted losses 1, whatever their units", () => {
    const weighting = new ImpartialLosses(3);
    const losses = [4, 1, 0.25];
    for (let step = 0; step < 4000; step++) weighting.observe({ losses, learningRate: 0.01 });
    for (const [k, factor] of weighting.factors().entries()) expect(factor * losses[k]).toBeCloseTo(1, 3);
  });
});

describe("OL-AUX", () => {
  const losses = [0.5, 2];
  const products = [
    [1, 0.3],
    [0.3, 4],
  ];

  test("adds up agreements in the logarithm over N steps, then moves by them", () => {
    const weighting = new OnlineAuxiliary(2, { main: 0, rate: 0.2, everySteps: 3 });
    for (let step = 0; step < 2; step++) weighting.observe({ losses, products });
    // Not moved yet; the ratio makes ∇L of the task ∇log L in the main one's unit.
    expect(weighting.factors()).toEqual([1, 0.25]);
    weighting.observe({ losses, products });
    expect(weighting.factors()[1]).toBeCloseTo((1 + 0.2 * 3 * 0.3) / 4, 12);
    expect(weighting.factors()[0]).toBe(1);
  });

  test("does not care about units", () => {
    const [a, b] = [1, 1000].map((unit) => {
      const weighting = new OnlineAuxiliary(2, { main: 0, everySteps: 1 });
      const scaled = products.map((row, i) =>
        row.map((x, j) => x * (i === 1 ? unit : 1) * (j === 1 ? unit : 1)),
      );
      for (let step = 0; step < 4; step++)
        weighting.observe({ losses: [losses[0], losses[1] * unit], products: scaled });
      return weighting.factors()[1] * unit;
    });
    expect(b).toBeCloseTo(a, 9);
  });

  test("takes down what works against the main task, and lets it come back", () => {
    const weighting = new OnlineAuxiliary(2, { main: 0, rate: 1, everySteps: 1 });
    const one = [1, 1];
    const opposed = productsOf([
      [1, 0],
      [-1, 1],
    ]);
    for (let step = 0; step < 5; step++) weighting.observe({ losses: one, products: opposed });
    expect(weighting.factors()[1]).toBe(1e-3);
    weighting.observe({
      losses: one,
      products: productsOf([
        [1, 0],
        [0.5, 1],
      ]),
    });
    expect(weighting.factors()[1]).toBeCloseTo(0.501, 9);
  });
});

describe("ARML", () => {
  const settled = (gradients: readonly Vector[], main = 0): readonly number[] => {
    const weighting = new AuxiliaryReweighting(gradients.length, { main, rate: 0.2 });
    for (let step = 0; step < 3000; step++) {
      weighting.observe({ products: productsOf(gradients) });
      const factors = weighting.factors();
      expect(total(factors)).toBeCloseTo(gradients.length, 9);
      expect(Math.min(...factors)).toBeGreaterThanOrEqual(1e-3 - 1e-12);
    }
    return weighting.factors();
  };

  test("finds the mixture that is the main gradient", () => {
    const [a, b] = [
      [1, 0.2, 0],
      [0, 0.5, -1],
    ];
    const main = a.map((x, d) => 1.5 * x + 0.5 * b[d]);
    const factors = settled([main, a, b]);
    expect(factors[1]).toBeCloseTo(1.5, 6);
    expect(factors[2]).toBeCloseTo(0.5, 6);
    // Whichever place the main task has.
    expect(settled([a, b, main], 2)[0]).toBeCloseTo(1.5, 6);
  });

  test("gives nothing to a task that points the other way", () => {
    const factors = settled([
      [5, 1],
      [1, 0],
      [-1, 0],
    ]);
    expect(factors[1]).toBeCloseTo(2 - 1e-3, 9);
    expect(factors[2]).toBeCloseTo(1e-3, 9);
  });

  test("has nothing to say with one auxiliary task", () => {
    expect(
      settled([
        [1, 0],
        [-3, 1],
      ]),
    ).toEqual([1, 1]);
  });
});

test("Auto-Lambda on quadratics weighs what leads to the main optimum and drops what leads away", () => {
  // L_k = ½ ‖θ - c_k‖², descended along Σ λ_k (θ - c_k).
  const centres = [
    [1, 0],
    [1, 0.1],
    [-1, 0],
  ];
  const weighting = new AutoLambda(3, { rate: 1e-3 });
  const learningRate = 0.02;
  let theta = [0, 0];
  let before: number[][] | undefined;
  for (let step = 0; step < 60; step++) {
    const gradients = centres.map((centre) => theta.map((x, d) => x - centre[d]));
    const ahead = before?.map((gradient) => dot(gradient, gradients[0])) ?? [];
    const factors = weighting.factors();
    expect(total(factors)).toBeCloseTo(3, 9);
    theta = theta.map(
      (x, d) =>
        x -
        learningRate *
          dot(
            factors,
            gradients.map((g) => g[d]),
          ),
    );
    weighting.observe({ ahead, learningRate });
    before = gradients;
  }
  const [main, helpful, harmful] = weighting.factors();
  expect(main).toBeGreaterThan(1.1);
  expect(helpful).toBeGreaterThan(1.1);
  expect(harmful).toBeLessThan(0.8);
});

test("the projection onto the simplex is the nearest point of it", () => {
  const random = new CounterRandom(1, "projection");
  const distance = (a: Vector, b: Vector): number => Math.hypot(...a.map((x, d) => x - b[d]));
  for (let trial = 0; trial < 50; trial++) {
    const values = [0, 1, 2, 3].map((d) => 2 * random.normal(10 * trial + d));
    const projected = projectOntoSimplex(values, 3);
    expect(total(projected)).toBeCloseTo(3, 12);
    expect(Math.min(...projected)).toBeGreaterThanOrEqual(0);
    for (let other = 0; other < 20; other++) {
      const drawn = [0, 1, 2, 3].map((d) => -Math.log(random.uniform(1000 + 100 * trial + 4 * other + d)));
      const sum = total(drawn);
      const point = drawn.map((x) => (3 * x) / sum);
      expect(distance(values, projected)).toBeLessThanOrEqual(distance(values, point) + 1e-9);
    }
  }
});
