import { cast, expandDims, less } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

/** From lengths, int32 `[batch]`, to 1 for entries and 0 for padding, float32 `[batch, maxLength]`. */
export function listMask(lengths: Tensor, maxLength: number): Tensor {
  const positions = constant(
    Int32Array.from({ length: maxLength }, (_, i) => i),
    { dtype: "int32" },
  );
  return cast(less(positions, expandDims(lengths, -1)), "float32");
}
