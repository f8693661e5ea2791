/**
 * Row weights that ask whether a loss suffers from negatives that have stopped teaching: positives weigh
 * `(1 - p)^γ`; negatives `p^γ + (1 - mean_Q p^γ)`, whose mean is 1, so that hard ones count more and all of them
 * together as much as before. γ = 0 gives 1 throughout. The weights are no path for gradients (our choice).
 *
 * Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv:1708.02002, with the negatives' weights
 * of Lin et al., "Understanding the Ranking Loss for Recommendation with Sparse User Feedback", KDD 2024,
 * arXiv:2403.14144.
 */
import { add, div, exp, maximum, mul, neg, softplus, stopGradient, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { positiveMask } from "./ranking-batch.ts";

/** `[batch]` logits and labels to `[batch]` weights. */
export function focalWeights(logits: Tensor, labels: Tensor, gamma: number): Tensor {
  const positive = positiveMask(labels);
  const negative = sub(1, positive);
  // ln p = -softplus(-z) and ln(1 - p) = -softplus(z).
  const ofPositives = exp(mul(softplus(logits), -gamma));
  const ofNegatives = exp(mul(softplus(neg(logits)), -gamma));
  const mean = div(sum(mul(ofNegatives, negative)), maximum(sum(negative), 1));
  const shifted = add(sub(ofNegatives, mean), 1);
  return stopGradient(add(mul(positive, ofPositives), mul(negative, shifted)));
}
