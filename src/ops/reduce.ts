/** Reductions over axes: sum, mean, max, min, log-sum-exp. */
import {
  apply,
  type Dim,
  defineOp,
  dimProduct,
  normalizeAxis,
  perElement,
  type Shape,
  type Tensor,
} from "../tensor/index.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { equal } from "./compare.ts";
import { exp, log } from "./elementwise.ts";
import { broadcastTo, reshape } from "./reshape.ts";
import { sizeOf } from "./size-of.ts";
import { stopGradient } from "./stop-gradient.ts";

export interface ReduceOptions {
  /** Axes to reduce, negative from the back. @default all */
  readonly axes?: readonly number[];
  readonly axis?: number;
  /** Keep reduced axes with size 1. @default false */
  readonly keepDims?: boolean;
}

interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function attributesOf(name: string, x: Tensor, options: ReduceOptions): ReduceAttributes {
  const given =
    options.axes ?? (options.axis === undefined ? x.shape.map((_, axis) => axis) : [options.axis]);
  const axes = given.map((axis) => normalizeAxis(name, axis, x.rank)).sort((a, b) => a - b);
  return { axes, keepDims: options.keepDims ?? false };
}

function reducedShape(x: Shape, { axes, keepDims }: ReduceAttributes): Shape {
  return x.flatMap((dim, axis): Dim[] => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** A reduced tensor with its axes put back as 1, so that it broadcasts against the input. */
function restore(reduced: Tensor, x: Tensor, { axes }: ReduceAttributes): Tensor {
  return reshape(reduced, reducedShape(x.shape, { axes, keepDims: true }));
}

const sumOp = defineOp<readonly [Tensor], ReduceAttributes>({
  name: "sum",
  infer: ([x], attributes) => ({ dtype: x.dtype, shape: reducedShape(x.shape, attributes) }),
  vjp: ([x], _, g, attributes) => [broadcastTo(restore(g, x, attributes), x.shape)],
  flops: ([x]) => perElement(x),
  lower: (onnx, [x], { axes, keepDims }) =>
    axes.length === 0
      ? onnx.node("Identity", [x])
      : onnx.node("ReduceSum", [x, onnx.ints(axes)], { keepdims: keepDims ? 1 : 0 }),
});

/** Max and min send the gradient to the extreme elements, shared equally among ties. */
function extreme(name: string, onnxName: string) {
  return defineOp<readonly [Tensor], ReduceAttributes>({
    name,
    infer: ([x], attributes) => ({ dtype: x.dtype, shape: reducedShape(x.shape, attributes) }),
    vjp: ([x], y, g, attributes) => {
      const hit = cast(equal(x, restore(y, x, attributes)), x.dtype);
      const ties = sum(hit, { axes: attributes.axes, keepDims: true });
      return [mul(stopGradient(div(hit, ties)), restore(g, x, attributes))];
    },
    flops: ([x]) => perElement(x),
    lower: (onnx, [x], { axes, keepDims }) =>
      // An empty list would mean all axes to ONNX.
      axes.length === 0
        ? onnx.node("Identity", [x])
        : onnx.node(onnxName, [x, onnx.ints(axes)], { keepdims: keepDims ? 1 : 0 }),
  });
}

const maxOp = extreme("max", "ReduceMax");
const minOp = extreme("min", "ReduceMin");

/** The sum over axes. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply(sumOp, [x], attributesOf("sum", x, options));
}

/** The mean over axes; over a named dimension the divisor is its size at run time. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const { axes } = attributesOf("mean", x, options);
  const count = dimProduct(axes.map((axis) => x.shape[axis]));
  return div(sum(x, options), typeof count === "number" ? count : sizeOf(count));
}

/** The largest element over axes. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply(maxOp, [x], attributesOf("max", x, options));
}

/** The smallest element over axes. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply(minOp, [x], attributesOf("min", x, options));
}

/** `log Σ exp(x)` over one axis, shifted by the maximum so that it does not overflow. */
export function logSumExp(
  x: Tensor,
  { axis = -1, keepDims = false }: { axis?: number; keepDims?: boolean } = {},
): Tensor {
  const shift = stopGradient(max(x, { axis, keepDims: true }));
  const shifted = log(sum(exp(sub(x, shift)), { axis, keepDims: true }));
  const kept = add(shifted, shift);
  if (keepDims) return kept;
  const at = normalizeAxis("logSumExp", axis, x.rank);
  return reshape(
    kept,
    x.shape.filter((_, i) => i !== at),
  );
}
