/** Softmax and its logarithm over one axis. */
import { apply, defineOp, normalizeAxis, perElement, type Tensor } from "../tensor/index.ts";
import { mul, sub } from "./arithmetic.ts";
import { exp } from "./elementwise.ts";
import { sum } from "./reduce.ts";

interface AxisAttribute {
  readonly axis: number;
}

const softmaxOp = defineOp<readonly [Tensor], AxisAttribute>({
  name: "softmax",
  infer: ([x]) => x,
  vjp: (_, y, g, { axis }) => [mul(y, sub(g, sum(mul(g, y), { axis, keepDims: true })))],
  // Maximum, difference, exponential, sum, quotient.
  flops: (_, y) => perElement(y, 5),
  lower: (onnx, [x], { axis }) => onnx.node("Softmax", [x], { axis }),
});

const logSoftmaxOp = defineOp<readonly [Tensor], AxisAttribute>({
  name: "logSoftmax",
  infer: ([x]) => x,
  vjp: (_, y, g, { axis }) => [sub(g, mul(exp(y), sum(g, { axis, keepDims: true })))],
  flops: (_, y) => perElement(y, 5),
  lower: (onnx, [x], { axis }) => onnx.node("LogSoftmax", [x], { axis }),
});

/** `eˣ / Σ eˣ` over one axis. */
export function softmax(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  return apply(softmaxOp, [x], { axis: normalizeAxis("softmax", axis, x.rank) });
}

/** `x - log Σ eˣ` over one axis. */
export function logSoftmax(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  return apply(logSoftmaxOp, [x], { axis: normalizeAxis("logSoftmax", axis, x.rank) });
}
