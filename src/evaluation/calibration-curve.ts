/**
 * The calibration curve: rows cut into bins of equal mass by ascending prediction, with the mean
 * prediction and the mean label of each. A row's bin is
 *
 *     ⌊bins · (weight of rows with a smaller prediction) / (weight of all rows)⌋
 *
 * so that rows with equal predictions share a bin and the order of rows does not matter; where many
 * predictions are equal, some bins stay empty and are left out.
 */
import { ascendingOrder } from "./ascending-order.ts";
import { checkProbabilityRows, type ScoredRows } from "./scored-rows.ts";

export interface CalibrationBin {
  readonly rows: number;
  readonly weight: number;
  readonly meanPrediction: number;
  readonly meanLabel: number;
  readonly lowestPrediction: number;
  readonly highestPrediction: number;
}

export const DEFAULT_CALIBRATION_BINS = 15;

/** How far a bin's predictions are from what was observed. */
export function calibrationGap({
  meanPrediction,
  meanLabel,
}: Pick<CalibrationBin, "meanPrediction" | "meanLabel">): number {
  return Math.abs(meanPrediction - meanLabel);
}

/**
 * Non-empty bins in ascending order of prediction; bins without weight are left out.
 *
 * @throws DataError when a prediction is not a probability, or lengths differ
 */
export function calibrationCurve(
  rows: ScoredRows,
  { bins = DEFAULT_CALIBRATION_BINS }: { readonly bins?: number } = {},
): CalibrationBin[] {
  checkProbabilityRows(rows);
  const { predictions, labels, weights } = rows;
  const order = rows.order ?? ascendingOrder(predictions);
  const weightOf = (row: number): number => (weights === undefined ? 1 : weights[row]);
  let total = 0;
  for (let row = 0; row < predictions.length; row++) total += weightOf(row);

  const curve: CalibrationBin[] = [];
  let below = 0; // weight of rows with a smaller prediction than the current tie
  for (let i = 0; i < order.length; ) {
    const bin = binOf(below, total, bins);
    const first = i;
    let weight = 0;
    let predicted = 0;
    let observed = 0;
    while (i < order.length && binOf(below, total, bins) === bin) {
      const tie = predictions[order[i]];
      let tied = 0;
      for (; i < order.length && predictions[order[i]] === tie; i++) {
        const row = order[i];
        tied += weightOf(row);
        predicted += weightOf(row) * tie;
        observed += weightOf(row) * labels[row];
      }
      weight += tied;
      below += tied;
    }
    if (weight === 0) continue;
    curve.push({
      rows: i - first,
      weight,
      meanPrediction: predicted / weight,
      meanLabel: observed / weight,
      lowestPrediction: predictions[order[first]],
      highestPrediction: predictions[order[i - 1]],
    });
  }
  return curve;
}

function binOf(below: number, total: number, bins: number): number {
  // Rows of zero weight at the very end have everything below them.
  return total === 0 ? 0 : Math.min(bins - 1, Math.floor((bins * below) / total));
}
