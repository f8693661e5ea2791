/** Joining and cutting along an axis: concat, stack, slice, split, pad. */
import { ShapeError } from "../core/index.ts";
import { apply, defineOp, normalizeAxis, type Tensor } from "../tensor/index.ts";
import { expandDims } from "./reshape.ts";

const concatOp = defineOp<readonly Tensor[], { readonly axis: number }>({
  name: "concat",
  infer(inputs, { axis }) {
    let total = 0;
    for (const x of inputs) {
      const size = x.shape[axis];
      const fits =
        x.rank === inputs[0].rank && x.shape.every((dim, i) => i === axis || dim === inputs[0].shape[i]);
      if (!fits || typeof size !== "number" || x.dtype !== inputs[0].dtype) {
        throw new ShapeError("concat: shapes must agree off the axis, which must have known sizes", {
          axis,
          first: inputs[0].shape,
          other: x.shape,
        });
      }
      total += size;
    }
    return { dtype: inputs[0].dtype, shape: inputs[0].shape.map((dim, i) => (i === axis ? total : dim)) };
  },
  vjp(inputs, _, g, { axis }) {
    let start = 0;
    return inputs.map((x) => {
      const end = start + (x.shape[axis] as number);
      const part = slice(g, { axis, start, end });
      start = end;
      return part;
    });
  },
  lower: (onnx, inputs, { axis }) => onnx.node("Concat", inputs, { axis }),
});

/** Tensors side by side along one axis. */
export function concat(tensors: readonly Tensor[], { axis = -1 }: { axis?: number } = {}): Tensor {
  if (tensors.length === 0) throw new ShapeError("concat: needs at least one tensor");
  if (tensors.length === 1) return tensors[0];
  return apply(concatOp, tensors, { axis: normalizeAxis("concat", axis, tensors[0].rank) });
}

/** Tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], { axis = 0 }: { axis?: number } = {}): Tensor {
  return concat(
    tensors.map((x) => expandDims(x, axis)),
    { axis },
  );
}

interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

const sliceOp = defineOp<readonly [Tensor], SliceAttributes>({
  name: "slice",
  infer([x], { axis, start, end }) {
    const size = x.shape[axis];
    if (typeof size !== "number" || start < 0 || end > size || start > end) {
      throw new ShapeError("slice: the range must lie inside the axis", { shape: x.shape, axis, start, end });
    }
    return { dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? end - start : dim)) };
  },
  vjp: ([x], _, g, { axis, start, end }) => [
    pad(g, { axis, before: start, after: (x.shape[axis] as number) - end }),
  ],
  lower: (onnx, [x], { axis, start, end }) =>
    onnx.node("Slice", [x, onnx.ints([start]), onnx.ints([end]), onnx.ints([axis])]),
});

/** Elements `start` (inclusive) to `end` (exclusive) of one axis. */
export function slice(
  x: Tensor,
  { axis = -1, start = 0, end }: { axis?: number; start?: number; end?: number },
): Tensor {
  const at = normalizeAxis("slice", axis, x.rank);
  const size = x.shape[at];
  const stop = end ?? (size as number);
  if (start === 0 && stop === size) return x;
  return apply(sliceOp, [x], { axis: at, start, end: stop });
}

/** Cuts an axis into parts of the given sizes. */
export function split(x: Tensor, sizes: readonly number[], { axis = -1 }: { axis?: number } = {}): Tensor[] {
  const size = x.shape[normalizeAxis("split", axis, x.rank)];
  if (sizes.reduce((sum, part) => sum + part, 0) !== size) {
    throw new ShapeError("split: the sizes must add up to the axis", { shape: x.shape, axis, sizes });
  }
  let start = 0;
  return sizes.map((size) => {
    const part = slice(x, { axis, start, end: start + size });
    start += size;
    return part;
  });
}

interface PadAttributes {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const padOp = defineOp<readonly [Tensor], PadAttributes>({
  name: "pad",
  infer([x], { axis, before, after }) {
    const size = x.shape[axis];
    if (typeof size !== "number" || before < 0 || after < 0) {
      throw new ShapeError("pad: the axis must have a known size and only grow", {
        shape: x.shape,
        axis,
        before,
        after,
      });
    }
    return { dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? size + before + after : dim)) };
  },
  vjp: ([x], _, g, { axis, before }) => [
    slice(g, { axis, start: before, end: before + (x.shape[axis] as number) }),
  ],
  lower: (onnx, [x], { axis, before, after }, y) => {
    const pads = [
      ...y.shape.map((_, i) => (i === axis ? before : 0)),
      ...y.shape.map((_, i) => (i === axis ? after : 0)),
    ];
    return onnx.node("Pad", [x, onnx.ints(pads)]);
  },
});

/** Zeros put before and after along one axis. */
export function pad(
  x: Tensor,
  { axis = -1, before = 0, after = 0 }: { axis?: number; before?: number; after?: number },
): Tensor {
  if (before === 0 && after === 0) return x;
  return apply(padOp, [x], { axis: normalizeAxis("pad", axis, x.rank), before, after });
}
