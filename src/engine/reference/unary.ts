/** Element-wise functions of one tensor, by the formulas of the ONNX operator pages. */
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { erf, roundHalfToEven, sigmoid, softplus } from "./special-functions.ts";
import { bigs, isBig, largerBig, type NumberValue, numbers, type Value } from "./value.ts";

/** A function of floats only; attributes are read once a node. */
function ofFloats(prepare: (node: KernelNode) => (x: number) => number): Kernel {
  return (node) => {
    const x = node.floats(0);
    const f = prepare(node);
    const y = numbers(x.dtype, x.dims);
    for (let i = 0; i < x.data.length; i++) y.data[i] = f(x.data[i]);
    return [y];
  };
}

const plain = (f: (x: number) => number): Kernel => ofFloats(() => f);

/** A function that exists for integers too. */
function ofNumbers(f: (x: number) => number, big: (x: bigint) => bigint): Kernel {
  return (node) => {
    const x = node.input(0);
    return [isBig(x) ? { ...x, data: x.data.map(big) } : mapNumbers(x, f)];
  };
}

function mapNumbers(x: NumberValue, f: (x: number) => number): Value {
  const y = numbers(x.dtype, x.dims);
  for (let i = 0; i < x.data.length; i++) y.data[i] = f(x.data[i]);
  return y;
}

/** A test of every element, with a bool result. */
function test(prepare: (node: KernelNode) => (x: number) => boolean): Kernel {
  return (node) => {
    const x = node.floats(0);
    const holds = prepare(node);
    const y = numbers("bool", x.dims);
    for (let i = 0; i < x.data.length; i++) y.data[i] = holds(x.data[i]) ? 1 : 0;
    return [y];
  };
}

const elu = (alpha: number) => (x: number) => (x < 0 ? alpha * Math.expm1(x) : x);

function gelu(node: KernelNode): (x: number) => number {
  const approximate = node.string("approximate", "none");
  if (approximate === "none") return (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));
  if (approximate !== "tanh") node.fail(`approximate must be "none" or "tanh", is "${approximate}"`);
  return (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** `max(0, min(1, αx + β))`. */
const hardSigmoid = (alpha: number, beta: number) => (x: number) =>
  Math.max(0, Math.min(1, alpha * x + beta));

/** Bounds are optional inputs; where they cross, the upper one wins. */
const clip: Kernel = (node) => {
  const x = node.input(0);
  const low = node.optional(1);
  const high = node.optional(2);
  if (isBig(x)) {
    const y = bigs(x.dims);
    for (let i = 0; i < x.data.length; i++) {
      let value = x.data[i];
      if (low !== undefined && value < BigInt(low.data[0])) value = BigInt(low.data[0]);
      if (high !== undefined && value > BigInt(high.data[0])) value = BigInt(high.data[0]);
      y.data[i] = value;
    }
    return [y];
  }
  const from = low === undefined ? Number.NEGATIVE_INFINITY : Number(low.data[0]);
  const to = high === undefined ? Number.POSITIVE_INFINITY : Number(high.data[0]);
  return [mapNumbers(x, (value) => Math.min(to, Math.max(from, value)))];
};

const not: Kernel = (node) => [mapNumbers(node.bools(0), (x) => 1 - x)];

const dropout: Kernel = (node) => {
  const training = node.optional(2);
  if (training !== undefined && Number(training.data[0]) !== 0) {
    node.fail("training mode draws from the runtime's own random numbers and has no defined result");
  }
  const x = node.input(0);
  const mask = numbers("bool", x.dims);
  mask.data.fill(1);
  return [x, mask];
};

function requireNumber(node: KernelNode): Value {
  const x = node.input(0);
  if (x.dtype === "bool") node.fail("is not defined for bool");
  return x;
}

const abs = ofNumbers(Math.abs, (x) => (x < 0n ? -x : x));
const neg = ofNumbers(
  (x) => -x,
  (x) => -x,
);
const sign = ofNumbers(
  // JavaScript keeps the sign of zero; the operator's result for zero is 0.
  (x) => (x === 0 ? 0 : Math.sign(x)),
  (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
);
const relu = ofNumbers(
  (x) => Math.max(0, x),
  (x) => largerBig(0n, x),
);

const checked =
  (kernel: Kernel): Kernel =>
  (node) => {
    requireNumber(node);
    return kernel(node);
  };

export const unaryKernels: KernelTable = {
  Abs: checked(abs),
  Neg: checked(neg),
  Sign: checked(sign),
  Relu: checked(relu),
  Exp: plain(Math.exp),
  Log: plain(Math.log),
  Sqrt: plain(Math.sqrt),
  Reciprocal: plain((x) => 1 / x),
  Floor: plain(Math.floor),
  Ceil: plain(Math.ceil),
  Round: plain(roundHalfToEven),
  Sin: plain(Math.sin),
  Cos: plain(Math.cos),
  Tan: plain(Math.tan),
  Asin: plain(Math.asin),
  Acos: plain(Math.acos),
  Atan: plain(Math.atan),
  Sinh: plain(Math.sinh),
  Cosh: plain(Math.cosh),
  Tanh: plain(Math.tanh),
  Asinh: plain(Math.asinh),
  Acosh: plain(Math.acosh),
  Atanh: plain(Math.atanh),
  Erf: plain(erf),
  Sigmoid: plain(sigmoid),
  Softplus: plain(softplus),
  Softsign: plain((x) => x / (1 + Math.abs(x))),
  Mish: plain((x) => x * Math.tanh(softplus(x))),
  Gelu: ofFloats(gelu),
  Elu: ofFloats((node) => elu(node.float("alpha", 1))),
  Celu: ofFloats((node) => {
    const alpha = node.float("alpha", 1);
    return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  Selu: ofFloats((node) => {
    const gamma = node.float("gamma", 1.0507010221481323);
    const negative = elu(node.float("alpha", 1.6732631921768188));
    return (x) => gamma * negative(x);
  }),
  LeakyRelu: ofFloats((node) => {
    const alpha = node.float("alpha", Math.fround(0.01));
    return (x) => (x < 0 ? alpha * x : x);
  }),
  ThresholdedRelu: ofFloats((node) => {
    const alpha = node.float("alpha", 1);
    return (x) => (x > alpha ? x : 0);
  }),
  HardSigmoid: ofFloats((node) =>
    hardSigmoid(node.float("alpha", Math.fround(0.2)), node.float("beta", 0.5)),
  ),
  HardSwish: plain((x) => x * hardSigmoid(1 / 6, 0.5)(x)),
  IsNaN: test(() => Number.isNaN),
  IsInf: test((node) => {
    const positive = node.int("detect_positive", 1) !== 0;
    const negative = node.int("detect_negative", 1) !== 0;
    return (x) =>
      (positive && x === Number.POSITIVE_INFINITY) || (negative && x === Number.NEGATIVE_INFINITY);
  }),
  Clip: checked(clip),
  Not: not,
  Identity: (node) => [node.input(0)],
  Dropout: dropout,
};
