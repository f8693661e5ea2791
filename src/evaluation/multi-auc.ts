/**
 * Multi-AUC: AUC over an ordered scale of levels instead of two classes. Over all pairs of rows from
 * different levels, the share whose scores stand in the order of their levels, ties half:
 *
 *     Multi-AUC = Σ_{a<b} c_ab · AUC(b over a) / Σ_{a<b} c_ab
 *
 * With two levels it is AUC; a perfect ordering gives 1. CrossDistil (Yang et al., AAAI 2022, arXiv
 * 2202.09852) measures the four levels of two tasks with it: both labels, own label only, other label
 * only, none (`crossTaskLevels`).
 */
import { DataError } from "../core/index.ts";
import { ascendingOrder } from "./ascending-order.ts";
import { concordance } from "./concordance.ts";
import { groupRows } from "./group-rows.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkRows, type NumericArray, type ScoredRows } from "./scored-rows.ts";

export interface MultiAucOptions {
  /**
   * c_ab: `pairs` weighs two levels by their number of pairs (every pair of rows counts once),
   * `levels` counts every two levels once (Hand and Till, 2001), so that rare levels weigh as much.
   * @default "pairs"
   */
  readonly weighting?: "pairs" | "levels";
}

/**
 * @param rows labels are levels: integers, higher is better
 * @returns null when all rows have one level; `counts.levels` says how many there are
 * @throws DataError on a NaN prediction or a label that is not an integer
 */
export function multiAuc(rows: ScoredRows, { weighting = "pairs" }: MultiAucOptions = {}): MetricValue {
  checkRows(rows);
  const { predictions, labels, weights } = rows;
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  for (let row = 0; row < labels.length; row++) {
    if (!Number.isInteger(labels[row])) {
      throw new DataError(`level of row ${row} is ${labels[row]}; levels must be integers`, {
        details: { row, label: labels[row] },
      });
    }
  }
  const grouped = groupRows(labels, rows.order ?? ascendingOrder(predictions));
  const members = Array.from({ length: grouped.count }, (_, level) =>
    grouped.rows.subarray(grouped.offsets[level], grouped.offsets[level + 1]),
  ).sort((a, b) => labels[a[0]] - labels[b[0]]);

  let sum = 0;
  let total = 0;
  for (let low = 0; low < members.length; low++) {
    for (let high = low + 1; high < members.length; high++) {
      const merged = mergeByPrediction(members[low], members[high], predictions);
      const { ordered, positiveWeight, negativeWeight } = concordance(
        merged,
        0,
        merged.length,
        predictions,
        labels,
        weights,
        labels[members[high][0]],
      );
      const pairs = positiveWeight * negativeWeight;
      if (pairs === 0) continue;
      sum += weighting === "pairs" ? ordered : ordered / pairs;
      total += weighting === "pairs" ? pairs : 1;
    }
  }
  const counts = { levels: members.length };
  return total === 0 ? undefinedMetric(`only one level: ${labels[0]}`, counts) : defined(sum / total, counts);
}

/**
 * The levels of two binary tasks, the first one's label first: both 3, first only 2, second only 1,
 * none 0.
 *
 * @throws DataError when lengths differ
 */
export function crossTaskLevels(first: NumericArray, second: NumericArray): Uint8Array {
  if (first.length !== second.length) {
    throw new DataError(`${first.length} labels of the first task but ${second.length} of the second`);
  }
  return Uint8Array.from(first, (label, row) => 2 * label + second[row]);
}

/** Merges two runs of rows that are each sorted by prediction. */
function mergeByPrediction(a: Uint32Array, b: Uint32Array, predictions: NumericArray): Uint32Array {
  const merged = new Uint32Array(a.length + b.length);
  for (let i = 0, nextA = 0, nextB = 0; i < merged.length; i++) {
    const takeA = nextB === b.length || (nextA < a.length && predictions[a[nextA]] <= predictions[b[nextB]]);
    merged[i] = takeA ? a[nextA++] : b[nextB++];
  }
  return merged;
}
