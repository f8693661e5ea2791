/** Arithmetic on uint32 words, for random bits that are a function of counters; no gradients. */
import { apply, broadcastShapes, type Dim, defineOp, type Tensor } from "../tensor/index.ts";

const xorOp = defineOp<readonly [Tensor, Tensor]>({
  name: "bitXor",
  infer: ([a, b]) => ({ dtype: "uint32", shape: broadcastShapes("bitXor", a.shape, b.shape) }),
  vjp: () => [null, null],
  lower: (onnx, inputs) => onnx.node("BitwiseXor", inputs),
});

/** `a ^ b`, broadcast. */
export function bitXor(a: Tensor, b: Tensor): Tensor {
  return apply(xorOp, [a, b]);
}

const shiftRightOp = defineOp<readonly [Tensor], { readonly bits: number }>({
  name: "shiftRight",
  infer: ([x]) => x,
  vjp: () => [null],
  lower: (onnx, [x], { bits }) =>
    onnx.node("BitShift", [x, onnx.scalar(bits, "uint32")], { direction: "RIGHT" }),
});

/** `x >>> bits`. */
export function shiftRight(x: Tensor, bits: number): Tensor {
  return apply(shiftRightOp, [x], { bits });
}

const iotaOp = defineOp<readonly [], { readonly dim: Dim }>({
  name: "iota",
  infer: (_, { dim }) => ({ dtype: "int64", shape: [dim] }),
  vjp: () => [],
  lower: (onnx, _, { dim }) => {
    const size = onnx.node("Reshape", [onnx.sizes([dim]), onnx.ints([])]);
    return onnx.node("Range", [onnx.scalar(0, "int64"), size, onnx.scalar(1, "int64")]);
  },
});

/** 0, 1, … as int64 `[dim]`. */
export function iota(dim: Dim): Tensor {
  return apply(iotaOp, [], { dim });
}
