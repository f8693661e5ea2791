/** Operations on the bits of integers. */
import { broadcastSource } from "../../onnx/index.ts";
import { commonDims } from "./binary.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { type BigValue, bigs, isBig, isFloat, type NumberValue, numbers, type Value } from "./value.ts";

function integerInput(node: KernelNode, index: number): Value {
  const value = node.input(index);
  if (isFloat(value.dtype) || value.dtype === "bool")
    node.fail(`input ${index} must be an integer tensor, is ${value.dtype}`);
  return value;
}

function bits(number: (a: number, b: number) => number, big: (a: bigint, b: bigint) => bigint): Kernel {
  return (node) => {
    const [a, b] = [integerInput(node, 0), integerInput(node, 1)];
    if (a.dtype !== b.dtype) node.fail(`inputs must have one dtype, are ${a.dtype} and ${b.dtype}`);
    const dims = commonDims(node, [a, b]);
    const fromA = broadcastSource(a.dims, dims);
    const fromB = broadcastSource(b.dims, dims);
    if (isBig(a)) {
      const y = bigs(dims);
      const other = b as BigValue;
      for (let i = 0; i < y.data.length; i++) y.data[i] = big(a.data[fromA[i]], other.data[fromB[i]]);
      return [y];
    }
    const y = numbers(a.dtype, dims);
    const other = b as NumberValue;
    for (let i = 0; i < y.data.length; i++) y.data[i] = number(a.data[fromA[i]], other.data[fromB[i]]);
    return [y];
  };
}

const not: Kernel = (node) => {
  const x = integerInput(node, 0);
  if (isBig(x)) return [{ ...x, data: x.data.map((value) => ~value) }];
  return [{ ...x, data: x.data.map((value) => ~value) }];
};

/** Unsigned integers only; bits shifted out are lost. */
const shift: Kernel = (node) => {
  const { dtype } = node.input(0);
  if (dtype !== "uint32" && dtype !== "uint8") node.fail(`input 0 must be unsigned, is ${dtype}`);
  const direction = node.string("direction", "");
  const left = direction === "LEFT";
  if (!left && direction !== "RIGHT") node.fail(`direction must be LEFT or RIGHT, is "${direction}"`);
  // JavaScript counts shifts modulo 32; a shift by the whole width or more leaves nothing.
  const number = (a: number, by: number) => (by > 31 ? 0 : left ? a << by : a >>> by);
  return bits(number, (a) => a)(node);
};

export const bitwiseKernels: KernelTable = {
  BitwiseAnd: bits(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  BitwiseOr: bits(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  BitwiseXor: bits(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  BitwiseNot: not,
  BitShift: shift,
};
