/**
 * Softmax cross entropy of each positive row against the rows of its batch:
 *
 *     L = -1/|P| Σ_{i∈P} ln( s(z_i) / Σ_k w_k s(z_k) ),
 *
 * with `s(z) = e^z` (Combined-List) or `s(z) = σ(z)` (regression compatible: its optimum agrees with calibrated
 * probabilities; Bai et al., "Regression Compatible Listwise Objectives for Calibrated Ranking with Binary
 * Relevance", CIKM 2023, arXiv:2211.01494). Everything is done in logarithms.
 */
import {
  add,
  div,
  gather,
  logSumExp,
  max,
  maximum,
  minimum,
  mul,
  neg,
  softplus,
  sub,
  sum,
} from "../ops/index.ts";
import { expandDims } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { classRows, logWeights, positiveMask, type RankingBatch, sameGroup } from "./ranking-batch.ts";

/** Far enough below any logit that its exponential is 0, and still finite. */
const LEFT_OUT = -1e30;

/**
 * With groups, the sum in the denominator is over the positive's group. Positives without a negative to be
 * compared with are left out.
 *
 * @returns a scalar; 0 where no positive has a negative
 */
export function listwiseLoss(
  batch: RankingBatch,
  { score = "exponential" }: { readonly score?: "exponential" | "sigmoid" } = {},
): Tensor {
  const { logits, labels, weights, groups } = batch;
  const scores = score === "exponential" ? logits : neg(softplus(neg(logits))); // ln s(z)
  const weighed = weights === undefined ? scores : add(scores, logWeights(weights));
  const positive = positiveMask(labels);
  if (groups === undefined) {
    const all = logSumExp(weighed, { axis: 0 });
    const count = sum(positive);
    const each = sum(mul(positive, sub(all, scores)));
    const comparable = minimum(sum(sub(1, positive)), 1);
    return mul(div(each, maximum(count, 1)), comparable);
  }
  const { positives } = classRows(batch);
  const together = sameGroup(groups, positives, undefined); // [positives, batch]
  const all = logSumExp(add(expandDims(weighed, 0), mul(sub(1, together), LEFT_OUT)), { axis: 1 });
  const comparable = max(mul(together, expandDims(sub(1, positive), 0)), { axis: 1 }); // [positives]
  const each = mul(sub(all, gather(scores, positives)), comparable);
  return div(sum(each), maximum(sum(comparable), 1));
}

/**
 * Each positive against all negatives and no other positive, `-1/|P| Σ_i ln( e^{z_i} / (e^{z_i} + Σ_{j∈Q} e^{z_j}) )`
 * (InfoNCE). The published form of Combined-Contrastive is not known to us; this is our reading of it.
 */
export function contrastiveLoss({ logits, labels, groups, name }: RankingBatch): Tensor {
  const positive = positiveMask(labels);
  const others = add(logits, mul(positive, LEFT_OUT));
  if (groups === undefined) {
    const negatives = logSumExp(others, { axis: 0 });
    const each = mul(softplus(sub(negatives, logits)), positive);
    return div(sum(each), maximum(sum(positive), 1));
  }
  const { positives } = classRows({ labels, name });
  const together = sameGroup(groups, positives, undefined);
  const negatives = logSumExp(add(expandDims(others, 0), mul(sub(1, together), LEFT_OUT)), { axis: 1 });
  const comparable = max(mul(together, expandDims(sub(1, positive), 0)), { axis: 1 });
  const each = mul(softplus(sub(negatives, gather(logits, positives))), comparable);
  return div(sum(each), maximum(sum(comparable), 1));
}
