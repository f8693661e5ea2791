/**
 * The last step of batch normalisation, `γ (x - μ) r` with `r = 1/√(σ² + ε)`, as one op whose gradient is
 * the closed form of the whole normalisation. Written out op by op, the backward pass reads and writes the
 * activations about twenty times; so, eight times.
 */
import { ShapeError } from "../core/index.ts";
import { apply, defineOp, perElement, sameShape, type Tensor } from "../tensor/index.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { sum } from "./reduce.ts";
import { sizeOf } from "./size-of.ts";

const scaleStandardizedOp = defineOp<readonly [Tensor, Tensor, Tensor, Tensor]>({
  name: "scaleStandardized",
  infer([x, centred, inverse, scale]) {
    const width = x.shape.slice(1);
    if (
      !sameShape(x.shape, centred.shape) ||
      !sameShape(inverse.shape, width) ||
      !sameShape(scale.shape, width)
    ) {
      throw new ShapeError("scaleStandardized: moments and scale must have the shape of one row", {
        x: x.shape,
        centred: centred.shape,
        inverse: inverse.shape,
        scale: scale.shape,
      });
    }
    return { dtype: x.dtype, shape: x.shape };
  },
  // With x̂ = (x - μ) r and n rows: dγ = Σ g x̂, dx = γ r (g - Σg/n - x̂ Σ(g x̂)/n). What flows through
  // μ and r is in dx, so those two inputs get nothing; they stay differentiable for second derivatives.
  vjp([x, centred, inverse, scale], _, g) {
    const standardized = mul(centred, inverse);
    const scaleGradient = sum(mul(g, standardized), { axis: 0 });
    const rows = sizeOf(x.shape[0]);
    const drift = mul(standardized, div(scaleGradient, rows));
    const dx = mul(sub(sub(g, div(sum(g, { axis: 0 }), rows)), drift), mul(inverse, scale));
    return [dx, null, null, scaleGradient];
  },
  flops: (_, y) => perElement(y, 2),
  lower: (onnx, [, centred, inverse, scale]) =>
    onnx.node("Mul", [centred, onnx.node("Mul", [inverse, scale])]),
});

/**
 * @param x `[batch, width]`
 * @param centred `x - μ`, with μ the mean of `x` over the batch
 * @param inverse `[width]`, `1/√(σ² + ε)` with σ² the batch's own biased variance
 * @param scale `[width]`, γ
 * @returns `γ (x - μ) r`; the gradient is right only if the moments are the batch's own
 */
export function scaleStandardized(x: Tensor, centred: Tensor, inverse: Tensor, scale: Tensor): Tensor {
  return apply(scaleStandardizedOp, [x, centred, inverse, scale]);
}
