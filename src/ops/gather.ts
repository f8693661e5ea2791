/** Reading by index: rows of a table, and one element along an axis for each position. */
import { ShapeError } from "../core/index.ts";
import {
  apply,
  constant,
  defineOp,
  normalizeAxis,
  perElement,
  sameShape,
  type Tensor,
} from "../tensor/index.ts";
import { expandDims, reshape, broadcastTo } from "./reshape.ts";

interface AxisAttribute {
  readonly axis: number;
}

function checkIndex(operation: string, index: Tensor): void {
  if (index.dtype !== "int32" && index.dtype !== "int64") {
    throw new ShapeError(`${operation}: the index must be int32 or int64`, { index: index.dtype });
  }
}

const takeAlongOp = defineOp<readonly [Tensor, Tensor], AxisAttribute>({
  name: "takeAlong",
  infer([x, index], { axis }) {
    checkIndex("takeAlong", index);
    const fits = x.rank === index.rank && x.shape.every((dim, i) => i === axis || dim === index.shape[i]);
    if (!fits)
      throw new ShapeError("takeAlong: shapes must agree off the axis", {
        x: x.shape,
        index: index.shape,
        axis,
      });
    return { dtype: x.dtype, shape: index.shape };
  },
  vjp: ([x, index], _, g, { axis }) => [addAlong(zeros(x), index, g, { axis }), null],
  lower: (onnx, [x, index], { axis }) => onnx.node("GatherElements", [x, index], { axis }),
});

/** `y[.., i, ..] = x[.., index[.., i, ..], ..]` along one axis; `index` int32 or int64, shaped as the result. */
export function takeAlong(x: Tensor, index: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  return apply(takeAlongOp, [x, index], { axis: normalizeAxis("takeAlong", axis, x.rank) });
}

const addAlongOp = defineOp<readonly [Tensor, Tensor, Tensor], AxisAttribute>({
  name: "addAlong",
  infer([x, index, updates], { axis }) {
    checkIndex("addAlong", index);
    if (x.rank !== index.rank || x.dtype !== updates.dtype) {
      throw new ShapeError("addAlong: x and updates must have one rank and dtype", {
        x: x.shape,
        updates: updates.shape,
        xDtype: x.dtype,
        updatesDtype: updates.dtype,
        axis,
      });
    }
    if (!sameShape(index.shape, updates.shape)) {
      throw new ShapeError("addAlong: index and updates must have one shape", {
        index: index.shape,
        updates: updates.shape,
      });
    }
    return { dtype: x.dtype, shape: x.shape };
  },
  vjp: ([, index], _, g, { axis }) => [g, null, takeAlong(g, index, { axis })],
  flops: ([, , updates]) => perElement(updates),
  // ScatterElements adds duplicates in order, in one thread: exact and the same every time.
  lower: (onnx, inputs, { axis }) => onnx.node("ScatterElements", inputs, { axis, reduction: "add" }),
});

/** `x` with `updates` added at `index` along one axis; the transpose of `takeAlong`. */
export function addAlong(
  x: Tensor,
  index: Tensor,
  updates: Tensor,
  { axis = -1 }: { axis?: number } = {},
): Tensor {
  return apply(addAlongOp, [x, index, updates], { axis: normalizeAxis("addAlong", axis, x.rank) });
}

const gatherOp = defineOp<readonly [Tensor, Tensor]>({
  name: "gather",
  infer([table, index]) {
    checkIndex("gather", index);
    if (table.rank === 0) throw new ShapeError("gather: the table needs at least one axis");
    return { dtype: table.dtype, shape: [...index.shape, ...table.shape.slice(1)] };
  },
  // The dense gradient of a table. Training never asks for it: look-ups are leaves there.
  vjp([table, index], _, g) {
    const positions = reshape(index, [-1]);
    const rows = reshape(g, [-1, ...table.shape.slice(1)]);
    let spread = positions;
    for (let axis = 1; axis < table.rank; axis++) spread = expandDims(spread, -1);
    return [addAlong(zeros(table), broadcastTo(spread, rows.shape), rows, { axis: 0 }), null];
  },
  lower: (onnx, inputs) => onnx.node("Gather", inputs, { axis: 0 }),
});

/**
 * Rows of a table.
 *
 * @param table `[rows, ...]`
 * @param index int32 or int64 of any shape, entries in 0 … rows-1
 * @returns `[...index, ...]`
 */
export function gather(table: Tensor, index: Tensor): Tensor {
  return apply(gatherOp, [table, index]);
}

/** Zeros shaped like `x`. */
export function zeros(x: Tensor): Tensor {
  return broadcastTo(constant(0, { dtype: x.dtype }), x.shape);
}

const topKOp = defineOp<readonly [Tensor], { readonly k: number }>({
  name: "topKIndices",
  infer: ([x], { k }) => {
    const size = x.shape[x.rank - 1];
    if (!Number.isInteger(k) || k < 0 || (typeof size === "number" && k > size))
      throw new ShapeError("topKIndices: k must not exceed the last axis", { k, shape: x.shape });
    return { dtype: "int64", shape: [...x.shape.slice(0, -1), k] };
  },
  vjp: () => [null],
  lower: (onnx, [x], { k }) =>
    onnx.nodes("TopK", [x, onnx.ints([k])], 2, { axis: -1, largest: 1, sorted: 1 })[1],
});

/** Positions of the `k` largest elements of the last axis, largest first; of ties the first comes first. */
export function topKIndices(x: Tensor, k: number): Tensor {
  return apply(topKOp, [x], { k });
}
