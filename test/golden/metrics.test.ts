import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  calibrationCurve,
  evaluateBinary,
  expectedCalibrationError,
  ndcgAtK,
  rankPositives,
} from "../../src/evaluation/index.ts";
import { CounterRandom } from "../../src/core/index.ts";

interface Golden {
  readonly binary: readonly {
    readonly name: string;
    readonly predictions: number[];
    readonly labels: number[];
    readonly weights: number[] | null;
    readonly auc: number | null;
    readonly average_precision: number | null;
    readonly log_loss: number;
    readonly ne: number | null;
    readonly accuracy: number;
    readonly rmse: number;
    readonly mae: number;
  }[];
  readonly ndcg: readonly { k: number; scores: number[]; relevance: number[]; ndcg: number }[];
  readonly calibration: {
    readonly predictions: number[];
    readonly labels: number[];
    readonly meanLabels: number[];
    readonly meanPredictions: number[];
    readonly ece: number;
  };
}

const golden: Golden = JSON.parse(readFileSync(new URL("metrics.json", import.meta.url), "utf8"));

describe("metrics equal scikit-learn's", () => {
  const names = ["auc", "average_precision", "log_loss", "ne", "accuracy", "rmse", "mae"] as const;
  test.each(golden.binary)("$name", (expected) => {
    const rows = {
      predictions: Float64Array.from(expected.predictions),
      labels: Float32Array.from(expected.labels),
      ...(expected.weights === null ? {} : { weights: Float64Array.from(expected.weights) }),
    };
    const actual = evaluateBinary(rows, names);
    for (const name of names) {
      const { value, reason } = actual[name];
      const peer = expected[name];
      if (peer === null) {
        expect(value, name).toBeNull();
        expect(reason, name).toBeTruthy();
      } else {
        // Both sides sum a few hundred float64 terms in a different order.
        expect(value, name).toBeCloseTo(peer, 12);
      }
    }
  });

  test("NDCG@k, binary and graded", () => {
    for (const { k, scores, relevance, ndcg } of golden.ndcg) {
      const positives = relevance.flatMap((value, index) => (value > 0 ? [index] : []));
      const ranked = rankPositives(
        { scores, positives, relevance: positives.map((index) => relevance[index]) },
        new CounterRandom(0),
      );
      expect(ndcgAtK(ranked, k)).toBeCloseTo(ndcg, 12);
    }
  });

  test("quantile calibration curve and ECE", () => {
    const { predictions, labels, meanLabels, meanPredictions, ece } = golden.calibration;
    const curve = calibrationCurve({ predictions, labels });
    expect(curve).toHaveLength(15);
    curve.forEach((bin, b) => {
      expect(bin.rows).toBe(40);
      expect(bin.meanLabel).toBeCloseTo(meanLabels[b], 12);
      expect(bin.meanPrediction).toBeCloseTo(meanPredictions[b], 12);
    });
    expect(expectedCalibrationError({ predictions, labels }).value).toBeCloseTo(ece, 12);
  });
});
