/** Calibration ratio: `Σ wᵢ pᵢ / Σ wᵢ yᵢ`; 1 is best, above 1 the model promises too much. */
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkProbabilityRows, type ScoredRows } from "./scored-rows.ts";

/**
 * Predicted over observed positives. Null when there are no positives (others report 0 there).
 *
 * @throws DataError when a prediction is not a probability, or lengths differ
 */
export function calibrationRatio(rows: ScoredRows): MetricValue {
  checkProbabilityRows(rows);
  const { predictions, labels, weights } = rows;
  let predicted = 0;
  let observed = 0;
  for (let row = 0; row < predictions.length; row++) {
    const weight = weights === undefined ? 1 : weights[row];
    predicted += weight * predictions[row];
    observed += weight * labels[row];
  }
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  return observed === 0 ? undefinedMetric("no positives") : defined(predicted / observed);
}
