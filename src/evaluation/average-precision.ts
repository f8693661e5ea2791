/**
 * Average precision, the area under the precision-recall curve as a step function (no interpolation):
 *
 *     AP = Σ_t (R_t - R_{t-1}) · P_t   over the distinct scores t, from the highest down
 *
 * Rows with equal scores enter together, as in scikit-learn.
 */
import { ascendingOrder } from "./ascending-order.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkBinaryRows, type ScoredRows } from "./scored-rows.ts";

/**
 * Null when there are no positives.
 *
 * @throws DataError on a NaN prediction, a label other than 0 and 1, or lengths that differ
 */
export function averagePrecision(rows: ScoredRows): MetricValue {
  checkBinaryRows(rows);
  const { predictions, labels, weights } = rows;
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  const order = rows.order ?? ascendingOrder(predictions);
  let truePositives = 0;
  let seen = 0;
  let sum = 0; // Σ (positives entering at a score) · precision there
  for (let i = order.length - 1; i >= 0; ) {
    const score = predictions[order[i]];
    let positives = 0;
    for (; i >= 0 && predictions[order[i]] === score; i--) {
      const weight = weights === undefined ? 1 : weights[order[i]];
      seen += weight;
      if (labels[order[i]] === 1) positives += weight;
    }
    truePositives += positives;
    if (positives > 0) sum += positives * (truePositives / seen);
  }
  return truePositives === 0 ? undefinedMetric("no positives") : defined(sum / truePositives);
}
