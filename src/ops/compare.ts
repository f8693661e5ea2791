/** Comparisons, logic and selection. Comparisons give bool and carry no gradient. */
import { ShapeError } from "../core/index.ts";
import { apply, broadcastShapes, defineOp, type OpDefinition, type Tensor } from "../tensor/index.ts";
import { type Operand, mul, operands } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { sumTo } from "./sum-to.ts";

function comparison(name: string, onnxName: string): OpDefinition<readonly [Tensor, Tensor], undefined> {
  return defineOp<readonly [Tensor, Tensor]>({
    name,
    infer: ([a, b]) => ({ dtype: "bool", shape: broadcastShapes(name, a.shape, b.shape) }),
    vjp: () => [null, null],
    lower: (onnx, inputs) => onnx.node(onnxName, inputs),
  });
}

const equalOp = comparison("equal", "Equal");
const lessOp = comparison("less", "Less");
const greaterOp = comparison("greater", "Greater");
const andOp = comparison("and", "And");
const orOp = comparison("or", "Or");

function checkBool(operation: string, ...tensors: readonly Tensor[]): void {
  for (const { dtype } of tensors)
    if (dtype !== "bool") throw new ShapeError(`${operation}: takes bool`, { received: dtype });
}

const notOp = defineOp<readonly [Tensor]>({
  name: "not",
  infer([x]) {
    checkBool("not", x);
    return x;
  },
  vjp: () => [null],
  lower: (onnx, [x]) => onnx.node("Not", [x]),
});

export function equal(a: Operand, b: Operand): Tensor {
  return apply(equalOp, operands("equal", a, b));
}

/** `a < b`. */
export function less(a: Operand, b: Operand): Tensor {
  return apply(lessOp, operands("less", a, b));
}

/** `a > b`. */
export function greater(a: Operand, b: Operand): Tensor {
  return apply(greaterOp, operands("greater", a, b));
}

export function and(a: Tensor, b: Tensor): Tensor {
  checkBool("and", a, b);
  return apply(andOp, [a, b]);
}

export function or(a: Tensor, b: Tensor): Tensor {
  checkBool("or", a, b);
  return apply(orOp, [a, b]);
}

export function not(x: Tensor): Tensor {
  return apply(notOp, [x]);
}

const whereOp = defineOp<readonly [Tensor, Tensor, Tensor]>({
  name: "where",
  infer([condition, a, b]) {
    if (condition.dtype !== "bool")
      throw new ShapeError("where: the condition must be bool", { condition: condition.dtype });
    const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", a.shape, b.shape));
    return { dtype: a.dtype, shape };
  },
  vjp: ([condition, a, b], _, g) => {
    const taken = cast(condition, "float32");
    const other = cast(not(condition), "float32");
    return [null, sumTo(mul(g, taken), a.shape), sumTo(mul(g, other), b.shape)];
  },
  lower: (onnx, inputs) => onnx.node("Where", inputs),
});

/** `a` where the condition holds, else `b`. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = operands("where", a, b);
  return apply(whereOp, [condition, x, y]);
}

/** The larger of two, element by element; at ties the gradient goes to `a`. */
export function maximum(a: Operand, b: Operand): Tensor {
  const [x, y] = operands("maximum", a, b);
  return where(less(x, y), y, x);
}

/** The smaller of two, element by element; at ties the gradient goes to `a`. */
export function minimum(a: Operand, b: Operand): Tensor {
  const [x, y] = operands("minimum", a, b);
  return where(greater(x, y), y, x);
}

/** `x` held between two numbers; no gradient outside. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}
