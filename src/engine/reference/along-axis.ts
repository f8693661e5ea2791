/** Operators that go along the lines of one axis: best elements, running sums. */
import { axisView, forEachLine, withAxis } from "./axis-view.ts";
import type { Kernel, KernelTable } from "./kernel.ts";
import { bigs, integers, isBig, type NumberData, select, type Value, zeros } from "./value.ts";

/** Whether the element at the first position comes before the one at the second. NaN counts as the largest. */
function order(x: Value, largest: boolean): (p: number, q: number) => number {
  const above = (a: number | bigint, b: number | bigint) => a > b || (Number.isNaN(a) && !Number.isNaN(b));
  return (p, q) => {
    const [a, b] = [x.data[p], x.data[q]];
    if (above(a, b)) return largest ? -1 : 1;
    return above(b, a) ? (largest ? 1 : -1) : 0;
  };
}

function best(largest: boolean): Kernel {
  return (node) => {
    const x = node.input(0);
    const axis = node.axis(node.int("axis", 0), x.dims.length);
    const last = node.int("select_last_index", 0) === 1;
    const view = axisView(x.dims, axis);
    if (view.size === 0) node.fail("the axis has no elements to choose from");
    const compare = order(x, largest);
    const kept = bigs(withAxis(x.dims, axis, 1));
    let line = 0;
    forEachLine(view, (start, step) => {
      let chosen = 0;
      for (let i = 1; i < view.size; i++) {
        const before = compare(start + i * step, start + chosen * step);
        if (before < 0 || (before === 0 && last)) chosen = i;
      }
      kept.data[line++] = BigInt(chosen);
    });
    const dims = node.int("keepdims", 1) === 1 ? kept.dims : x.dims.filter((_, i) => i !== axis);
    return [{ ...kept, dims }];
  };
}

/** The k first by value; equal values keep the order of their indices. */
const topK: Kernel = (node) => {
  const x = node.input(0);
  const [k] = integers(node.input(1));
  const axis = node.axis(node.int("axis", -1), x.dims.length);
  const view = axisView(x.dims, axis);
  if (k > view.size) node.fail(`k is ${k}, the axis has ${view.size} elements`);
  const compare = order(x, node.int("largest", 1) === 1);
  const sorted = node.int("sorted", 1) === 1;
  const dims = withAxis(x.dims, axis, k);
  const source = new Int32Array(view.outer * k * view.inner);
  const indices = bigs(dims);
  let line = 0;
  forEachLine(view, (start, step) => {
    const chosen = Array.from({ length: view.size }, (_, i) => i)
      .sort((i, j) => compare(start + i * step, start + j * step) || i - j)
      .slice(0, k);
    if (!sorted) chosen.sort((i, j) => i - j);
    const first = Math.floor(line / view.inner) * k * view.inner + (line % view.inner);
    chosen.forEach((index, rank) => {
      source[first + rank * view.inner] = start + index * step;
      indices.data[first + rank * view.inner] = BigInt(index);
    });
    line++;
  });
  return [select(x, dims, source), indices];
};

const cumSum: Kernel = (node) => {
  const x = node.input(0);
  const axis = node.axis(integers(node.input(1))[0], x.dims.length);
  const view = axisView(x.dims, axis);
  const exclusive = node.int("exclusive", 0) === 1;
  const reverse = node.int("reverse", 0) === 1;
  const y = zeros(x.dtype, x.dims);
  forEachLine(view, (start, step) => {
    const position = (i: number) => start + (reverse ? view.size - 1 - i : i) * step;
    if (isBig(x))
      runningSum(view.size, position, exclusive, x.data, y.data as BigInt64Array, 0n, (a, b) => a + b);
    else runningSum(view.size, position, exclusive, x.data, y.data as NumberData, 0, (a, b) => a + b);
  });
  return [y];
};

function runningSum<T>(
  size: number,
  position: (i: number) => number,
  exclusive: boolean,
  x: { readonly [i: number]: T },
  y: { [i: number]: T },
  zero: T,
  add: (a: T, b: T) => T,
): void {
  let sum = zero;
  for (let i = 0; i < size; i++) {
    const at = position(i);
    if (exclusive) y[at] = sum;
    sum = add(sum, x[at]);
    if (!exclusive) y[at] = sum;
  }
}

export const alongAxisKernels: KernelTable = {
  ArgMax: best(true),
  ArgMin: best(false),
  TopK: topK,
  CumSum: cumSum,
};
