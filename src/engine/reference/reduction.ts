/** Reductions over axes; of no elements they give the operation's neutral element, as ONNX says. */
import { broadcastSource } from "../../onnx/index.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import {
  bigs,
  castInto,
  integers,
  isBig,
  isFloat,
  largerBig,
  type NumberValue,
  numbers,
  smallerBig,
  type Value,
} from "./value.ts";

interface Groups {
  readonly dims: readonly number[];
  readonly keptDims: readonly number[];
  /** Which result each element belongs to. */
  readonly target: Int32Array;
  /** Elements behind one result. */
  readonly size: number;
}

/** Axes come as an input (or, in older operator sets, an attribute); none means all, or nothing to do. */
function groupsOf(node: KernelNode, x: Value): Groups | undefined {
  const given = node.optional(1);
  const listed = given === undefined ? (node.ints("axes") ?? []) : integers(given);
  if (listed.length === 0 && node.int("noop_with_empty_axes", 0) === 1) return undefined;
  const rank = x.dims.length;
  const axes = new Set(listed.length === 0 ? x.dims.map((_, axis) => axis) : node.axes(listed, rank));
  const kept = x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
  return {
    dims: node.int("keepdims", 1) === 1 ? kept : x.dims.filter((_, axis) => !axes.has(axis)),
    keptDims: kept,
    target: broadcastSource(kept, x.dims),
    size: [...axes].reduce((size, axis) => size * x.dims[axis], 1),
  };
}

interface Reduction {
  /** Value before the first element. */
  readonly start: number;
  readonly step: (sum: number, x: number) => number;
  readonly finish?: (sum: number, size: number) => number;
}

function reduceFloats(
  x: NumberValue,
  groups: Groups | undefined,
  { start, step, finish }: Reduction,
): NumberValue {
  const y = numbers(x.dtype, groups?.dims ?? x.dims);
  y.data.fill(start);
  for (let i = 0; i < x.data.length; i++) {
    const to = groups === undefined ? i : groups.target[i];
    y.data[to] = step(y.data[to], x.data[i]);
  }
  if (finish !== undefined) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = finish(y.data[i], groups?.size ?? 1);
  }
  return y;
}

const ofFloats =
  (rule: Reduction): Kernel =>
  (node) => {
    const x = node.floats(0);
    return [reduceFloats(x, groupsOf(node, x), rule)];
  };

interface ExactReduction {
  readonly start: bigint;
  readonly step: (sum: bigint, x: bigint) => bigint;
  readonly finish?: (sum: bigint, size: bigint) => bigint;
}

/** Integers are summed exactly and wrapped to their width at the end. */
const ofNumbers =
  (floats: Reduction, exact: ExactReduction): Kernel =>
  (node) => {
    const x = node.input(0);
    const groups = groupsOf(node, x);
    if (!isBig(x) && isFloat(x.dtype)) return [reduceFloats(x, groups, floats)];
    const y = bigs(groups?.dims ?? x.dims);
    y.data.fill(exact.start);
    for (let i = 0; i < x.data.length; i++) {
      const to = groups === undefined ? i : groups.target[i];
      y.data[to] = exact.step(y.data[to], BigInt(x.data[i]));
    }
    const { finish } = exact;
    if (finish !== undefined) {
      for (let i = 0; i < y.data.length; i++) y.data[i] = finish(y.data[i], BigInt(groups?.size ?? 1));
    }
    return [castInto(y, x.dtype)];
  };

/** `m + log Σ exp(x - m)` with `m` the group's maximum. */
const logSumExp: Kernel = (node) => {
  const x = node.floats(0);
  const groups = groupsOf(node, x);
  const peak = reduceFloats(x, groups, { start: Number.NEGATIVE_INFINITY, step: Math.max });
  const sum = numbers(x.dtype, peak.dims);
  for (let i = 0; i < x.data.length; i++) {
    const to = groups === undefined ? i : groups.target[i];
    // An infinite maximum is its own answer; subtracting it would give NaN.
    sum.data[to] += Number.isFinite(peak.data[to]) ? Math.exp(x.data[i] - peak.data[to]) : 1;
  }
  for (let i = 0; i < sum.data.length; i++) {
    sum.data[i] = Number.isFinite(peak.data[i]) ? peak.data[i] + Math.log(sum.data[i]) : peak.data[i];
  }
  return [sum];
};

const add = (sum: number, x: number) => sum + x;
const smallest: bigint = -(2n ** 63n);
const largest: bigint = 2n ** 63n - 1n;

export const reductionKernels: KernelTable = {
  ReduceSum: ofNumbers({ start: 0, step: add }, { start: 0n, step: (sum, x) => sum + x }),
  ReduceMean: ofNumbers(
    { start: 0, step: add, finish: (sum, size) => sum / size },
    { start: 0n, step: (sum, x) => sum + x, finish: (sum, size) => sum / size },
  ),
  ReduceMax: ofNumbers(
    { start: Number.NEGATIVE_INFINITY, step: Math.max },
    { start: smallest, step: largerBig },
  ),
  ReduceMin: ofNumbers(
    { start: Number.POSITIVE_INFINITY, step: Math.min },
    { start: largest, step: smallerBig },
  ),
  ReduceProd: ofNumbers(
    { start: 1, step: (product, x) => product * x },
    { start: 1n, step: (product, x) => product * x },
  ),
  ReduceSumSquare: ofNumbers(
    { start: 0, step: (sum, x) => sum + x * x },
    { start: 0n, step: (sum, x) => sum + x * x },
  ),
  ReduceL1: ofNumbers(
    { start: 0, step: (sum, x) => sum + Math.abs(x) },
    { start: 0n, step: (sum, x) => sum + (x < 0n ? -x : x) },
  ),
  ReduceL2: ofFloats({ start: 0, step: (sum, x) => sum + x * x, finish: Math.sqrt }),
  ReduceLogSum: ofFloats({ start: 0, step: add, finish: (sum) => Math.log(sum) }),
  ReduceLogSumExp: logSumExp,
};
