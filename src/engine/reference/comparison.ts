/** Comparisons, logic on bools, and choice by a condition. */
import { broadcastSource } from "../../onnx/index.ts";
import { commonDims } from "./binary.ts";
import type { Kernel, KernelTable } from "./kernel.ts";
import { isBig, type NumberData, numbers, zeros } from "./value.ts";

type Comparable = number | bigint;

function compare(holds: (a: Comparable, b: Comparable) => boolean): Kernel {
  return (node) => {
    const [a, b] = [node.input(0), node.input(1)];
    if (a.dtype !== b.dtype) node.fail(`inputs must have one dtype, are ${a.dtype} and ${b.dtype}`);
    const dims = commonDims(node, [a, b]);
    const fromA = broadcastSource(a.dims, dims);
    const fromB = broadcastSource(b.dims, dims);
    const y = numbers("bool", dims);
    for (let i = 0; i < y.data.length; i++) y.data[i] = holds(a.data[fromA[i]], b.data[fromB[i]]) ? 1 : 0;
    return [y];
  };
}

function logic(f: (a: number, b: number) => number): Kernel {
  return (node) => {
    const [a, b] = [node.bools(0), node.bools(1)];
    const dims = commonDims(node, [a, b]);
    const fromA = broadcastSource(a.dims, dims);
    const fromB = broadcastSource(b.dims, dims);
    const y = numbers("bool", dims);
    for (let i = 0; i < y.data.length; i++) y.data[i] = f(a.data[fromA[i]], b.data[fromB[i]]);
    return [y];
  };
}

const where: Kernel = (node) => {
  const condition = node.bools(0);
  const [a, b] = [node.input(1), node.input(2)];
  if (a.dtype !== b.dtype) node.fail(`both choices must have one dtype, are ${a.dtype} and ${b.dtype}`);
  const dims = commonDims(node, [condition, a, b]);
  const chosen = broadcastSource(condition.dims, dims);
  const fromA = broadcastSource(a.dims, dims);
  const fromB = broadcastSource(b.dims, dims);
  const y = zeros(a.dtype, dims);
  if (isBig(y)) {
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = BigInt(condition.data[chosen[i]] ? a.data[fromA[i]] : b.data[fromB[i]]);
    }
  } else {
    const [dataA, dataB] = [a.data as NumberData, b.data as NumberData];
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = condition.data[chosen[i]] ? dataA[fromA[i]] : dataB[fromB[i]];
    }
  }
  return [y];
};

export const comparisonKernels: KernelTable = {
  Equal: compare((a, b) => a === b),
  Less: compare((a, b) => a < b),
  LessOrEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterOrEqual: compare((a, b) => a >= b),
  And: logic((a, b) => a & b),
  Or: logic((a, b) => a | b),
  Xor: logic((a, b) => a ^ b),
  Where: where,
};
