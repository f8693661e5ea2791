import { float } from "../../../src/onnx/index.ts";
import { f32, f64, floatDTypes, i32, i64, list, type OpCase, spread, u32 } from "./case.ts";

const infinity = Number.POSITIVE_INFINITY;
const reductions = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSumExp",
];

const overAxes: OpCase[] = [
  ...reductions.flatMap((op): OpCase[] => [
    ...floatDTypes.map(
      (dtype): OpCase => ({
        op,
        about: `${dtype}, middle axis`,
        inputs: [spread(dtype, [2, 3, 4]), list(1)],
      }),
    ),
    { op, about: "all axes", inputs: [spread("float32", [2, 3])] },
    { op, about: "all axes, dropped", inputs: [spread("float32", [2, 3])], attributes: { keepdims: 0 } },
    {
      op,
      about: "two axes, one negative, dropped",
      inputs: [spread("float32", [2, 3, 4]), list(-1, 0)],
      attributes: { keepdims: 0 },
    },
    {
      op,
      about: "empty list of axes, nothing to do",
      inputs: [spread("float32", [2, 3]), list()],
      attributes: { noop_with_empty_axes: 1 },
    },
    { op, about: "one element", inputs: [f32([1, 1], [-3]), list(1)] },
    { op, about: "a scalar", inputs: [f32([], [2.5])] },
  ]),
  { op: "ReduceLogSum", about: "", inputs: [f32([2, 2], [1, 2, 3, 4]), list(1)] },
  ...["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"].flatMap((op): OpCase[] => [
    { op, about: "int32", inputs: [i32([2, 3], [1, -2, 3, 4, 5, -6]), list(1)] },
    { op, about: "int64", inputs: [i64([2, 3], [1, -2, 3, 2n ** 45n, 1, 1]), list(1)] },
  ]),
  { op: "ReduceMean", about: "int32", inputs: [i32([2, 2], [1, 2, -1, -2]), list(1)] },
  {
    op: "ReduceSum",
    about: "int64 beyond 2^53",
    inputs: [i64([3], [2n ** 55n, 1, 1])],
    expected: [i64([1], [2n ** 55n + 2n])],
    differs: "ONNX Runtime adds int64 in float64 and loses the low bits",
  },
  {
    op: "ReduceSum",
    about: "uint32",
    inputs: [u32([2], [0xffffffff, 3])],
    expected: [u32([1], [2])],
    lacking: "everywhere",
  },
  { op: "ReduceSum", about: "no rows", inputs: [f32([0, 3], []), list(0)], attributes: { keepdims: 0 } },
  { op: "ReduceSum", about: "no rows, other axis", inputs: [f32([0, 3], []), list(1)] },
  { op: "ReduceProd", about: "no rows", inputs: [f32([0, 3], []), list(0)] },
  {
    op: "ReduceMax",
    about: "infinities",
    inputs: [f32([2, 2], [-infinity, -infinity, infinity, 1]), list(1)],
  },
  {
    op: "ReduceLogSumExp",
    about: "large and infinite",
    inputs: [f32([4, 2], [1000, 1000, -1000, -1000, -infinity, 3, infinity, 3]), list(1)],
  },
  {
    op: "ReduceLogSumExp",
    about: "all minus infinity",
    inputs: [f32([1, 2], [-infinity, -infinity]), list(1)],
    expected: [f32([1, 1], [-infinity])],
  },
  {
    op: "ReduceSum",
    about: "axes as an attribute's successor in opset 13",
    inputs: [spread("float32", [2, 3]), list(0)],
    opset: 13,
  },
  {
    op: "ReduceMax",
    about: "axes as an attribute",
    inputs: [spread("float32", [2, 3])],
    attributes: { axes: [1], keepdims: 0 },
    opset: 13,
  },
];

