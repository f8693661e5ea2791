/**
 * How predictions of the two classes are spread: counts in bins of equal width on the log-odds scale,
 * where click probabilities of 0.001 and 0.1 are as far apart as they should be.
 */
import { logOdds, sigmoid } from "../core/index.ts";
import { checkBinaryRows, checkProbabilityRows, type ScoredRows } from "./scored-rows.ts";

export interface ScoreBin {
  /** Bounds as probabilities. */
  readonly from: number;
  readonly to: number;
  readonly positives: number;
  readonly negatives: number;
}

/** Probabilities beyond this distance from 0 and 1 fall into the outermost bins. */
const EDGE = 1e-5;

/**
 * Bins from the smallest to the largest prediction; empty without rows. Weights are not used.
 *
 * @throws DataError on predictions outside [0, 1] or labels other than 0 and 1
 */
export function scoreDistribution(
  rows: ScoredRows,
  { bins = 40 }: { readonly bins?: number } = {},
): ScoreBin[] {
  checkBinaryRows(rows);
  checkProbabilityRows(rows);
  const { predictions, labels } = rows;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let row = 0; row < predictions.length; row++) {
    const score = scoreOf(predictions[row]);
    if (score < lowest) lowest = score;
    if (score > highest) highest = score;
  }
  if (predictions.length === 0) return [];
  const used = highest > lowest ? bins : 1;
  const width = (highest - lowest) / used;
  const positives = new Float64Array(used);
  const negatives = new Float64Array(used);
  for (let row = 0; row < predictions.length; row++) {
    const bin =
      width === 0 ? 0 : Math.min(used - 1, Math.floor((scoreOf(predictions[row]) - lowest) / width));
    if (labels[row] === 1) positives[bin]++;
    else negatives[bin]++;
  }
  return Array.from(positives, (count, bin) => ({
    from: sigmoid(lowest + bin * width),
    to: sigmoid(lowest + (bin + 1) * width),
    positives: count,
    negatives: negatives[bin],
  }));
}

function scoreOf(probability: number): number {
  return logOdds(Math.min(Math.max(probability, EDGE), 1 - EDGE));
}
