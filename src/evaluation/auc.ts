/**
 * Area under the ROC curve as the Mann-Whitney statistic, exact (no thresholds, no bins):
 *
 *     AUC = Σ_{i∈P} Σ_{j∈N} wᵢ wⱼ ([pᵢ > pⱼ] + ½ [pᵢ = pⱼ]) / (Σ_{i∈P} wᵢ · Σ_{j∈N} wⱼ)
 */
import { ascendingOrder } from "./ascending-order.ts";
import { concordance } from "./concordance.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkBinaryRows, type ScoredRows } from "./scored-rows.ts";

/**
 * Probability that a random positive scores above a random negative, ties half; weights multiply pairs.
 * Null when one class has no weight.
 *
 * @throws DataError on a NaN prediction, a label other than 0 and 1, or lengths that differ
 */
export function auc(rows: ScoredRows): MetricValue {
  checkBinaryRows(rows);
  const { predictions, labels, weights } = rows;
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  const order = rows.order ?? ascendingOrder(predictions);
  const pairs = concordance(order, 0, order.length, predictions, labels, weights);
  if (pairs.positiveWeight === 0) return undefinedMetric("only one class: no positives");
  if (pairs.negativeWeight === 0) return undefinedMetric("only one class: no negatives");
  return defined(pairs.ordered / pairs.positiveWeight / pairs.negativeWeight);
}
