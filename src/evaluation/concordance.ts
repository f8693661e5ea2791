/**
 * The pairs behind every AUC: over all (positive, negative) pairs, the weight of those whose scores
 * stand in the right order, ties counting half, and the weight of all pairs.
 */
import type { NumericArray } from "./scored-rows.ts";

export interface Concordance {
  /** Weight of ordered pairs, tied ones half. */
  readonly ordered: number;
  readonly positiveWeight: number;
  readonly negativeWeight: number;
}

/**
 * One walk over rows sorted by ascending prediction: `order[start … end-1]`. Counts stay exact in
 * float64 up to 2⁵² unweighted pairs.
 *
 * @param positive the label of positives; all other rows are negatives
 */
export function concordance(
  order: Uint32Array,
  start: number,
  end: number,
  predictions: NumericArray,
  labels: NumericArray,
  weights: NumericArray | undefined,
  positive = 1,
): Concordance {
  let ordered = 0;
  let positiveWeight = 0;
  let negativeWeight = 0;
  for (let i = start; i < end; ) {
    const score = predictions[order[i]];
    let tiedPositive = 0;
    let tiedNegative = 0;
    for (; i < end && predictions[order[i]] === score; i++) {
      const row = order[i];
      const weight = weights === undefined ? 1 : weights[row];
      if (labels[row] === positive) tiedPositive += weight;
      else tiedNegative += weight;
    }
    ordered += tiedPositive * (negativeWeight + tiedNegative / 2);
    positiveWeight += tiedPositive;
    negativeWeight += tiedNegative;
  }
  return { ordered, positiveWeight, negativeWeight };
}
