/** Writing elements by index into a copy, in the order of the updates, with an optional reduction. */
import { elementPositions, slicePositions } from "./gather.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { integers, isBig, largerBig, type NumberData, smallerBig, type Value } from "./value.ts";

interface Reduction {
  readonly number: (old: number, update: number) => number;
  readonly big: (old: bigint, update: bigint) => bigint;
}

const reductions: { readonly [name: string]: Reduction } = {
  none: { number: (_, update) => update, big: (_, update) => update },
  add: { number: (old, update) => old + update, big: (old, update) => old + update },
  mul: { number: (old, update) => old * update, big: (old, update) => old * update },
  min: { number: Math.min, big: smallerBig },
  max: { number: Math.max, big: largerBig },
};

function scatterInto(node: KernelNode, data: Value, positions: Iterable<number>, updates: Value): Value {
  const name = node.string("reduction", "none");
  const reduction = reductions[name] ?? node.fail(`reduction "${name}" is unknown`);
  if (data.dtype !== updates.dtype) node.fail(`data are ${data.dtype}, updates ${updates.dtype}`);
  let i = 0;
  if (isBig(data)) {
    const y = data.data.slice();
    const from = updates.data as BigInt64Array;
    for (const to of positions) y[to] = reduction.big(y[to], from[i++]);
    return { ...data, data: y };
  }
  const y = data.data.slice();
  const from = updates.data as NumberData;
  for (const to of positions) y[to] = reduction.number(y[to], from[i++]);
  return { ...data, data: y };
}

const scatterElements: Kernel = (node) => {
  const [data, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const axis = node.axis(node.int("axis", 0), data.dims.length);
  const positions = elementPositions(node, data.dims, indices.dims, integers(indices), axis);
  return [scatterInto(node, data, positions, updates)];
};

const scatterND: Kernel = (node) => {
  const [data, indices, updates] = [node.input(0), node.input(1), node.input(2)];
  const { starts, sliceSize } = slicePositions(node, data.dims, indices.dims, integers(indices));
  if (updates.data.length !== starts.length * sliceSize) {
    node.fail(
      `${starts.length} slices of ${sliceSize} need as many updates, there are ${updates.data.length}`,
    );
  }
  const positions = starts.flatMap((start) => Array.from({ length: sliceSize }, (_, i) => start + i));
  return [scatterInto(node, data, positions, updates)];
};

export const scatterKernels: KernelTable = {
  ScatterElements: scatterElements,
  ScatterND: scatterND,
};