const alongAxisCases: OpCase[] = [
  ...["ArgMax", "ArgMin"].flatMap((op): OpCase[] => [
    ...([...floatDTypes, "int32"] as const).map(
      (dtype): OpCase => ({ op, about: dtype, inputs: [spread(dtype, [3, 4, 2])], attributes: { axis: 1 } }),
    ),
    {
      op,
      about: "ties take the first",
      inputs: [f32([2, 4], [1, 3, 3, 1, 2, 2, 2, 2])],
      attributes: { axis: -1, keepdims: 0 },
    },
    {
      op,
      about: "ties take the last",
      inputs: [f32([2, 4], [1, 3, 3, 1, 2, 2, 2, 2])],
      attributes: { axis: -1, select_last_index: 1 },
    },
    { op, about: "axis 0", inputs: [spread("float32", [3, 4])] },
  ]),
  ...(["float32", "float64", "int32", "int64"] as const).map(
    (dtype): OpCase => ({ op: "TopK", about: dtype, inputs: [spread(dtype, [3, 7]), list(3)], outputs: 2 }),
  ),
  {
    op: "TopK",
    about: "ties keep their order",
    inputs: [f32([2, 5], [1, 2, 2, 1, 2, 0, 0, 0, 0, 0]), list(4)],
    outputs: 2,
  },
  {
    op: "TopK",
    about: "smallest, ties",
    inputs: [f32([1, 6], [3, 1, 2, 1, 3, 1]), list(4)],
    attributes: { largest: 0 },
    outputs: 2,
  },
  {
    op: "TopK",
    about: "first axis",
    inputs: [spread("float32", [6, 2, 3]), list(2)],
    attributes: { axis: 0 },
    outputs: 2,
  },
  { op: "TopK", about: "whole axis", inputs: [spread("float32", [2, 4]), list(4)], outputs: 2 },
  { op: "TopK", about: "none", inputs: [spread("float32", [2, 4]), list(0)], outputs: 2 },
  ...(["float32", "float64", "int32", "int64"] as const).map(
    (dtype): OpCase => ({ op: "CumSum", about: dtype, inputs: [spread(dtype, [3, 4]), i64([], [1])] }),
  ),
  ...[
    [0, 1],
    [1, 0],
    [1, 1],
  ].map(
    ([exclusive, reverse]): OpCase => ({
      op: "CumSum",
      about: `exclusive ${exclusive}, reverse ${reverse}`,
      inputs: [spread("float32", [2, 5, 3]), i32([], [-2])],
      attributes: { exclusive, reverse },
    }),
  ),
];

const normalizationCases: OpCase[] = [
  ...["Softmax", "LogSoftmax"].flatMap((op): OpCase[] => [
    ...floatDTypes.map((dtype): OpCase => ({ op, about: dtype, inputs: [spread(dtype, [3, 5])] })),
    { op, about: "middle axis", inputs: [spread("float32", [2, 3, 4])], attributes: { axis: 1 } },
    { op, about: "large values", inputs: [f32([2, 3], [1000, 1001, 999, -1000, -1000, -1000])] },
    { op, about: "a masked element", inputs: [f32([1, 3], [0, -infinity, 1])] },
    { op, about: "no rows", inputs: [f32([0, 3], [])] },
  ]),
  ...floatDTypes.map(
    (dtype): OpCase => ({
      op: "LayerNormalization",
      about: dtype,
      inputs: [spread(dtype, [4, 6]), spread(dtype, [6]), spread(dtype, [6])],
      outputs: dtype === "float32" ? 3 : 1,
    }),
  ),
  {
    op: "LayerNormalization",
    about: "two axes, no bias, epsilon",
    inputs: [spread("float32", [2, 3, 4]), spread("float32", [3, 4])],
    attributes: { axis: 1, epsilon: float(0.1) },
    outputs: 3,
  },
  ...floatDTypes.map(
    (dtype): OpCase => ({
      op: "BatchNormalization",
      about: dtype,
      inputs: [
        spread(dtype, [4, 3]),
        spread(dtype, [3]),
        spread(dtype, [3]),
        spread(dtype, [3]),
        variance(dtype),
      ],
      attributes: { epsilon: float(1e-3) },
    }),
  ),
  {
    op: "BatchNormalization",
    about: "with a length",
    inputs: [
      spread("float32", [2, 3, 4]),
      spread("float32", [3]),
      spread("float32", [3]),
      spread("float32", [3]),
      variance("float32"),
    ],
  },
  {
    op: "InstanceNormalization",
    about: "",
    inputs: [spread("float32", [2, 3, 5]), spread("float32", [3]), spread("float32", [3])],
    attributes: { epsilon: float(0.01) },
  },
  {
    op: "RMSNormalization",
    about: "",
    inputs: [spread("float32", [2, 3, 4]), spread("float32", [4])],
    opset: 23,
  },
  {
    op: "RMSNormalization",
    about: "two axes, epsilon",
    inputs: [spread("float32", [2, 3, 4]), spread("float32", [3, 4])],
    attributes: { axis: 1, epsilon: float(0.5) },
    opset: 23,
  },
];

