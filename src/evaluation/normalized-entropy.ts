/**
 * Normalized entropy (NE): log loss relative to that of always predicting the mean label ȳ.
 *
 *     NE = L / H(ȳ),   H(ȳ) = -(ȳ ln ȳ + (1 - ȳ) ln(1 - ȳ))
 *
 * Below 1 is better than knowing the base rate alone; the base of the logarithm cancels.
 * He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014.
 */
import { logLoss } from "./log-loss.ts";
import { defined, type MetricValue, undefinedMetric } from "./metric-value.ts";
import type { ScoredRows } from "./scored-rows.ts";

/**
 * Log loss (with its clip) over the entropy of the mean label. Null when all labels are equal.
 *
 * @throws DataError as `logLoss`
 */
export function normalizedEntropy(rows: ScoredRows): MetricValue {
  const loss = logLoss(rows);
  if (loss.value === null) return loss;
  const { labels, weights } = rows;
  let positive = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const weight = weights === undefined ? 1 : weights[row];
    positive += weight * labels[row];
    total += weight;
  }
  const mean = positive / total;
  const entropy = -mean * Math.log(mean) - (1 - mean) * Math.log(1 - mean);
  return mean > 0 && mean < 1 && entropy > 0
    ? defined(loss.value / entropy)
    : undefinedMetric(`only one class: every label is ${mean}, whose entropy is 0`);
}
