/** Element-wise functions of one tensor. */
import { ShapeError } from "../core/index.ts";
import { apply, constant, defineOp, type OpDefinition, perElement, type Tensor } from "../tensor/index.ts";
import { add, div, mul, neg, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { greater } from "./compare.ts";

type Unary = OpDefinition<readonly [Tensor], undefined>;

function unary(
  name: string,
  onnxName: string,
  derivative?: (x: Tensor, y: Tensor, g: Tensor) => Tensor,
): Unary {
  return defineOp<readonly [Tensor]>({
    name,
    infer([x]) {
      if (x.dtype !== "float32") throw new ShapeError(`${name}: takes float32`, { received: x.dtype });
      return x;
    },
    vjp: ([x], y, g) => [derivative === undefined ? null : derivative(x, y, g)],
    flops: (_, y) => perElement(y),
    lower: (onnx, [x]) => onnx.node(onnxName, [x]),
  });
}

const expOp = unary("exp", "Exp", (_, y, g) => mul(g, y));
const logOp = unary("log", "Log", (x, _, g) => div(g, x));
const sqrtOp = unary("sqrt", "Sqrt", (_, y, g) => div(g, mul(y, 2)));
const tanhOp = unary("tanh", "Tanh", (_, y, g) => mul(g, sub(1, mul(y, y))));
const sigmoidOp = unary("sigmoid", "Sigmoid", (_, y, g) => mul(g, mul(y, sub(1, y))));
// Written with the output, so that the input need not outlive the forward pass and may be fused away.
const reluOp = unary("relu", "Relu", (_, y, g) => mul(g, stepOf(y)));
const softplusOp = unary("softplus", "Softplus", (x, _, g) => mul(g, sigmoid(x)));
const absOp = unary("abs", "Abs", (x, _, g) => mul(g, sign(x)));
const erfOp = unary("erf", "Erf", (x, _, g) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))));
const sinOp = unary("sin", "Sin", (x, _, g) => mul(g, cos(x)));
const cosOp = unary("cos", "Cos", (x, _, g) => neg(mul(g, sin(x))));
const signOp = unary("sign", "Sign");
const floorOp = unary("floor", "Floor");

/** `eˣ`. */
export function exp(x: Tensor): Tensor {
  return apply(expOp, [x]);
}

/** The natural logarithm. */
export function log(x: Tensor): Tensor {
  return apply(logOp, [x]);
}

export function sqrt(x: Tensor): Tensor {
  return apply(sqrtOp, [x]);
}

export function tanh(x: Tensor): Tensor {
  return apply(tanhOp, [x]);
}

/** `1 / (1 + e⁻ˣ)`. */
export function sigmoid(x: Tensor): Tensor {
  return apply(sigmoidOp, [x]);
}

/** `max(x, 0)`; the derivative at 0 is 0. */
export function relu(x: Tensor): Tensor {
  return apply(reluOp, [x]);
}

/** `log(1 + eˣ)`. */
export function softplus(x: Tensor): Tensor {
  return apply(softplusOp, [x]);
}

/** `|x|`; the derivative at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return apply(absOp, [x]);
}

/** The error function. */
export function erf(x: Tensor): Tensor {
  return apply(erfOp, [x]);
}

export function sin(x: Tensor): Tensor {
  return apply(sinOp, [x]);
}

export function cos(x: Tensor): Tensor {
  return apply(cosOp, [x]);
}

/** -1, 0 or 1; no gradient. */
export function sign(x: Tensor): Tensor {
  return apply(signOp, [x]);
}

/** The largest whole number not above `x`; no gradient. */
export function floor(x: Tensor): Tensor {
  return apply(floorOp, [x]);
}

/** 1 where `x > 0`, else 0, in float32; no gradient. */
export function stepOf(x: Tensor): Tensor {
  return cast(greater(x, constant(0)), "float32");
}

/** `x·Φ(x)` with the exact normal distribution function. */
export function gelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

/** `x·sigmoid(x)`. */
export function silu(x: Tensor): Tensor {
  return mul(x, sigmoid(x));
}

/** `x` where positive, else `slope·x`; the slope may be a trained tensor. */
export function leakyRelu(x: Tensor, slope: Tensor | number): Tensor {
  return sub(relu(x), mul(relu(neg(x)), slope));
}
