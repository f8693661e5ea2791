import { div, mean, mul, square, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Mean squared error, or with weights `Σ wᵢ (ŷᵢ - yᵢ)² / Σ wᵢ`; `[batch]` each, to a scalar. */
export function squaredError(predictions: Tensor, labels: Tensor, weights?: Tensor): Tensor {
  const each = square(sub(predictions, labels));
  return weights === undefined ? mean(each) : div(sum(mul(each, weights)), sum(weights));
}
