import { add, mul, softmax, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Softmax over the last axis among entries whose mask is 1; the others get exactly 0, and so do all where
 * none is left.
 *
 * @param scores `[..., length]`
 * @param mask float32 of ones and zeros that broadcasts against the scores
 */
export function maskedSoftmax(scores: Tensor, mask: Tensor): Tensor {
  return mul(softmax(add(scores, maskBias(mask))), mask);
}

/** What to add to scores so that softmax leaves masked entries out: 0 or -1e9. */
export function maskBias(mask: Tensor): Tensor {
  return mul(sub(mask, 1), 1e9);
}
