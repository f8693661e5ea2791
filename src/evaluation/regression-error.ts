/** Errors for real-valued targets: root mean squared error and mean absolute error. */
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkFiniteRows, type ScoredRows } from "./scored-rows.ts";

/**
 * `√(Σ wᵢ (pᵢ - yᵢ)² / Σ wᵢ)`, in the label's unit.
 *
 * @throws DataError when a prediction or label is not finite, or lengths differ
 */
export function rootMeanSquaredError(rows: ScoredRows): MetricValue {
  const mean = weightedMean(rows, (difference) => difference * difference);
  return mean === undefined ? undefinedMetric(NO_ROWS) : defined(Math.sqrt(mean));
}

/**
 * `Σ wᵢ |pᵢ - yᵢ| / Σ wᵢ`, in the label's unit.
 *
 * @throws DataError when a prediction or label is not finite, or lengths differ
 */
export function meanAbsoluteError(rows: ScoredRows): MetricValue {
  const mean = weightedMean(rows, Math.abs);
  return mean === undefined ? undefinedMetric(NO_ROWS) : defined(mean);
}

function weightedMean(rows: ScoredRows, penalty: (difference: number) => number): number | undefined {
  checkFiniteRows(rows);
  const { predictions, labels, weights } = rows;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < predictions.length; row++) {
    const weight = weights === undefined ? 1 : weights[row];
    sum += weight * penalty(predictions[row] - labels[row]);
    total += weight;
  }
  return total === 0 ? undefined : sum / total;
}
