import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrationCurve } from "./calibration-curve.ts";
import { calibrationRatio } from "./calibration-ratio.ts";
import { expectedCalibrationError } from "./expected-calibration-error.ts";
import { logLoss } from "./log-loss.ts";
import { normalizedEntropy } from "./normalized-entropy.ts";
import { scoreDistribution } from "./score-distribution.ts";

const rows = fc
  .array(fc.record({ p: fc.double({ min: 0, max: 1, noNaN: true }), y: fc.constantFrom(0, 1) }), {
    minLength: 1,
    maxLength: 80,
  })
  .map((entries) => ({
    predictions: Float64Array.from(entries, ({ p }) => p),
    labels: Float64Array.from(entries, ({ y }) => y),
  }));

describe("calibration curve", () => {
  test("holds every row once, in order, never cutting through equal predictions", () => {
    fc.assert(
      fc.property(rows, (scored) => {
        const curve = calibrationCurve(scored);
        expect(curve.reduce((sum, bin) => sum + bin.rows, 0)).toBe(scored.labels.length);
        for (let b = 1; b < curve.length; b++) {
          expect(curve[b - 1].highestPrediction).toBeLessThan(curve[b].lowestPrediction);
        }
        expect(curve.length).toBeLessThanOrEqual(15);
      }),
    );
  });

  test("does not depend on the order of rows", () => {
    fc.assert(
      fc.property(rows, ({ predictions, labels }) => {
        const forward = expectedCalibrationError({ predictions, labels }).value;
        const backward = expectedCalibrationError({
          predictions: predictions.slice().reverse(),
          labels: labels.slice().reverse(),
        }).value;
        expect(backward).toBeCloseTo(forward ?? Number.NaN, 12);
      }),
    );
  });

  test("17 distinct predictions: two bins of two, thirteen of one", () => {
    const predictions = Float64Array.from({ length: 17 }, (_, i) => i / 17);
    const curve = calibrationCurve({ predictions, labels: new Float64Array(17) });
    expect(curve.map((bin) => bin.rows).toSorted()).toEqual([...Array(13).fill(1), 2, 2]);
  });

  test("weights move the cuts, and rows without weight are in no bin's mean", () => {
    const curve = calibrationCurve(
      { predictions: [0.1, 0.2, 0.3, 0.4], labels: [0, 1, 0, 1], weights: [3, 1, 0, 2] },
      { bins: 2 },
    );
    expect(curve.map(({ weight, meanPrediction, meanLabel }) => [weight, meanPrediction, meanLabel])).toEqual(
      [
        [3, 0.1, 0].map((value) => expect.closeTo(value, 12)),
        [3, 1 / 3, 1].map((value) => expect.closeTo(value, 12)),
      ],
    );
  });
});

describe("expected calibration error", () => {
  test("is 0 when each bin predicts its mean label, and the gap when all predict alike", () => {
    expect(expectedCalibrationError({ predictions: [0.5, 0.5, 0.5, 0.5], labels: [0, 1, 1, 0] }).value).toBe(
      0,
    );
    expect(expectedCalibrationError({ predictions: [0.9, 0.9], labels: [0, 1] }).value).toBeCloseTo(0.4, 12);
    expect(expectedCalibrationError({ predictions: [], labels: [] }).value).toBeNull();
  });
});

describe("log loss and normalized entropy", () => {
  test("clips at 1e-7", () => {
    expect(logLoss({ predictions: [0], labels: [1] }).value).toBeCloseTo(-Math.log(1e-7), 9);
    expect(logLoss({ predictions: [1], labels: [0] }).value).toBeCloseTo(-Math.log(1e-7), 6);
  });

  test("soft labels give cross entropy, least at the label itself", () => {
    const at = (p: number): number => logLoss({ predictions: [p], labels: [0.3] }).value ?? Number.NaN;
    expect(at(0.3)).toBeCloseTo(-0.3 * Math.log(0.3) - 0.7 * Math.log(0.7), 12);
    expect(at(0.3)).toBeLessThan(Math.min(at(0.29), at(0.31)));
  });

  test("predicting the base rate has NE 1", () => {
    const labels = [1, 0, 0, 0, 1, 0, 0, 0];
    expect(normalizedEntropy({ predictions: labels.map(() => 0.25), labels }).value).toBeCloseTo(1, 12);
  });

  test("NE is null on one class, log loss is not", () => {
    expect(normalizedEntropy({ predictions: [0.2], labels: [0] })).toEqual({
      value: null,
      reason: "only one class: every label is 0, whose entropy is 0",
    });
    expect(logLoss({ predictions: [0.2], labels: [0] }).value).toBeCloseTo(-Math.log(0.8), 12);
    expect(logLoss({ predictions: [0.2], labels: [0], weights: [0] }).value).toBeNull();
  });

  test("logits are refused, with the row", () => {
    expect(() => logLoss({ predictions: [0.3, 1.7], labels: [0, 1] })).toThrow(
      "prediction of row 1 is 1.7, not a probability in [0, 1]",
    );
  });
});

describe("calibration ratio", () => {
  test("is predicted over observed, null without positives", () => {
    expect(calibrationRatio({ predictions: [0.5, 0.25], labels: [1, 0] }).value).toBe(0.75);
    expect(calibrationRatio({ predictions: [0.5, 0.25], labels: [1, 0], weights: [1, 4] }).value).toBe(1.5);
    expect(calibrationRatio({ predictions: [0.5], labels: [0] })).toEqual({
      value: null,
      reason: "no positives",
    });
  });
});

describe("score distribution", () => {
  test("holds every row once, in bins of equal width in log-odds", () => {
    fc.assert(
      fc.property(rows, (scored) => {
        const bins = scoreDistribution(scored, { bins: 8 });
        const count = (label: number): number => scored.labels.filter((value) => value === label).length;
        expect(bins.reduce((sum, bin) => sum + bin.positives, 0)).toBe(count(1));
        expect(bins.reduce((sum, bin) => sum + bin.negatives, 0)).toBe(count(0));
        for (let b = 1; b < bins.length; b++) expect(bins[b].from).toBeCloseTo(bins[b - 1].to, 12);
      }),
    );
  });

  test("by hand: 0.1, 0.5 and 0.9 are evenly spaced", () => {
    const bins = scoreDistribution({ predictions: [0.1, 0.5, 0.9, 0.5], labels: [0, 1, 1, 0] }, { bins: 2 });
    expect(bins.map(({ positives, negatives }) => [positives, negatives])).toEqual([
      [0, 1],
      [2, 1],
    ]);
    expect(bins[1].from).toBeCloseTo(0.5, 12);
    expect(scoreDistribution({ predictions: [], labels: [] })).toEqual([]);
    expect(scoreDistribution({ predictions: [0.2, 0.2], labels: [0, 1] })).toHaveLength(1);
  });
});
