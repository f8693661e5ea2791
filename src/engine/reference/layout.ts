/** The same elements under another shape, in another order, or repeated. */
import { broadcastDims, broadcastSource, elementCount, stridesOf, walk } from "../../onnx/index.ts";
import type { Kernel, KernelTable } from "./kernel.ts";
import { integers, select, withDims } from "./value.ts";

/** 0 keeps the input's size (unless `allowzero`), -1 takes what is left. */
const reshape: Kernel = (node) => {
  const x = node.input(0);
  const keepZero = node.int("allowzero", 0) === 1;
  const wanted = integers(node.input(1)).map((dim, axis) => (dim === 0 && !keepZero ? x.dims[axis] : dim));
  const known = elementCount(wanted.filter((dim) => dim !== -1));
  const dims = wanted.map((dim) => (dim === -1 ? x.data.length / known : dim));
  if (elementCount(dims) !== x.data.length || !dims.every(Number.isInteger)) {
    node.fail(`${x.data.length} elements do not fit [${wanted.join(", ")}]`);
  }
  return [withDims(x, dims)];
};

const flatten: Kernel = (node) => {
  const x = node.input(0);
  const given = node.int("axis", 1);
  const axis = given === x.dims.length ? given : node.axis(given, x.dims.length);
  return [withDims(x, [elementCount(x.dims.slice(0, axis)), elementCount(x.dims.slice(axis))])];
};

const squeeze: Kernel = (node) => {
  const x = node.input(0);
  const given = node.optional(1);
  const axes = given && new Set(node.axes(integers(given), x.dims.length));
  const drop = (dim: number, axis: number) => (axes === undefined ? dim === 1 : axes.has(axis));
  for (const axis of axes ?? [])
    if (x.dims[axis] !== 1) node.fail(`axis ${axis} has size ${x.dims[axis]}, not 1`);
  return [
    withDims(
      x,
      x.dims.filter((dim, axis) => !drop(dim, axis)),
    ),
  ];
};

const unsqueeze: Kernel = (node) => {
  const x = node.input(0);
  const given = integers(node.input(1));
  const rank = x.dims.length + given.length;
  const axes = new Set(node.axes(given, rank));
  if (axes.size !== given.length) node.fail("an axis is named twice");
  const old = x.dims[Symbol.iterator]();
  return [
    withDims(
      x,
      Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (old.next().value ?? 1))),
    ),
  ];
};

const transpose: Kernel = (node) => {
  const x = node.input(0);
  const order = node.ints("perm") ?? x.dims.map((_, axis) => x.dims.length - 1 - axis);
  const dims = order.map((axis) => x.dims[axis]);
  const strides = stridesOf(x.dims);
  return [
    select(
      x,
      dims,
      walk(
        dims,
        order.map((axis) => strides[axis]),
      ),
    ),
  ];
};

/** Both shapes broadcast to each other, so a 1 asked for keeps the input's size. */
const expand: Kernel = (node) => {
  const x = node.input(0);
  const wanted = integers(node.input(1));
  const dims =
    broadcastDims([x.dims, wanted]) ??
    node.fail(`[${x.dims.join(", ")}] does not expand to [${wanted.join(", ")}]`);
  return [select(x, dims, broadcastSource(x.dims, dims))];
};

const tile: Kernel = (node) => {
  const x = node.input(0);
  const repeats = integers(node.input(1));
  if (repeats.length !== x.dims.length) node.fail(`${repeats.length} repeats for ${x.dims.length} axes`);
  const dims = x.dims.map((dim, axis) => dim * repeats[axis]);
  const strides = stridesOf(x.dims);
  // Every axis becomes two: which copy, and where in it.
  const split = x.dims.flatMap((dim, axis) => [repeats[axis], dim]);
  return [
    select(
      x,
      dims,
      walk(
        split,
        strides.flatMap((stride) => [0, stride]),
      ),
    ),
  ];
};

export const layoutKernels: KernelTable = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
};
