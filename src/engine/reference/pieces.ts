/** Joining tensors, cutting pieces out of them, and padding them. */
import { stridesOf, walk } from "../../onnx/index.ts";
import { axisView, withAxis } from "./axis-view.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { integers, isBig, type NumberData, select, type Value, zeros } from "./value.ts";

const concat: Kernel = (node) => {
  const parts = node.inputs;
  const axis = node.axis(node.int("axis"), parts[0].dims.length);
  const total = parts.reduce((sum, part) => sum + part.dims[axis], 0);
  for (const part of parts) {
    const fits =
      part.dims.length === parts[0].dims.length &&
      part.dims.every((dim, i) => i === axis || dim === parts[0].dims[i]);
    if (!fits)
      node.fail(`[${part.dims.join(", ")}] does not join [${parts[0].dims.join(", ")}] along axis ${axis}`);
  }
  const y = zeros(parts[0].dtype, withAxis(parts[0].dims, axis, total));
  const { outer, inner } = axisView(y.dims, axis);
  let before = 0;
  for (const part of parts) {
    const block = part.dims[axis] * inner;
    for (let o = 0; o < outer; o++) copyBlock(part, o * block, block, y, (o * total + before) * inner);
    before += part.dims[axis];
  }
  return [y];
};

function copyBlock(from: Value, start: number, length: number, to: Value, at: number): void {
  if (isBig(from)) (to.data as BigInt64Array).set(from.data.subarray(start, start + length), at);
  else (to.data as NumberData).set(from.data.subarray(start, start + length), at);
}

/** Parts one behind the other along their first axis. */
export function concatFirst(parts: readonly Value[]): Value {
  const y = zeros(parts[0].dtype, [
    parts.reduce((sum, { dims }) => sum + dims[0], 0),
    ...parts[0].dims.slice(1),
  ]);
  let at = 0;
  for (const part of parts) {
    copyBlock(part, 0, part.data.length, y, at);
    at += part.data.length;
  }
  return y;
}

/** One entry of the first axis, which goes. */
export function sliceFirst(x: Value, index: number): Value {
  const y = zeros(x.dtype, x.dims.slice(1));
  copyBlock(x, index * y.data.length, y.data.length, y, 0);
  return y;
}

/** The elements `start, start + step, ...` of each axis, `dims` many. */
function strided(
  x: Value,
  starts: readonly number[],
  steps: readonly number[],
  dims: readonly number[],
): Value {
  const strides = stridesOf(x.dims);
  const first = starts.reduce((sum, start, axis) => sum + start * strides[axis], 0);
  return select(
    x,
    dims,
    walk(
      dims,
      strides.map((stride, axis) => stride * steps[axis]),
      first,
    ),
  );
}

/** Sizes are given, or the axis is cut into equal pieces, the last one smaller. */
const split: Kernel = (node) => {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", 0), x.dims.length);
  const given = node.optional(1);
  const count = node.int("num_outputs", node.outputCount);
  const piece = Math.ceil(x.dims[axis] / count);
  const sizes =
    given === undefined
      ? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(piece, x.dims[axis] - i * piece)))
      : integers(given);
  if (sizes.reduce((a, b) => a + b, 0) !== x.dims[axis])
    node.fail(`pieces [${sizes.join(", ")}] do not make up ${x.dims[axis]}`);
  let start = 0;
  return sizes.map((size) => {
    const starts = x.dims.map((_, i) => (i === axis ? start : 0));
    start += size;
    return strided(
      x,
      starts,
      x.dims.map(() => 1),
      withAxis(x.dims, axis, size),
    );
  });
};

/** Ends are exclusive, negative positions count from the end, positions outside are moved to the edge. */
const slice: Kernel = (node) => {
  const x = node.input(0);
  const [starts, ends] = [integers(node.input(1)), integers(node.input(2))];
  const axesInput = node.optional(3);
  const stepsInput = node.optional(4);
  const axes =
    axesInput === undefined ? starts.map((_, i) => i) : node.axes(integers(axesInput), x.dims.length);
  const steps = stepsInput === undefined ? starts.map(() => 1) : integers(stepsInput);
  const first = x.dims.map(() => 0);
  const step = x.dims.map(() => 1);
  const dims = [...x.dims];
  axes.forEach((axis, i) => {
    const size = x.dims[axis];
    if (steps[i] === 0) node.fail("a step is 0");
    const [low, high] = steps[i] > 0 ? [0, size] : [-1, size - 1];
    const clamp = (position: number) =>
      Math.min(high, Math.max(low, position < 0 ? position + size : position));
    first[axis] = clamp(starts[i]);
    step[axis] = steps[i];
    dims[axis] = Math.max(0, Math.ceil((clamp(ends[i]) - first[axis]) / steps[i]));
  });
  return [strided(x, first, step, dims)];
};

/** Where a position outside `[0, size)` takes its element from, by mode; -1 for the constant. */
function outside(node: KernelNode, mode: string): (position: number, size: number) => number {
  switch (mode) {
    case "constant":
      return () => -1;
    case "edge":
      return (position, size) => Math.min(size - 1, Math.max(0, position));
    case "wrap":
      return (position, size) => ((position % size) + size) % size;
    case "reflect":
      return (position, size) => {
        const period = 2 * (size - 1);
        const phase = period === 0 ? 0 : ((position % period) + period) % period;
        return phase < size ? phase : period - phase;
      };
    default:
      return node.fail(`mode "${mode}" is unknown`);
  }
}

/** Negative pads cut off. */
const pad: Kernel = (node) => {
  const x = node.input(0);
  const pads = integers(node.input(1));
  const axesInput = node.optional(3);
  const axes =
    axesInput === undefined ? x.dims.map((_, i) => i) : node.axes(integers(axesInput), x.dims.length);
  const from = outside(node, node.string("mode", "constant"));
  const before = x.dims.map(() => 0);
  const dims = [...x.dims];
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    dims[axis] += pads[i] + pads[axes.length + i];
  });
  const strides = stridesOf(x.dims);
  // One axis after the other: for each, the position every coordinate of the result reads from.
  let positions: number[] = [0];
  dims.forEach((dim, axis) => {
    const size = x.dims[axis];
    const own = Array.from({ length: dim }, (_, i) => {
      const position = i - before[axis];
      return position >= 0 && position < size ? position : from(position, size);
    });
    positions = positions.flatMap((base) =>
      own.map((position) => (base < 0 || position < 0 ? -1 : base + position * strides[axis])),
    );
  });
  return [select(x, dims, positions, node.optional(2))];
};

export const piecesKernels: KernelTable = { Concat: concat, Split: split, Slice: slice, Pad: pad };
