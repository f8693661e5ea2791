import { float, type HostDType, TensorProto_DataType } from "../../../src/onnx/index.ts";
import { bool, f32, f64, floatDTypes, i32, i64, numberDTypes, type OpCase, spread, u8, u32 } from "./case.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -1.5,
  2.5,
  -2.5,
  30,
  -30,
  88,
  -88,
  1e-8,
  -1e-8,
  infinity,
  -infinity,
  nan,
];
const finite = special.filter(Number.isFinite);

/** Kernels that ONNX Runtime has for float32 only. */
const float32Only = new Set([
  ...[
    "Elu",
    "Erf",
    "Gelu",
    "LeakyRelu",
    "Mish",
    "Selu",
    "Softplus",
    "Softsign",
    "ThresholdedRelu",
    "HardSigmoid",
    "HardSwish",
  ],
  ...["Atan", "Tan", "Sinh", "Cosh", "Asinh", "Asin", "Acos", "Atanh", "Acosh"],
]);

/** ONNX Runtime takes the constant 0.044715 in float32 even for float64. */
const geluTolerance = 1e-7;

const unary = (
  op: string,
  values: readonly number[],
  attributes?: OpCase["attributes"],
  about = "",
): OpCase[] =>
  floatDTypes.map((dtype) => ({
    op,
    about: `${dtype} ${about}`,
    inputs: [dtype === "float32" ? f32([values.length], values) : f64([values.length], values)],
    attributes,
    lacking:
      dtype === "float64" && float32Only.has(op) && attributes?.approximate === undefined
        ? "everywhere"
        : undefined,
    tolerance: dtype === "float64" && op === "Gelu" ? geluTolerance : undefined,
  }));

const unaryCases: OpCase[] = [
  ...[
    "Abs",
    "Neg",
    "Sign",
    "Floor",
    "Ceil",
    "Round",
    "Exp",
    "Reciprocal",
    "Tanh",
    "Sigmoid",
    "Relu",
    "Erf",
    "Atan",
  ].flatMap((op) => unary(op, special, undefined, "with NaN and infinities")),
  ...[
    "Elu",
    "Selu",
    "LeakyRelu",
    "Softplus",
    "Softsign",
    "ThresholdedRelu",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "Gelu",
  ].flatMap((op) => unary(op, finite)),
  ...["Log", "Sqrt"].flatMap((op) =>
    unary(op, [0, 1e-30, 0.5, 1, 7, 1e30, infinity, -1, nan], undefined, "with NaN and infinities"),
  ),
  ...["Sin", "Cos", "Tan", "Sinh", "Cosh", "Asinh"].flatMap((op) => unary(op, [0, 1, -1, 2.5, -3, 0.01])),
  ...["Asin", "Acos", "Atanh"].flatMap((op) => unary(op, [0, 0.5, -0.5, 0.99, -0.99])),
  ...unary("Acosh", [1, 1.5, 10]),
  ...unary("Elu", finite, { alpha: float(0.3) }, "alpha 0.3"),
  // The specification has Celu for float32 only.
  ...unary("Celu", finite).slice(0, 1),
  ...unary("Celu", finite, { alpha: float(2) }, "alpha 2").slice(0, 1),
  ...unary("LeakyRelu", finite, { alpha: float(0.25) }, "alpha 0.25"),
  ...unary("ThresholdedRelu", finite, { alpha: float(0.7) }, "alpha 0.7"),
  ...unary("Selu", finite, { alpha: float(2), gamma: float(3) }, "alpha 2, gamma 3"),
  ...unary("HardSigmoid", finite, { alpha: float(0.4), beta: float(0.6) }, "alpha and beta"),
  ...unary("Gelu", finite, { approximate: "tanh" }, "by tanh"),
  ...unary("Erf", [0.1, 1, 2, 2.49, 2.51, 3, 3.9, 5.9, 6.1], undefined, "where its formulas meet"),
  ...(["int32", "int64"] as const).flatMap((dtype): OpCase[] =>
    ["Abs", "Neg", "Sign"].map((op) => ({ op, about: dtype, inputs: [spread(dtype, [3, 4])] })),
  ),
  { op: "Relu", about: "int32", inputs: [i32([4], [-2, 0, 3, -7])] },
  {
    op: "Relu",
    about: "int64",
    inputs: [i64([4], [-2, 0, 3, -7])],
    expected: [i64([4], [0, 0, 3, 0])],
    lacking: "everywhere",
  },
  { op: "Abs", about: "int32 wraps", inputs: [i32([1], [-(2 ** 31)])] },
  { op: "Tanh", about: "no elements", inputs: [f32([0, 3], [])] },
  { op: "IsNaN", about: "float32", inputs: [f32([special.length], special)] },
  { op: "IsInf", about: "float32", inputs: [f32([special.length], special)] },
  {
    op: "IsInf",
    about: "negative only",
    inputs: [f32([special.length], special)],
    attributes: { detect_positive: 0 },
  },
  {
    op: "IsInf",
    about: "positive only, float64",
    inputs: [f64([special.length], special)],
    attributes: { detect_negative: 0 },
  },
  { op: "Not", about: "", inputs: [bool([3], [true, false, true])] },
  { op: "Identity", about: "bool", inputs: [bool([3], [true, false, true])] },
  { op: "Dropout", about: "inference", inputs: [spread("float32", [2, 3]), f32([], [0.5])], outputs: 2 },
];

