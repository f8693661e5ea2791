/** Leaves of a graph: inputs fed at each run, and constants. */
import { apply, type DType, defineOp, type Tensor } from "./tensor.ts";
import type { Shape } from "./shape.ts";

export interface InputAttributes {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A value that whoever runs the graph supplies, under `name`. */
export const inputOp = defineOp<readonly [], InputAttributes>({
  name: "input",
  infer: (_, { dtype, shape }) => ({ dtype, shape }),
  vjp: () => [],
  lower: (onnx, _, __, y) => onnx.leaf(y),
});

export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return apply(inputOp, [], { name, dtype, shape });
}

interface ConstantAttributes {
  readonly data: readonly number[] | Float32Array | Int32Array | Uint32Array;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const constantOp = defineOp<readonly [], ConstantAttributes>({
  name: "constant",
  infer: (_, { dtype, shape }) => ({ dtype, shape }),
  vjp: () => [],
  lower: (onnx, _, { data, dtype, shape }) =>
    shape.length === 0 ? onnx.scalar(data[0], dtype) : onnx.array(data, dtype, shape),
});

/** A constant: a number makes rank 0, an array rank 1 unless `shape` says otherwise. */
export function constant(
  value: number | readonly number[] | Float32Array | Int32Array | Uint32Array,
  { dtype = "float32", shape }: { dtype?: DType; shape?: readonly number[] } = {},
): Tensor {
  const data = typeof value === "number" ? [value] : value;
  return apply(constantOp, [], {
    data,
    dtype,
    shape: shape ?? (typeof value === "number" ? [] : [data.length]),
  });
}

/** The number of a rank-0 constant, or undefined for any other tensor. */
export function constantValue(tensor: Tensor): number | undefined {
  if (tensor.op !== constantOp || tensor.rank !== 0) return undefined;
  return (tensor.attributes as ConstantAttributes).data[0];
}
