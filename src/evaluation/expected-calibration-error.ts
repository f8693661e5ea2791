/**
 * Expected calibration error over 15 bins of equal mass (`calibration-curve.ts` says how they are cut):
 *
 *     ECE = Σ_b (w_b / W) · |mean prediction_b - mean label_b|
 *
 * Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, use bins of equal width; with the
 * low click rates of recommendation those would hold nearly all rows in one bin.
 */
import { calibrationCurve, calibrationGap } from "./calibration-curve.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import type { ScoredRows } from "./scored-rows.ts";

/**
 * In [0, 1], 0 best. Null without rows (or weight).
 *
 * @throws DataError when a prediction is not a probability, or lengths differ
 */
export function expectedCalibrationError(rows: ScoredRows): MetricValue {
  let error = 0;
  let total = 0;
  for (const bin of calibrationCurve(rows)) {
    error += bin.weight * calibrationGap(bin);
    total += bin.weight;
  }
  return total === 0 ? undefinedMetric(NO_ROWS) : defined(error / total);
}