const clipCases: OpCase[] = [
  ...numberDTypes.map(
    (dtype): OpCase => ({
      op: "Clip",
      about: dtype,
      inputs: [spread(dtype, [2, 5]), one(dtype, 1), one(dtype, 2)],
    }),
  ),
  { op: "Clip", about: "no upper bound", inputs: [spread("float32", [6]), f32([], [-0.5])] },
  { op: "Clip", about: "no lower bound", inputs: [spread("float32", [6]), undefined, f32([], [0.5])] },
  { op: "Clip", about: "crossed bounds", inputs: [spread("float32", [6]), f32([], [1]), f32([], [-1])] },
  { op: "Clip", about: "infinities", inputs: [f32([2], [infinity, -infinity]), f32([], [-1]), f32([], [1])] },
];

function one(dtype: HostDType, value: number) {
  const dims: number[] = [];
  switch (dtype) {
    case "float32":
      return f32(dims, [value]);
    case "float64":
      return f64(dims, [value]);
    case "int32":
      return i32(dims, [value]);
    case "int64":
      return i64(dims, [value]);
    case "uint32":
      return u32(dims, [value]);
    default:
      return u8(dims, [value]);
  }
}

const shapePairs: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ["same shape", [2, 3], [2, 3]],
  ["a scalar", [2, 3], []],
  ["rows and columns", [4, 1], [1, 3]],
  ["ranks 1 and 3", [3], [2, 4, 3]],
  ["no elements", [0, 3], [1, 3]],
];

