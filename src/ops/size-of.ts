import { apply, type Dim, defineOp, type Tensor } from "../tensor/index.ts";

const sizeOfOp = defineOp<readonly [], { readonly dim: Dim }>({
  name: "sizeOf",
  infer: () => ({ dtype: "float32", shape: [] }),
  vjp: () => [],
  lower: (onnx, _, { dim }) => {
    const size = onnx.node("Cast", [onnx.sizes([dim])], { to: 1 });
    return onnx.node("Reshape", [size, onnx.ints([])]);
  },
});

/** The size of a named dimension at run time, as a float32 of rank 0. */
export function sizeOf(dim: Dim): Tensor {
  return apply(sizeOfOp, [], { dim });
}
