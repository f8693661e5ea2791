/** Element-wise arithmetic of two tensors, broadcast as NumPy does. */
import { ShapeError } from "../core/index.ts";
import {
  apply,
  broadcastShapes,
  constant,
  defineOp,
  type OpDefinition,
  perElement,
  Tensor,
} from "../tensor/index.ts";
import { sumTo } from "./sum-to.ts";

/** A tensor, or a number that becomes a constant of the other operand's dtype. */
export type Operand = Tensor | number;
type Binary = OpDefinition<readonly [Tensor, Tensor], undefined>;

/** Both operands as tensors of one dtype. */
export function operands(operation: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : "float32";
  const x = a instanceof Tensor ? a : constant(a, { dtype });
  const y = b instanceof Tensor ? b : constant(b, { dtype });
  if (x.dtype !== y.dtype) throw new ShapeError(`${operation}: dtypes differ`, { a: x.dtype, b: y.dtype });
  return [x, y];
}

function binary(name: string, onnxName: string, vjp: Binary["vjp"]): Binary {
  return defineOp<readonly [Tensor, Tensor]>({
    name,
    infer: ([a, b]) => ({ dtype: a.dtype, shape: broadcastShapes(name, a.shape, b.shape) }),
    vjp,
    flops: (_, y) => perElement(y),
    lower: (onnx, inputs) => onnx.node(onnxName, inputs),
  });
}

const addOp = binary("add", "Add", ([a, b], _, g) => [sumTo(g, a.shape), sumTo(g, b.shape)]);
const subOp = binary("sub", "Sub", ([a, b], _, g) => [sumTo(g, a.shape), neg(sumTo(g, b.shape))]);
const mulOp = binary("mul", "Mul", ([a, b], _, g) => [sumTo(mul(g, b), a.shape), sumTo(mul(g, a), b.shape)]);
const divOp = binary("div", "Div", ([a, b], y, g) => {
  const scaled = div(g, b);
  return [sumTo(scaled, a.shape), neg(sumTo(mul(scaled, y), b.shape))];
});

const negOp = defineOp<readonly [Tensor]>({
  name: "neg",
  infer: ([x]) => x,
  vjp: (_, __, g) => [neg(g)],
  flops: (_, y) => perElement(y),
  lower: (onnx, [x]) => onnx.node("Neg", [x]),
});

/** `a + b`. */
export function add(a: Operand, b: Operand): Tensor {
  return apply(addOp, operands("add", a, b));
}

/** `a - b`. */
export function sub(a: Operand, b: Operand): Tensor {
  return apply(subOp, operands("sub", a, b));
}

/** `a · b`, element by element. */
export function mul(a: Operand, b: Operand): Tensor {
  return apply(mulOp, operands("mul", a, b));
}

/** `a / b`, element by element. */
export function div(a: Operand, b: Operand): Tensor {
  return apply(divOp, operands("div", a, b));
}

/** `-x`. */
export function neg(x: Tensor): Tensor {
  return apply(negOp, [x]);
}

/** `x²`. */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** The sum of tensors of one shape, from the left. */
export function addAll(tensors: readonly Tensor[]): Tensor {
  return tensors.reduce((sum, tensor) => add(sum, tensor));
}