const binaryCases: OpCase[] = [
  ...["Add", "Sub", "Mul", "Div"].flatMap((op) =>
    numberDTypes.flatMap((dtype) =>
      shapePairs.map(
        ([about, a, b]): OpCase => ({
          op,
          about: `${dtype}, ${about}`,
          inputs: [spread(dtype, a), notZero(dtype, b)],
        }),
      ),
    ),
  ),
  ...["Min", "Max"].flatMap((op) =>
    numberDTypes.map(
      (dtype): OpCase => ({
        op,
        about: `${dtype}, three inputs`,
        inputs: [spread(dtype, [2, 3]), spread(dtype, [3]), spread(dtype, [])],
      }),
    ),
  ),
  ...["Min", "Max"].map(
    (op): OpCase => ({
      op,
      about: "NaN spreads",
      inputs: [f32([4], [nan, 1, 2, nan]), f32([4], [0, nan, 3, nan])],
    }),
  ),
  ...["Sum", "Mean"].map(
    (op): OpCase => ({
      op,
      about: "three inputs",
      inputs: [spread("float32", [2, 3]), spread("float32", [3]), spread("float32", [2, 1])],
    }),
  ),
  { op: "Sum", about: "one input", inputs: [spread("float32", [2, 3])] },
  {
    op: "Mul",
    about: "uint32 wraps",
    inputs: [u32([3], [0xffffffff, 0x9e3779b9, 65537]), u32([3], [0xffffffff, 0x85ebca6b, 65537])],
  },
  { op: "Add", about: "uint32 wraps", inputs: [u32([2], [0xffffffff, 5]), u32([2], [2, 0xfffffffe])] },
  { op: "Sub", about: "uint32 wraps", inputs: [u32([2], [0, 5]), u32([2], [1, 6])] },
  {
    op: "Mul",
    about: "int32 wraps",
    inputs: [i32([2], [2 ** 31 - 1, 123456789]), i32([2], [2 ** 31 - 1, 987654321])],
  },
  {
    op: "Mul",
    about: "int64 beyond 2^53",
    inputs: [i64([2], [3037000499n, 2n ** 62n]), i64([2], [3037000499n, 5n])],
  },
  { op: "Div", about: "float by zero", inputs: [f32([4], [1, -1, 0, nan]), f32([4], [0, 0, 0, 1])] },
  {
    op: "Div",
    about: "int32 towards zero",
    inputs: [i32([4], [7, -7, 7, -7]), i32([4], [2, 2, -2, -2])],
    expected: [i32([4], [3, -3, -3, 3])],
  },
  {
    op: "Div",
    about: "int64 towards zero",
    inputs: [i64([4], [7, -7, 7, -7]), i64([4], [2, 2, -2, -2])],
    expected: [i64([4], [3, -3, -3, 3])],
  },
  {
    op: "Mod",
    about: "int32, divisor's sign",
    inputs: [i32([4], [7, -7, 7, -7]), i32([4], [3, 3, -3, -3])],
    expected: [i32([4], [1, 2, -2, -1])],
  },
  {
    op: "Mod",
    about: "int64, divisor's sign",
    inputs: [i64([5], [7, -7, 7, -7, -6]), i64([5], [3, 3, -3, -3, 3])],
  },
  {
    op: "Mod",
    about: "int64, dividend's sign",
    inputs: [i64([4], [7, -7, 7, -7]), i64([4], [3, 3, -3, -3])],
    attributes: { fmod: 1 },
  },
  { op: "Mod", about: "uint32", inputs: [u32([2], [0xffffffff, 9]), u32([2], [10, 4])] },
  {
    op: "Mod",
    about: "float32",
    inputs: [f32([4], [7.5, -7.5, 7.5, -7.5]), f32([4], [2, 2, -2, -2])],
    attributes: { fmod: 1 },
  },
  {
    op: "Pow",
    about: "float32",
    inputs: [f32([6], [2, -2, 0, 4, -8, 0]), f32([6], [10, 3, 0, 0.5, 0.5, -1])],
  },
  { op: "Pow", about: "float64 broadcast", inputs: [spread("float64", [2, 3]), f64([], [2])] },
  { op: "Pow", about: "1 and NaN", inputs: [f32([3], [1, nan, 1]), f32([3], [nan, 0, infinity])] },
  { op: "Pow", about: "float32 to int64", inputs: [spread("float32", [5]), i64([], [3])] },
  { op: "Pow", about: "int32", inputs: [i32([4], [2, -3, 7, 0]), i32([4], [10, 3, 2, 0])] },
  { op: "Pow", about: "int64", inputs: [i64([3], [3, -3, 7]), i64([3], [30, 3, 2])] },
  { op: "PRelu", about: "a slope a column", inputs: [spread("float32", [4, 3]), spread("float32", [3])] },
  {
    op: "PRelu",
    about: "float64",
    inputs: [spread("float64", [4, 3]), spread("float64", [1])],
    lacking: "everywhere",
  },
];

/** Divisors: like `spread`, without zeros. */
function notZero(dtype: HostDType, dims: readonly number[]) {
  const tensor = spread(dtype, dims);
  for (let i = 0; i < tensor.data.length; i++) {
    if (Number(tensor.data[i]) !== 0) continue;
    if (tensor.data instanceof BigInt64Array) tensor.data[i] = 3n;
    else tensor.data[i] = 3;
  }
  return tensor;
}

const comparisonCases: OpCase[] = [
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].flatMap((op) => [
    ...numberDTypes.map(
      (dtype): OpCase => ({ op, about: dtype, inputs: [spread(dtype, [5, 6]), spread(dtype, [6])] }),
    ),
    { op, about: "NaN and zeros", inputs: [f32([4], [nan, 1, 0, nan]), f32([4], [1, nan, -0, nan])] },
  ]),
  { op: "Equal", about: "bool", inputs: [bool([4], [0, 0, 1, 1]), bool([4], [0, 1, 0, 1])] },
  { op: "Less", about: "int64 beyond 2^53", inputs: [i64([1], [2n ** 53n]), i64([1], [2n ** 53n + 1n])] },
  ...["And", "Or", "Xor"].map(
    (op): OpCase => ({ op, about: "broadcast", inputs: [bool([2, 1], [0, 1]), bool([2], [0, 1])] }),
  ),
  ...([...floatDTypes, "int32", "int64", "uint8"] as const).map(
    (dtype): OpCase => ({
      op: "Where",
      about: `${dtype}, three shapes`,
      inputs: [bool([2, 1], [1, 0]), spread(dtype, [3]), spread(dtype, [2, 3])],
    }),
  ),
  {
    op: "Where",
    about: "bool",
    inputs: [bool([2], [1, 0]), bool([2], [1, 1]), bool([2], [0, 0])],
    expected: [bool([2], [1, 0])],
    lacking: "everywhere",
  },
  {
    op: "Where",
    about: "uint32",
    inputs: [bool([2], [1, 0]), u32([], [5]), u32([2], [7, 8])],
    expected: [u32([2], [5, 8])],
    lacking: "everywhere",
  },
  {
    op: "Where",
    about: "NaN is not mixed in",
    inputs: [bool([2], [1, 0]), f32([2], [1, nan]), f32([2], [nan, 2])],
  },
];

