/** Accuracy: the share of rows whose prediction falls on the label's side of a threshold. */
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkBinaryRows, type ScoredRows } from "./scored-rows.ts";

/**
 * `Σ wᵢ [ [pᵢ ≥ threshold] = yᵢ ] / Σ wᵢ`, in [0, 1].
 *
 * @param options.threshold predictions from here on count as positive @default 0.5
 * @throws DataError on a NaN prediction, a label other than 0 and 1, or lengths that differ
 */
export function accuracy(
  rows: ScoredRows,
  { threshold = 0.5 }: { readonly threshold?: number } = {},
): MetricValue {
  checkBinaryRows(rows);
  const { predictions, labels, weights } = rows;
  let correct = 0;
  let total = 0;
  for (let row = 0; row < predictions.length; row++) {
    const weight = weights === undefined ? 1 : weights[row];
    if (predictions[row] >= threshold === (labels[row] === 1)) correct += weight;
    total += weight;
  }
  return total === 0 ? undefinedMetric(NO_ROWS) : defined(correct / total);
}
