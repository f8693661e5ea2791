import { ShapeError } from "../core/index.ts";
import { apply, defineOp, normalizeAxis, type Tensor } from "../tensor/index.ts";

const transposeOp = defineOp<readonly [Tensor], { readonly order: readonly number[] }>({
  name: "transpose",
  infer: ([x], { order }) => ({ dtype: x.dtype, shape: order.map((axis) => x.shape[axis]) }),
  vjp: (_, __, g, { order }) => [
    transpose(
      g,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ],
  lower: (onnx, [x], { order }) => onnx.node("Transpose", [x], { perm: order }),
});

/** Axes in another order: axis `i` of the result is axis `order[i]` of `x`. @default reversed */
export function transpose(x: Tensor, order: readonly number[] = [...x.shape.keys()].reverse()): Tensor {
  const axes = order.map((axis) => normalizeAxis("transpose", axis, x.rank));
  if (axes.length !== x.rank || new Set(axes).size !== x.rank) {
    throw new ShapeError("transpose: the order must name every axis once", { order, shape: x.shape });
  }
  return axes.every((axis, i) => axis === i) ? x : apply(transposeOp, [x], { order: axes });
}

/** Exchanges two axes. */
export function swapAxes(x: Tensor, a: number, b: number): Tensor {
  const [i, j] = [normalizeAxis("swapAxes", a, x.rank), normalizeAxis("swapAxes", b, x.rank)];
  return transpose(
    x,
    [...x.shape.keys()].map((axis) => (axis === i ? j : axis === j ? i : axis)),
  );
}
