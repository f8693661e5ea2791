/** Views: reshape, broadcast, squeeze, expand dims, flatten. */
import { ShapeError } from "../core/index.ts";
import {
  apply,
  broadcastShapes,
  type Dim,
  defineOp,
  dimProduct,
  dimQuotient,
  normalizeAxis,
  type Shape,
  sameShape,
  type Tensor,
} from "../tensor/index.ts";
import { sumTo } from "./sum-to.ts";

const reshapeOp = defineOp<readonly [Tensor], { readonly shape: Shape }>({
  name: "reshape",
  infer([x], { shape }) {
    if (dimProduct(x.shape) !== dimProduct(shape)) {
      throw new ShapeError("reshape: the number of elements must stay the same", {
        from: x.shape,
        to: shape,
      });
    }
    return { dtype: x.dtype, shape };
  },
  vjp: ([x], _, g) => [reshape(g, x.shape)],
  lower(onnx, [x], { shape }, y) {
    const named = shape.filter((dim) => typeof dim === "string").length;
    // ONNX infers one dimension; a zero-sized tensor would make that ambiguous, so sizes are asked for.
    if (named === 0)
      return onnx.node("Reshape", [x, onnx.ints(shape as number[])], {
        allowzero: shape.includes(0) ? 1 : 0,
      });
    if (named === 1 && !shape.includes(0)) {
      return onnx.node("Reshape", [x, onnx.ints(shape.map((dim) => (typeof dim === "string" ? -1 : dim)))]);
    }
    return onnx.node("Reshape", [x, onnx.sizes(y.shape)], { allowzero: 1 });
  },
});

/** The same elements in row-major order under another shape; one entry may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = resolveInferred(x, shape);
  return sameShape(x.shape, target) ? x : apply(reshapeOp, [x], { shape: target });
}

function resolveInferred(x: Tensor, shape: Shape): Shape {
  const at = shape.indexOf(-1);
  if (at < 0) return shape;
  const rest = dimQuotient(dimProduct(x.shape), dimProduct(shape.filter((_, axis) => axis !== at)));
  if (rest === undefined)
    throw new ShapeError("reshape: cannot infer the dimension -1", { from: x.shape, to: shape });
  return shape.map((dim, axis) => (axis === at ? rest : dim));
}

const broadcastToOp = defineOp<readonly [Tensor], { readonly shape: Shape }>({
  name: "broadcastTo",
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes("broadcastTo", x.shape, shape), shape)) {
      throw new ShapeError("broadcastTo: the shape cannot be reached", { from: x.shape, to: shape });
    }
    return { dtype: x.dtype, shape };
  },
  vjp: ([x], _, g) => [sumTo(g, x.shape)],
  lower: (onnx, [x], { shape }) => onnx.node("Expand", [x, onnx.sizes(shape)]),
});

/** Repeats size-1 and leading axes until the shape is reached. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(broadcastToOp, [x], { shape });
}

/** Removes one axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis("squeeze", axis, x.rank);
  if (x.shape[at] !== 1) throw new ShapeError("squeeze: the axis must have size 1", { shape: x.shape, axis });
  return reshape(
    x,
    x.shape.filter((_, i) => i !== at),
  );
}

/** Inserts an axis of size 1 before `axis` (negative: counted in the result). */
export function expandDims(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis("expandDims", axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Merges the axes from `from` on into one. */
export function flatten(x: Tensor, { from = 1 }: { from?: number } = {}): Tensor {
  const merged: Dim = dimProduct(x.shape.slice(from));
  return reshape(x, [...x.shape.slice(0, from), merged]);
}