function variance(dtype: "float32" | "float64") {
  const values = [0.5, 2, 0.01];
  return dtype === "float32" ? f32([3], values) : f64([3], values);
}

const productCases: OpCase[] = [
  ...(["float32", "float64", "int32", "int64", "uint32"] as const).map(
    (dtype): OpCase => ({
      op: "MatMul",
      about: dtype,
      inputs: [spread(dtype, [3, 4]), spread(dtype, [4, 2])],
    }),
  ),
  ...(
    [
      ["batched", [2, 3, 4], [2, 4, 5]],
      ["batch against one", [2, 3, 4], [4, 5]],
      ["one against batch", [3, 4], [2, 4, 5]],
      ["batches broadcast", [2, 1, 3, 4], [5, 4, 2]],
      ["vector and matrix", [4], [4, 3]],
      ["matrix and vector", [3, 4], [4]],
      ["vector and batch", [4], [2, 4, 3]],
      ["batch and vector", [2, 3, 4], [4]],
      ["two vectors", [4], [4]],
      ["no rows", [0, 4], [4, 2]],
      ["nothing to sum", [2, 0], [0, 3]],
      ["a longer sum", [3, 11], [11, 2]],
    ] as const
  ).map(
    ([about, a, b]): OpCase => ({
      op: "MatMul",
      about,
      inputs: [spread("float32", a), spread("float32", b)],
    }),
  ),
  ...floatDTypes.map(
    (dtype): OpCase => ({
      op: "Gemm",
      about: `${dtype}, both transposed`,
      inputs: [spread(dtype, [4, 3]), spread(dtype, [2, 4]), spread(dtype, [3, 1])],
      attributes: { transA: 1, transB: 1, alpha: float(0.5), beta: float(2) },
    }),
  ),
  { op: "Gemm", about: "no third", inputs: [spread("float32", [2, 3]), spread("float32", [3, 4])] },
  {
    op: "Gemm",
    about: "a scalar third",
    inputs: [spread("float32", [2, 3]), spread("float32", [3, 4]), spread("float32", [])],
  },
  {
    op: "Gemm",
    about: "a row",
    inputs: [spread("float32", [2, 3]), spread("float32", [3, 4]), spread("float32", [4])],
  },
  ...(
    [
      ["ij,jk->ik", [2, 3], [3, 4]],
      ["bij,bkj->bik", [2, 3, 4], [2, 5, 4]],
      ["bi,bj->bij", [2, 3], [2, 4]],
      ["bi,bi->b", [3, 4], [3, 4]],
      ["bi,bi", [3, 4], [3, 4]],
      ["...ij,...jk->...ik", [2, 2, 3], [2, 3, 4]],
      ["bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]],
      ["i,j->", [3], [4]],
    ] as const
  ).map(
    ([equation, a, b]): OpCase => ({
      op: "Einsum",
      about: equation,
      inputs: [spread("float32", a), spread("float32", b)],
      attributes: { equation },
    }),
  ),
  {
    op: "Einsum",
    about: "transpose",
    inputs: [spread("float32", [2, 3])],
    attributes: { equation: "ij->ji" },
  },
  {
    op: "Einsum",
    about: "implicit order",
    inputs: [spread("float32", [2, 3])],
    attributes: { equation: "ba" },
  },
  { op: "Einsum", about: "diagonal", inputs: [spread("float32", [3, 3])], attributes: { equation: "ii->i" } },
  {
    op: "Einsum",
    about: "row sums, float64",
    inputs: [spread("float64", [2, 3])],
    attributes: { equation: "ij->i" },
  },
  {
    op: "Einsum",
    about: "three inputs",
    inputs: [spread("float32", [2, 3]), spread("float32", [3, 4]), spread("float32", [2, 4])],
    attributes: { equation: "ij,jk,ik->i" },
  },
  {
    op: "Einsum",
    about: "int64",
    inputs: [spread("int64", [2, 3]), spread("int64", [3, 2])],
    attributes: { equation: "ij,jk->ik" },
  },
];

export const reductionCases: readonly OpCase[] = [
  ...overAxes,
  ...alongAxisCases,
  ...normalizationCases,
  ...productCases,
];
