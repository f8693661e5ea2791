/**
 * The factorization machine's second-order term as one op: with the closed form of its gradient the
 * fields are read and written four times a step instead of about twelve.
 */
import { ShapeError } from "../core/index.ts";
import { apply, defineOp, dimProduct, perElement, type Tensor } from "../tensor/index.ts";
import { mul, sub } from "./arithmetic.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

const pairwiseInteractionOp = defineOp<readonly [Tensor]>({
  name: "pairwiseInteraction",
  infer([fields]) {
    if (fields.rank !== 3 || fields.dtype !== "float32") {
      throw new ShapeError("pairwiseInteraction: needs float32 [batch, fields, dim]", {
        fields: fields.shape,
      });
    }
    return { dtype: fields.dtype, shape: [fields.shape[0]] };
  },
  // d/de_f = Σ_{g≠f} e_g = S - e_f, with S the sum over fields.
  vjp: ([fields], _, g) => {
    const others = sub(sum(fields, { axis: 1, keepDims: true }), fields);
    return [mul(others, reshape(g, [g.shape[0], 1, 1]))];
  },
  // The sum over fields, its square's sum, the sum of squares; then a difference and a half.
  flops: ([fields], y) => [
    ...perElement(fields, 3),
    dimProduct([2, y.shape[0], fields.shape[2]]),
    ...perElement(y, 2),
  ],
  lower(onnx, [fields]) {
    const total = onnx.node("ReduceSum", [fields, onnx.ints([1])], { keepdims: 0 });
    const squareOfSum = onnx.node("ReduceSumSquare", [total, onnx.ints([1])], { keepdims: 0 });
    const sumOfSquares = onnx.node("ReduceSumSquare", [fields, onnx.ints([1, 2])], { keepdims: 0 });
    return onnx.node("Mul", [onnx.node("Sub", [squareOfSum, sumOfSquares]), onnx.scalar(0.5, "float32")]);
  },
});

/**
 * The sum over all pairs of fields of their inner products, in linear time:
 * `½ Σ_k [(Σ_f e_fk)² - Σ_f e_fk²]`; `[batch, fields, dim]` to `[batch]`.
 *
 * Rendle, "Factorization Machines", ICDM 2010.
 */
export function pairwiseInteraction(fields: Tensor): Tensor {
  return apply(pairwiseInteractionOp, [fields]);
}
