/** Which elements of a mask are set: a tensor whose length is known only when the graph runs. */
import { ShapeError } from "../core/index.ts";
import { apply, defineOp, type Tensor } from "../tensor/index.ts";

const positionsOfOp = defineOp<readonly [Tensor], { readonly dim: string }>({
  name: "positionsOf",
  infer([mask], { dim }) {
    if (mask.rank !== 1 || mask.dtype !== "bool") {
      throw new ShapeError("positionsOf: the mask must be bool of rank 1", {
        shape: mask.shape,
        dtype: mask.dtype,
      });
    }
    return { dtype: "int64", shape: [dim] };
  },
  vjp: () => [null],
  lower(onnx, [mask], { dim }) {
    const positions = onnx.node("Reshape", [onnx.node("NonZero", [mask]), onnx.ints([-1])]);
    onnx.dimension(dim, positions, 0);
    return positions;
  },
});

/**
 * Ascending positions at which a mask is true, for `gather`.
 *
 * @param mask bool `[n]`
 * @param dim name of the result's dimension; masks that differ need names that differ
 * @returns int64 `[dim]`
 */
export function positionsOf(mask: Tensor, dim: string): Tensor {
  return apply(positionsOfOp, [mask], { dim: dim.replaceAll("*", "·") });
}
