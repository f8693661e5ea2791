/**
 * Cross entropy together with a loss that orders the rows of a batch:
 *
 *     L = α L_bce + (1-α) L_rank,   L_bce = -1/N Σ_i w_i [ y_i ln σ(z_i) + (1-y_i) ln(1 - σ(z_i)) ].
 *
 * Where positives are rare, an unbiased model's negatives have a gradient of about the positive rate over N
 * under cross entropy alone, and next to none of them teach; under the pairwise loss they keep about half of 1/N.
 * Cross entropy alone sets the level of the predictions, so α > 0 keeps them calibrated. A batch of one class
 * has nothing to order: its ranking part is 0.
 *
 * Lin et al., "Understanding the Ranking Loss for Recommendation with Sparse User Feedback", KDD 2024,
 * arXiv:2403.14144. The sum of weighted losses is divided by N, as there, and not by the sum of weights.
 */
import { add, mean, mul, softplus, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { focalWeights } from "./focal.ts";
import { jointRankingLoss, mirroredLogits } from "./joint-ranking.ts";
import { contrastiveLoss, listwiseLoss } from "./listwise.ts";
import { pairwiseLoss, sampledPairwiseLoss } from "./pairwise.ts";
import type { RankingBatch } from "./ranking-batch.ts";

/** `pair`: RankNet; `list`: softmax; `rcr`: softmax of sigmoids; `jrc`; `contrastive`: InfoNCE; `none`. */
export const rankingKinds = ["pair", "list", "rcr", "jrc", "contrastive", "none"] as const;
export type RankingKind = (typeof rankingKinds)[number];

export interface CombinedRanking {
  readonly kind: RankingKind;
  /** Share of cross entropy, in [0, 1]. */
  readonly alpha: number;
  /** γ of the focal weights on cross entropy's rows. @default 0 */
  readonly focalGamma?: number;
  /** Pairs drawn in place of all of them, with the step's random key. @default all */
  readonly sampled?: { readonly pairs: number; readonly key: Tensor };
}

/** @returns a scalar */
export function combinedRankingLoss(
  batch: RankingBatch,
  { kind, alpha, focalGamma = 0, sampled }: CombinedRanking,
): Tensor {
  const { logits, labels } = batch;
  const focal = focalGamma === 0 ? undefined : focalWeights(logits, labels, focalGamma);
  const parts = [batch.weights, focal].filter((part) => part !== undefined);
  const each = sub(softplus(logits), mul(labels, logits));
  const entropy = mean(parts.reduce((product, part) => mul(product, part), each));
  if (kind === "none" || alpha === 1) return entropy;
  const ranking = mul(rankingLoss(batch, kind, sampled), 1 - alpha);
  return alpha === 0 ? ranking : add(mul(entropy, alpha), ranking);
}

function rankingLoss(
  batch: RankingBatch,
  kind: Exclude<RankingKind, "none">,
  sampled: CombinedRanking["sampled"],
): Tensor {
  switch (kind) {
    case "pair":
      return sampled === undefined ? pairwiseLoss(batch) : sampledPairwiseLoss(batch, sampled);
    case "list":
      return listwiseLoss(batch);
    case "rcr":
      return listwiseLoss(batch, { score: "sigmoid" });
    case "jrc":
      return jointRankingLoss(mirroredLogits(batch.logits), batch);
    case "contrastive":
      return contrastiveLoss(batch);
  }
}
