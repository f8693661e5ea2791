/**
 * Log loss (mean binary cross entropy), natural logarithm:
 *
 *     L = -Σ wᵢ (yᵢ ln pᵢ + (1 - yᵢ) ln(1 - pᵢ)) / Σ wᵢ,   pᵢ clipped to [1e-7, 1 - 1e-7]
 */
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkProbabilityRows, type ScoredRows } from "./scored-rows.ts";

/** Probabilities are kept this far from 0 and 1. */
export const PROBABILITY_CLIP = 1e-7;

/**
 * Mean cross entropy in nats; labels may be soft (in [0, 1]). Null when no row has weight.
 *
 * @throws DataError when a prediction is not a probability (row named), or lengths differ
 */
export function logLoss(rows: ScoredRows): MetricValue {
  checkProbabilityRows(rows);
  const { predictions, labels, weights } = rows;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < predictions.length; row++) {
    const weight = weights === undefined ? 1 : weights[row];
    sum += weight * crossEntropy(labels[row], predictions[row]);
    total += weight;
  }
  return total === 0 ? undefinedMetric(NO_ROWS) : defined(sum / total);
}

/** Cross entropy of one row, in nats, with the clip. */
export function crossEntropy(label: number, probability: number): number {
  const p = Math.min(Math.max(probability, PROBABILITY_CLIP), 1 - PROBABILITY_CLIP);
  // 0·ln p is skipped: with hard labels one logarithm a row is enough.
  if (label === 1) return -Math.log(p);
  if (label === 0) return -Math.log(1 - p);
  return -label * Math.log(p) - (1 - label) * Math.log(1 - p);
}
