/** Matrix products. */
import { ShapeError } from "../core/index.ts";
import {
  apply,
  broadcastShapes,
  defineOp,
  dimProduct,
  perElement,
  type Shape,
  type Tensor,
} from "../tensor/index.ts";
import { reshape } from "./reshape.ts";
import { sumTo } from "./sum-to.ts";
import { sum } from "./reduce.ts";

interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function matrixDims(x: Tensor, transposed: boolean): [Shape[number], Shape[number]] {
  const [rows, columns] = [x.shape[x.rank - 2], x.shape[x.rank - 1]];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Rank 2 lowers to `Gemm`, which transposes for free; higher ranks to a batched `MatMul`. */
const matmulOp = defineOp<readonly [Tensor, Tensor], MatmulAttributes>({
  name: "matmul",
  infer([a, b], { transposeA, transposeB }) {
    if (a.rank < 2 || b.rank < 2)
      throw new ShapeError("matmul: both operands need at least two axes", { a: a.shape, b: b.shape });
    if (a.dtype !== "float32" || b.dtype !== "float32")
      throw new ShapeError("matmul: both operands must be float32", { a: a.dtype, b: b.dtype });
    const [rows, inner] = matrixDims(a, transposeA);
    const [innerB, columns] = matrixDims(b, transposeB);
    if (inner !== innerB)
      throw new ShapeError("matmul: columns of a must equal rows of b", { a: a.shape, b: b.shape });
    const lead = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
    return { dtype: a.dtype, shape: [...lead, rows, columns] };
  },
  // y = op(a)·op(b): the gradient of a transposed operand is the transposed gradient.
  vjp([a, b], _, g, { transposeA, transposeB }) {
    const da = transposeA ? product(b, g, transposeB, true) : product(g, b, false, !transposeB);
    const db = transposeB ? product(g, a, true, transposeA) : product(a, g, !transposeA, false);
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
  flops: ([a], y, { transposeA }) => [dimProduct([2, matrixDims(a, transposeA)[1], ...y.shape])],
  lower(onnx, [a, b], { transposeA, transposeB }, y) {
    if (y.rank === 2)
      return onnx.node("Gemm", [a, b], { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 });
    const turn = (name: string, x: Tensor): string =>
      onnx.node("Transpose", [name], {
        perm: [...x.shape.keys()].map((axis) => (axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis)),
      });
    return onnx.node("MatMul", [
      transposeA ? turn(a, y.inputs[0]) : a,
      transposeB ? turn(b, y.inputs[1]) : b,
    ]);
  },
});

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return apply(matmulOp, [a, b], { transposeA, transposeB });
}

export interface MatmulOptions {
  /** Use `aᵀ` (its last two axes swapped). @default false */
  readonly transposeA?: boolean;
  /** Use `bᵀ`. @default false */
  readonly transposeB?: boolean;
}

/**
 * Matrix product `a·b`.
 *
 * @param a `[..., rows, inner]`
 * @param b `[..., inner, columns]`, or `[inner, columns]` shared by every matrix of `a`
 * @returns `[..., rows, columns]`; leading axes broadcast
 * @throws ShapeError when the inner dimensions differ; it carries both shapes
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Tensor {
  if (a.rank > 2 && b.rank === 2 && !transposeA) {
    // One large product instead of many small ones.
    const rows = reshape(a, [dimProduct(a.shape.slice(0, -1)), a.shape[a.rank - 1]]);
    const y = product(rows, b, false, transposeB);
    return reshape(y, [...a.shape.slice(0, -1), y.shape[1]]);
  }
  return product(a, b, transposeA, transposeB);
}

/** `x·W + b` as one `Gemm`. */
const affineOp = defineOp<readonly [Tensor, Tensor, Tensor]>({
  name: "affine",
  infer([x, weight, bias]) {
    if (x.rank !== 2 || weight.rank !== 2 || bias.rank !== 1) {
      throw new ShapeError("affine: x and the weight need two axes, the bias one", {
        x: x.shape,
        weight: weight.shape,
        bias: bias.shape,
      });
    }
    if (x.shape[1] !== weight.shape[0] || weight.shape[1] !== bias.shape[0]) {
      throw new ShapeError("affine: columns of x must equal rows of the weight, and its columns the bias", {
        x: x.shape,
        weight: weight.shape,
        bias: bias.shape,
      });
    }
    return { dtype: x.dtype, shape: [x.shape[0], weight.shape[1]] };
  },
  vjp: ([x, weight], _, g) => [
    product(g, weight, false, true),
    product(x, g, true, false),
    sum(g, { axis: 0 }),
  ],
  flops: ([x], y) => [dimProduct([2, x.shape[1], ...y.shape]), ...perElement(y)],
  lower: (onnx, inputs) => onnx.node("Gemm", inputs),
});

/**
 * `x·W + b` over the last axis.
 *
 * @param x `[..., in]`
 * @param weight `[in, out]`
 * @param bias `[out]`
 * @returns `[..., out]`
 */
export function affine(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  if (x.rank === 2) return apply(affineOp, [x, weight, bias]);
  const rows = reshape(x, [dimProduct(x.shape.slice(0, -1)), x.shape[x.rank - 1]]);
  return reshape(apply(affineOp, [rows, weight, bias]), [...x.shape.slice(0, -1), weight.shape[1]]);
}
