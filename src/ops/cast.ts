import { apply, type DType, defineOp, type Tensor } from "../tensor/index.ts";

/** ONNX `TensorProto.DataType` numbers. */
const onnxType: Record<DType, number> = { float32: 1, int32: 6, int64: 7, bool: 9, uint32: 12 };

const castOp = defineOp<readonly [Tensor], { readonly to: DType }>({
  name: "cast",
  infer: ([x], { to }) => ({ dtype: to, shape: x.shape }),
  vjp: ([x], _, g) => [x.dtype === "float32" ? cast(g, "float32") : null],
  lower: (onnx, [x], { to }) => onnx.node("Cast", [x], { to: onnxType[to] }),
});

/** The same values in another dtype; floats are cut towards zero for integers, bool gives 0 and 1. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : apply(castOp, [x], { to });
}
