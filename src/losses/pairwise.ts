/**
 * RankNet over all pairs of a positive and a negative row of a batch:
 *
 *     L = -1/(|P||Q|) Σ_{i∈P} Σ_{j∈Q} ln σ(z_i - z_j),
 *
 * which adding a constant to all logits does not change: it orders, and cannot calibrate. A negative's gradient
 * is `1/(|P||Q|) Σ_i σ(z_j - z_i)`, about `1/(2|Q|)` however rare positives are, where cross entropy gives it
 * `σ(z_j)/N`. Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
 */
import { PairDraws } from "../layers/index.ts";
import { div, expandDims, gather, maximum, mul, softplus, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { classRows, positiveMask, type RankingBatch, sameGroup } from "./ranking-batch.ts";

/**
 * With groups, the mean is over pairs within one group. Row weights play no part.
 *
 * @returns a scalar; 0 where the batch has no such pair
 */
export function pairwiseLoss(batch: RankingBatch): Tensor {
  const { logits, groups } = batch;
  const { positives, negatives, positiveCount, negativeCount } = classRows(batch);
  const above = expandDims(gather(logits, positives), 1); // [positives, 1]
  const below = expandDims(gather(logits, negatives), 0); // [1, negatives]
  const each = softplus(sub(below, above)); // [positives, negatives]
  // Two levels keep the digits of a sum over millions of pairs.
  const total = (values: Tensor): Tensor => sum(sum(values, { axis: 1 }));
  if (groups === undefined) return div(total(each), maximum(mul(positiveCount, negativeCount), 1));
  const together = sameGroup(groups, positives, negatives);
  return div(total(mul(each, together)), maximum(total(together), 1));
}

/**
 * The mean over `pairs` pairs drawn at random with replacement instead of all: without bias, and of a cost
 * that does not depend on how the classes divide.
 *
 * @param key uint32 of rank 0 that changes with every step
 */
export function sampledPairwiseLoss(
  { logits, labels }: Pick<RankingBatch, "logits" | "labels">,
  { pairs, key }: { readonly pairs: number; readonly key: Tensor },
): Tensor {
  const positive = positiveMask(labels);
  return new PairDraws(logits, { pairs, key }).rankingLoss(positive, sub(1, positive));
}
