import { mean, mul, softplus, square, sub } from "../ops/index.ts";
import type { Label } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * The loss of an auxiliary logit on a label, averaged over the batch: binary cross entropy, or the squared
 * error of a real label. Sample weights play no part.
 */
export function labelLoss({ kind }: Label, logit: Tensor, label: Tensor): Tensor {
  // -[y log σ(z) + (1 - y) log(1 - σ(z))] = softplus(z) - y z
  return mean(kind === "real" ? square(sub(logit, label)) : sub(softplus(logit), mul(label, logit)));
}
