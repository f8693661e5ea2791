/** Reading elements by index. Negative indices count from the end; any other out of range is an error. */
import { elementCount, stridesOf } from "../../onnx/index.ts";
import { axisView } from "./axis-view.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { integers, select } from "./value.ts";

export function checkedIndex(node: KernelNode, index: number, size: number): number {
  if (index < -size || index >= size) node.fail(`index ${index} is outside an axis of ${size}`);
  return index < 0 ? index + size : index;
}

/** Whole slices: `y[o…, i…, r…] = x[o…, indices[i…], r…]`. */
const gather: Kernel = (node) => {
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = node.axis(node.int("axis", 0), x.dims.length);
  const { outer, size, inner } = axisView(x.dims, axis);
  const wanted = integers(indices).map((index) => checkedIndex(node, index, size));
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const source = new Int32Array(outer * wanted.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of wanted) {
      for (let i = 0; i < inner; i++) source[to++] = (o * size + index) * inner + i;
    }
  }
  return [select(x, dims, source)];
};

/**
 * For every element of `indices`, the position in `data` with the coordinate along `axis` replaced by the
 * index. Other axes of `indices` may be shorter than those of `data`.
 */
export function elementPositions(
  node: KernelNode,
  dataDims: readonly number[],
  indexDims: readonly number[],
  indices: readonly number[],
  axis: number,
): Int32Array {
  if (indexDims.length !== dataDims.length) node.fail("indices must have as many axes as the data");
  const strides = stridesOf(dataDims);
  const indexStrides = stridesOf(indexDims);
  return Int32Array.from(indices, (index, i) => {
    let position = checkedIndex(node, index, dataDims[axis]) * strides[axis];
    for (let other = 0; other < dataDims.length; other++) {
      if (other !== axis)
        position += (Math.floor(i / indexStrides[other]) % indexDims[other]) * strides[other];
    }
    return position;
  });
}

const gatherElements: Kernel = (node) => {
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = node.axis(node.int("axis", 0), x.dims.length);
  return [select(x, indices.dims, elementPositions(node, x.dims, indices.dims, integers(indices), axis))];
};

/** The last axis of `indices` holds the leading coordinates of a slice of `dataDims`. */
export function slicePositions(
  node: KernelNode,
  dataDims: readonly number[],
  indexDims: readonly number[],
  indices: readonly number[],
): { readonly starts: number[]; readonly sliceSize: number } {
  const depth = indexDims.at(-1) ?? node.fail("indices must have at least one axis");
  if (depth > dataDims.length) node.fail(`indices address ${depth} axes, the data has ${dataDims.length}`);
  const strides = stridesOf(dataDims);
  const starts = Array.from({ length: elementCount(indexDims.slice(0, -1)) }, (_, row) => {
    let start = 0;
    for (let axis = 0; axis < depth; axis++) {
      start += checkedIndex(node, indices[row * depth + axis], dataDims[axis]) * strides[axis];
    }
    return start;
  });
  return { starts, sliceSize: elementCount(dataDims.slice(depth)) };
}

const gatherND: Kernel = (node) => {
  const [x, indices] = [node.input(0), node.input(1)];
  const batchDims = node.int("batch_dims", 0);
  const batch = x.dims.slice(0, batchDims);
  const depth = indices.dims.at(-1) ?? node.fail("indices must have at least one axis");
  const rest = x.dims.slice(batchDims);
  const dims = [...indices.dims.slice(0, -1), ...rest.slice(depth)];
  const list = integers(indices);
  const perBatch = elementCount(indices.dims.slice(batchDims));
  const source: number[] = [];
  for (let b = 0; b < elementCount(batch); b++) {
    const own = list.slice(b * perBatch, (b + 1) * perBatch);
    const { starts, sliceSize } = slicePositions(node, rest, indices.dims.slice(batchDims), own);
    for (const start of starts) {
      for (let i = 0; i < sliceSize; i++) source.push(b * elementCount(rest) + start + i);
    }
  }
  return [select(x, dims, source)];
};

/** Indices outside the depth give a line of "off" values, negative ones count from its end. */
const oneHot: Kernel = (node) => {
  const [indices, depthValue, values] = [node.input(0), node.input(1), node.input(2)];
  const [depth] = integers(depthValue);
  const rank = indices.dims.length + 1;
  const axis = node.axis(node.int("axis", -1), rank);
  const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
  const { outer, inner } = axisView(dims, axis);
  const source = new Int32Array(outer * depth * inner);
  integers(indices).forEach((index, i) => {
    const hot = index < 0 ? index + depth : index;
    if (hot < 0 || hot >= depth) return;
    source[(Math.floor(i / inner) * depth + hot) * inner + (i % inner)] = 1;
  });
  return [select(values, dims, source)];
};

export const gatherKernels: KernelTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  OneHot: oneHot,
};
