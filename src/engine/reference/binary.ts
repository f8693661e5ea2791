/** Element-wise arithmetic of two or more tensors with broadcasting. */
import { broadcastDims, broadcastSource } from "../../onnx/index.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import {
  type BigValue,
  bigs,
  castInto,
  isBig,
  isFloat,
  largerBig,
  type NumberValue,
  numbers,
  smallerBig,
  type Value,
} from "./value.ts";

/** One operator as three functions. Results are wrapped to the dtype's width when they are stored. */
interface Arithmetic {
  readonly float: (a: number, b: number) => number;
  /** For int32, uint32 and uint8; must be exact modulo 2^32. */
  readonly integer: (a: number, b: number) => number;
  readonly big: (a: bigint, b: bigint) => bigint;
}

export function commonDims(node: KernelNode, values: readonly Value[]): number[] {
  const dims = broadcastDims(values.map((value) => value.dims));
  const shapes = values.map((value) => `[${value.dims.join(", ")}]`).join(" and ");
  return dims ?? node.fail(`shapes ${shapes} do not broadcast`);
}

function combine(node: KernelNode, a: Value, b: Value, rule: Arithmetic): Value {
  if (a.dtype !== b.dtype) node.fail(`inputs must have one dtype, are ${a.dtype} and ${b.dtype}`);
  if (a.dtype === "bool") node.fail("is not defined for bool");
  const dims = commonDims(node, [a, b]);
  const fromA = broadcastSource(a.dims, dims);
  const fromB = broadcastSource(b.dims, dims);
  if (isBig(a)) {
    const y = bigs(dims);
    const other = b as BigValue;
    for (let i = 0; i < y.data.length; i++) y.data[i] = rule.big(a.data[fromA[i]], other.data[fromB[i]]);
    return y;
  }
  const y = numbers(a.dtype, dims);
  const other = b as NumberValue;
  const f = isFloat(a.dtype) ? rule.float : rule.integer;
  for (let i = 0; i < y.data.length; i++) y.data[i] = f(a.data[fromA[i]], other.data[fromB[i]]);
  return y;
}

const binary =
  (rule: Arithmetic | ((node: KernelNode) => Arithmetic)): Kernel =>
  (node) => [combine(node, node.input(0), node.input(1), typeof rule === "function" ? rule(node) : rule)];

const variadic =
  (rule: Arithmetic): Kernel =>
  (node) => [node.inputs.reduce((a, b) => combine(node, a, b, rule))];

const add: Arithmetic = { float: (a, b) => a + b, integer: (a, b) => a + b, big: (a, b) => a + b };
const subtract: Arithmetic = { float: (a, b) => a - b, integer: (a, b) => a - b, big: (a, b) => a - b };
const multiply: Arithmetic = { float: (a, b) => a * b, integer: Math.imul, big: (a, b) => a * b };
const smaller: Arithmetic = { float: Math.min, integer: Math.min, big: smallerBig };
const larger: Arithmetic = { float: Math.max, integer: Math.max, big: largerBig };

/** Integers divide towards zero. */
const divide = (node: KernelNode): Arithmetic => ({
  float: (a, b) => a / b,
  integer: (a, b) => (b === 0 ? node.fail("integer division by zero") : Math.trunc(a / b)),
  big: (a, b) => (b === 0n ? node.fail("integer division by zero") : a / b),
});

/** `fmod` 0 (integers only): the result has the divisor's sign, as in Python; 1: the dividend's, as in C. */
function modulo(node: KernelNode): Arithmetic {
  const likeC = node.int("fmod", 0) === 1;
  const zero = () => node.fail("integer division by zero");
  return {
    float: likeC ? (a, b) => a % b : () => node.fail("floats need fmod = 1"),
    integer: (a, b) => (b === 0 ? zero() : likeC ? a % b : a - b * Math.floor(a / b)),
    big: (a, b) => {
      if (b === 0n) return zero();
      const remainder = a % b;
      return likeC || remainder === 0n || remainder < 0n === b < 0n ? remainder : remainder + b;
    },
  };
}

/** The exponent may have another dtype; the result has the base's. */
const pow: Kernel = (node) => {
  const base = node.input(0);
  const exponent = node.input(1);
  const dims = commonDims(node, [base, exponent]);
  const fromBase = broadcastSource(base.dims, dims);
  const fromExponent = broadcastSource(exponent.dims, dims);
  if (!isBig(base) && isFloat(base.dtype)) {
    const y = numbers(base.dtype, dims);
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = power(base.data[fromBase[i]], Number(exponent.data[fromExponent[i]]));
    }
    return [y];
  }
  const exact = bigs(dims);
  for (let i = 0; i < exact.data.length; i++) {
    const b = base.data[fromBase[i]];
    const e = Number(exponent.data[fromExponent[i]]);
    exact.data[i] =
      Number.isInteger(e) && e >= 0 ? BigInt(b) ** BigInt(e) : BigInt(Math.trunc(Number(b) ** e));
  }
  return [castInto(exact, base.dtype)];
};

/** C's pow, which ONNX means: 1 to any power is 1, NaN included; JavaScript says NaN. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

const prelu: Kernel = (node) => {
  const [x, slope] = [node.input(0), node.input(1)];
  const big = (a: bigint, b: bigint) => (a < 0n ? a * b : a);
  const rule = {
    float: (a: number, b: number) => (a < 0 ? a * b : a),
    integer: (a: number, b: number) => (a < 0 ? Math.imul(a, b) : a),
    big,
  };
  return [combine(node, x, slope, rule)];
};

const mean: Kernel = (node) => {
  const sum = node.inputs.reduce((a, b) => combine(node, a, b, add));
  if (isBig(sum) || !isFloat(sum.dtype)) return node.fail("is defined for floats");
  const count = node.inputs.length;
  return [{ ...sum, data: sum.data.map((x) => x / count) }];
};

export const binaryKernels: KernelTable = {
  Add: binary(add),
  Sub: binary(subtract),
  Mul: binary(multiply),
  Div: binary(divide),
  Mod: binary(modulo),
  Pow: pow,
  PRelu: prelu,
  Min: variadic(smaller),
  Max: variadic(larger),
  Sum: variadic(add),
  Mean: mean,
};