const bitCases: OpCase[] = [
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor"].flatMap((op): OpCase[] => [
    {
      op,
      about: "uint32",
      inputs: [u32([2, 2], [0xffffffff, 0x9e3779b9, 1, 0]), u32([2], [0x0f0f0f0f, 0x80000000])],
    },
    { op, about: "int32", inputs: [i32([3], [-1, 5, 2 ** 31 - 1]), i32([3], [7, -3, 1])] },
    { op, about: "int64", inputs: [i64([2], [-1, 2n ** 40n + 5n]), i64([2], [7, -3])] },
    { op, about: "uint8", inputs: [u8([2], [255, 170]), u8([2], [15, 85])] },
  ]),
  { op: "BitwiseNot", about: "uint32", inputs: [u32([3], [0, 1, 0xffffffff])] },
  { op: "BitwiseNot", about: "int64", inputs: [i64([3], [0, 1, -1])] },
  { op: "BitwiseNot", about: "uint8", inputs: [u8([2], [0, 170])] },
  {
    op: "BitShift",
    about: "uint32 left",
    inputs: [u32([4], [1, 0xffffffff, 3, 9]), u32([4], [31, 4, 0, 16])],
    attributes: { direction: "LEFT" },
  },
  {
    op: "BitShift",
    about: "uint32 right",
    inputs: [u32([4], [0x80000000, 0xffffffff, 3, 9]), u32([], [15])],
    attributes: { direction: "RIGHT" },
  },
  {
    op: "BitShift",
    about: "uint8 left loses bits",
    inputs: [u8([2], [255, 3]), u8([2], [4, 7])],
    attributes: { direction: "LEFT" },
  },
];

const proto = TensorProto_DataType;
const castTargets: readonly (readonly [string, TensorProto_DataType])[] = [
  ["float32", proto.FLOAT],
  ["float64", proto.DOUBLE],
  ["int32", proto.INT32],
  ["int64", proto.INT64],
  ["uint32", proto.UINT32],
  ["uint8", proto.UINT8],
  ["bool", proto.BOOL],
];
const castSources = [
  f32([6], [0, 1.9, 250.5, 3.5, 7, 0.3]),
  f64([6], [0, 1.9, 250.5, 3.5, 7, 0.3]),
  i32([4], [0, 255, 7, 2 ** 31 - 1]),
  i64([4], [0, 255, 7, 2n ** 31n]),
  u32([4], [0, 255, 7, 0xffffffff]),
  u8([3], [0, 255, 7]),
  bool([2], [0, 1]),
];
const castCases: OpCase[] = [
  ...castSources.flatMap((source) =>
    castTargets.map(
      ([to, code]): OpCase => ({
        op: "Cast",
        about: `${source.dtype} to ${to}`,
        inputs: [source],
        attributes: { to: code },
      }),
    ),
  ),
  {
    op: "Cast",
    about: "negative floats towards zero",
    inputs: [f32([4], [-0.5, -1.9, -7, 2.9])],
    attributes: { to: proto.INT32 },
  },
  {
    op: "Cast",
    about: "negative int64 to uint32",
    inputs: [i64([2], [-1, -(2n ** 31n)])],
    attributes: { to: proto.UINT32 },
  },
  {
    op: "Cast",
    about: "int64 to int32 wraps",
    inputs: [i64([2], [2n ** 32n + 5n, -(2n ** 40n) - 1n])],
    attributes: { to: proto.INT32 },
  },
  {
    op: "Cast",
    about: "NaN is true",
    inputs: [f32([3], [nan, -0, infinity])],
    attributes: { to: proto.BOOL },
  },
  { op: "CastLike", about: "float32 to int64", inputs: [f32([2], [1.5, -1.5]), i64([], [0])] },
];

export const elementwiseCases: readonly OpCase[] = [
  ...unaryCases,
  ...clipCases,
  ...binaryCases,
  ...comparisonCases,
  ...bitCases,
  ...castCases,
];
