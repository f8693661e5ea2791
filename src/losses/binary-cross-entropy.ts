import { div, mean, mul, softplus, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Binary cross entropy from logits, `softplus(z) - y·z`, which neither overflows nor loses digits;
 * averaged over rows, or with weights `Σ wᵢ lᵢ / Σ wᵢ`. The training form has no clipping; reported
 * log loss (evaluation) clips probabilities at 1e-7.
 *
 * @param logits `[batch]`
 * @param labels `[batch]`, 0 to 1
 * @param weights `[batch]`
 * @returns a scalar
 */
export function binaryCrossEntropy(logits: Tensor, labels: Tensor, weights?: Tensor): Tensor {
  const each = sub(softplus(logits), mul(labels, logits));
  return weights === undefined ? mean(each) : div(sum(mul(each, weights)), sum(weights));
}
