/**
 * The ranking part of JRC: a row has a logit for the click, z¹, and one for none, z⁰, so that
 * `p = σ(z¹ - z⁰)`, and is compared with the rows of its batch in the column of its own class:
 *
 *     L = -1/N Σ_i w_i ln( e^{z_i[y_i]} / Σ_k w_k e^{z_k[y_i]} ).
 *
 * Sheng et al., "Joint Optimization of Ranking and Calibration with Contextualized Hybrid Model", KDD 2023,
 * arXiv:2208.06164. A model with one logit z takes z¹ = z/2 and z⁰ = -z/2, which leaves p as it is; what two
 * free logits could say beyond that is then not there.
 */
import { add, expandDims, logSumExp, mean, mul, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { logWeights, positiveMask, type RankingBatch, sameGroup } from "./ranking-batch.ts";

export interface TwoLogits {
  /** z¹, `[batch]`. */
  readonly click: Tensor;
  /** z⁰, `[batch]`. */
  readonly none: Tensor;
}

/** z¹ and z⁰ of a model that has one logit. */
export function mirroredLogits(logits: Tensor): TwoLogits {
  return { click: mul(logits, 0.5), none: mul(logits, -0.5) };
}

/** @returns a scalar */
export function jointRankingLoss(
  { click, none }: TwoLogits,
  { labels, weights, groups }: Omit<RankingBatch, "logits">,
): Tensor {
  const positive = positiveMask(labels);
  const together = groups === undefined ? undefined : sameGroup(groups, undefined, undefined);
  const share = (column: Tensor): Tensor => {
    const weighed = weights === undefined ? column : add(column, logWeights(weights));
    if (together === undefined) return sub(logSumExp(weighed, { axis: 0 }), column);
    const others = add(expandDims(weighed, 0), mul(sub(1, together), -1e30)); // [batch, batch]
    return sub(logSumExp(others, { axis: 1 }), column);
  };
  const each = add(mul(positive, share(click)), mul(sub(1, positive), share(none)));
  return mean(weights === undefined ? each : mul(each, weights));
}
