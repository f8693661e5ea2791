/**
 * Metrics of a split whose negatives were thinned (`negative_rate`): predictions speak of all rows, the split
 * has a share r of the negatives, so each of those left counts 1/r times. What weighs rows (log loss, NE, ECE,
 * calibration, AUC) is then what all rows would give, but for the draw; metrics of lists, which weigh no rows
 * (`group_ndcg@k` and its like), see the shorter lists.
 */
import type { Label } from "../schema/index.ts";
import type { SplitPredictions } from "./evaluate.ts";

/** How often a negative of the training split counts; undefined where all are there. */
export function negativeWeight(labels: readonly Label[]): number | undefined {
  const { negativeRate = 1 } = thinned(labels) ?? {};
  return negativeRate < 1 ? 1 / negativeRate : undefined;
}

/** The training split with the weights of its negatives; as it is where none were taken out. */
export function restoreNegatives(split: SplitPredictions, labels: readonly Label[]): SplitPredictions {
  const weight = negativeWeight(labels);
  const of = split.byLabel[thinned(labels)?.name ?? ""];
  if (weight === undefined || of === undefined) return split;
  const weights = of.labels.map((label, row) => (split.weights?.[row] ?? 1) * (label === 0 ? weight : 1));
  return { ...split, weights };
}

/** Down-sampling wants one label alone, so that there is at most one. */
function thinned(labels: readonly Label[]): Label | undefined {
  return labels.find(({ negativeRate = 1 }) => negativeRate < 1);
}
