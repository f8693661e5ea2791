import { apply, defineOp, normalizeAxis, perElement, type Tensor } from "../tensor/index.ts";

const cumsumOp = defineOp<readonly [Tensor], { readonly axis: number; readonly reverse: boolean }>({
  name: "cumsum",
  infer: ([x]) => x,
  vjp: (_, __, g, { axis, reverse }) => [cumsum(g, { axis, reverse: !reverse })],
  flops: (_, y) => perElement(y),
  lower: (onnx, [x], { axis, reverse }) =>
    onnx.node("CumSum", [x, onnx.scalar(axis, "int64")], { reverse: reverse ? 1 : 0 }),
});

/** Running sum along an axis, the element itself included; `reverse` sums from the end. */
export function cumsum(
  x: Tensor,
  { axis = -1, reverse = false }: { axis?: number; reverse?: boolean } = {},
): Tensor {
  return apply(cumsumOp, [x], { axis: normalizeAxis("cumsum", axis, x.rank), reverse });
}
