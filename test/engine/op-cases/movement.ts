import { type HostTensor, hostTensor, TensorProto_DataType } from "../../../src/onnx/index.ts";
import { bool, f32, f64, i32, i64, list, type OpCase, spread, u32 } from "./case.ts";

const allDTypes = ["float32", "float64", "int32", "int64", "uint32", "uint8", "bool"] as const;

const gatherCases: OpCase[] = [
  ...allDTypes.map(
    (dtype): OpCase => ({
      op: "Gather",
      about: dtype,
      inputs: [spread(dtype, [4, 3]), i64([2, 2], [0, 3, -1, 1])],
    }),
  ),
  {
    op: "Gather",
    about: "middle axis, int32 indices",
    inputs: [spread("float32", [2, 4, 3]), i32([3], [3, 0, -2])],
    attributes: { axis: 1 },
  },
  {
    op: "Gather",
    about: "a scalar index drops the axis",
    inputs: [spread("float32", [2, 4]), i64([], [1])],
    attributes: { axis: -1 },
  },
  { op: "Gather", about: "no indices", inputs: [spread("float32", [4, 3]), i64([0], [])] },
  {
    op: "GatherElements",
    about: "last axis",
    inputs: [spread("float32", [3, 3]), i64([3, 2], [0, 2, -1, 1, 1, 0])],
    attributes: { axis: 1 },
  },
  {
    op: "GatherElements",
    about: "axis 0, fewer columns",
    inputs: [spread("int64", [4, 3]), i32([2, 2], [3, -4, 0, 2])],
  },
  {
    op: "GatherElements",
    about: "three axes",
    inputs: [spread("float32", [2, 3, 2]), i64([2, 1, 2], [2, 0, 1, -1])],
    attributes: { axis: 1 },
  },
  { op: "GatherND", about: "elements", inputs: [spread("float32", [3, 4]), i64([2, 2], [0, 1, -1, -1])] },
  { op: "GatherND", about: "slices", inputs: [spread("float32", [3, 4]), i64([2, 1], [2, 0])] },
  {
    op: "GatherND",
    about: "a batch axis",
    inputs: [spread("float32", [2, 3, 4]), i64([2, 1], [1, -1])],
    attributes: { batch_dims: 1 },
  },
  {
    op: "GatherND",
    about: "a batch axis and several",
    inputs: [spread("int32", [2, 3, 4]), i64([2, 3, 2], [0, 0, 1, 1, 2, 2, 0, 3, 1, 2, 2, 1])],
    attributes: { batch_dims: 1 },
  },
  { op: "OneHot", about: "last axis", inputs: [i64([4], [0, 2, -1, 3]), i64([], [3]), f32([2], [0, 1])] },
  {
    op: "OneHot",
    about: "first axis, other values",
    inputs: [i64([2, 2], [0, 1, 2, 1]), i64([], [3]), f32([2], [-0.5, 2])],
    attributes: { axis: 0 },
  },
  { op: "OneHot", about: "int64 values", inputs: [i64([2], [1, 0]), i64([1], [2]), i64([2], [5, 7])] },
  {
    op: "OneHot",
    about: "float64 values",
    inputs: [i64([2], [1, 0]), i64([], [2]), f64([2], [0, 1])],
    expected: [f64([2, 2], [0, 1, 1, 0])],
    lacking: "everywhere",
  },
];

const rows = () => spread("float32", [4, 3]);
const scatterCases: OpCase[] = [
  ...["none", "add", "mul", "min", "max"].flatMap((reduction): OpCase[] => [
    {
      op: "ScatterElements",
      about: reduction,
      inputs: [
        rows(),
        i64([2, 3], reduction === "none" ? [0, 1, 2, -1, 3, 0] : [0, 1, 2, 0, 1, 0]),
        spread("float32", [2, 3]),
      ],
      attributes: { reduction },
    },
    {
      op: "ScatterND",
      about: reduction,
      inputs: [rows(), i64([2, 1], [3, 1]), spread("float32", [2, 3])],
      attributes: { reduction },
    },
  ]),
  {
    op: "ScatterElements",
    about: "last axis, int64",
    inputs: [spread("int64", [3, 5]), i64([3, 2], [4, 0, 1, 2, 3, -5]), spread("int64", [3, 2])],
    attributes: { axis: -1 },
  },
  {
    op: "ScatterElements",
    about: "repeated indices add",
    inputs: [f32([1, 3], [0, 0, 0]), i64([1, 4], [1, 1, 1, 0]), f32([1, 4], [1, 2, 3, 4])],
    attributes: { axis: 1, reduction: "add" },
  },
  {
    op: "ScatterND",
    about: "elements",
    inputs: [rows(), i64([3, 2], [0, 0, 1, 2, -1, -1]), spread("float32", [3])],
  },
  {
    op: "ScatterND",
    about: "repeated slices add, in order",
    inputs: [f32([2, 2], [0, 0, 0, 0]), i64([3, 1], [1, 1, 1]), f32([3, 2], [1, 2, 3, 4, 5, 6])],
    attributes: { reduction: "add" },
    expected: [f32([2, 2], [0, 0, 9, 12])],
    differs: "with two threads ONNX Runtime loses updates",
  },
];

const layoutCases: OpCase[] = [
  ...allDTypes.map(
    (dtype): OpCase => ({
      op: "Transpose",
      about: dtype,
      inputs: [spread(dtype, [2, 3, 4])],
      attributes: { perm: [2, 0, 1] },
    }),
  ),
  { op: "Transpose", about: "reversed by default", inputs: [spread("float32", [2, 3, 4])] },
  { op: "Transpose", about: "no elements", inputs: [f32([0, 3], [])] },
  { op: "Reshape", about: "one left open", inputs: [spread("float32", [2, 3, 4]), list(4, -1)] },
  { op: "Reshape", about: "zero copies", inputs: [spread("float32", [2, 3, 4]), list(0, -1)] },
  {
    op: "Reshape",
    about: "zero is zero",
    inputs: [f32([0, 3], []), list(5, 0)],
    attributes: { allowzero: 1 },
  },
  { op: "Reshape", about: "to a scalar", inputs: [spread("float32", [1, 1]), list()] },
  ...[0, 1, 2, 3, -1].map(
    (axis): OpCase => ({
      op: "Flatten",
      about: `axis ${axis}`,
      inputs: [spread("float32", [2, 3, 4])],
      attributes: { axis },
    }),
  ),
  { op: "Squeeze", about: "given axes", inputs: [spread("float32", [1, 3, 1]), list(-1)] },
  { op: "Squeeze", about: "all", inputs: [spread("float32", [1, 3, 1])] },
  { op: "Unsqueeze", about: "front and back", inputs: [spread("float32", [3, 2]), list(0, -1)] },
  { op: "Unsqueeze", about: "a scalar", inputs: [spread("float32", []), list(0)] },
  { op: "Expand", about: "rows", inputs: [spread("float32", [3, 1]), list(2, 3, 4)] },
  { op: "Expand", about: "1 keeps the size", inputs: [spread("int64", [3, 4]), list(1, 1)] },
  { op: "Expand", about: "to nothing", inputs: [spread("float32", [1, 3]), list(0, 3)] },
  { op: "Tile", about: "two axes", inputs: [spread("float32", [2, 3]), list(2, 3)] },
  { op: "Tile", about: "three axes, bool", inputs: [spread("bool", [2, 1, 3]), list(1, 2, 2)] },
  { op: "Tile", about: "no times", inputs: [spread("float32", [2, 3]), list(0, 1)] },
];

const concatOf = (...inputs: HostTensor[]) => inputs;
const piecesCases: OpCase[] = [
  ...allDTypes.map(
    (dtype): OpCase => ({
      op: "Concat",
      about: dtype,
      inputs: [spread(dtype, [2, 1]), spread(dtype, [2, 3])],
      attributes: { axis: 1 },
    }),
  ),
  {
    op: "Concat",
    about: "three, one empty, negative axis",
    inputs: concatOf(spread("float32", [2, 2, 2]), f32([2, 0, 2], []), spread("float32", [2, 1, 2])),
    attributes: { axis: -2 },
  },
  { op: "Concat", about: "one", inputs: [spread("float32", [2, 2])], attributes: { axis: 0 } },
  {
    op: "Split",
    about: "given sizes",
    inputs: [spread("float32", [2, 6]), list(1, 2, 3)],
    attributes: { axis: 1 },
    outputs: 3,
  },
  {
    op: "Split",
    about: "equal",
    inputs: [spread("float32", [6, 2])],
    attributes: { num_outputs: 3 },
    outputs: 3,
  },
  {
    op: "Split",
    about: "uneven",
    inputs: [spread("float32", [7])],
    attributes: { num_outputs: 3 },
    outputs: 3,
  },
  { op: "Split", about: "an empty piece, int64", inputs: [spread("int64", [3, 2]), list(3, 0)], outputs: 2 },
  ...allDTypes.map(
    (dtype): OpCase => ({
      op: "Slice",
      about: dtype,
      inputs: [spread(dtype, [4, 5]), list(1, 0), list(3, 4)],
    }),
  ),
  {
    op: "Slice",
    about: "negative ends and a step",
    inputs: [spread("float32", [4, 7]), list(-6), list(-1), list(1), list(2)],
  },
  {
    op: "Slice",
    about: "backwards",
    inputs: [spread("float32", [5]), list(-1), list(-9), list(0), list(-2)],
  },
  {
    op: "Slice",
    about: "past the end",
    inputs: [spread("float32", [3, 4]), list(1), i64([1], [2n ** 62n]), list(-1)],
  },
  {
    op: "Slice",
    about: "backwards to the largest negative",
    inputs: [spread("float32", [4]), list(2), i64([1], [-(2n ** 62n)]), list(0), list(-1)],
  },
  { op: "Slice", about: "nothing", inputs: [spread("float32", [3, 4]), list(2), list(1), list(0)] },
  {
    op: "Slice",
    about: "int32 positions",
    inputs: [spread("float32", [3, 4]), i32([1], [1]), i32([1], [3]), i32([1], [1])],
  },
  { op: "Pad", about: "zeros", inputs: [spread("float32", [2, 3]), list(1, 0, 0, 2)] },
  {
    op: "Pad",
    about: "a constant on one axis",
    inputs: [spread("float32", [2, 3]), list(1, 2), f32([], [7]), list(-1)],
  },
  ...["reflect", "edge", "wrap"].map(
    (mode): OpCase => ({
      op: "Pad",
      about: mode,
      inputs: [spread("float32", [2, 4]), list(0, 3, 1, 2)],
      attributes: { mode },
    }),
  ),
  { op: "Pad", about: "negative cuts off", inputs: [spread("float32", [3, 4]), list(-1, 1, 0, -2)] },
  { op: "Pad", about: "int64", inputs: [spread("int64", [2]), list(1, 1), i64([], [-9])] },
  { op: "Pad", about: "bool", inputs: [spread("bool", [2]), list(1, 1), bool([], [1])] },
];

const code = TensorProto_DataType;
const generatorCases: OpCase[] = [
  { op: "Constant", about: "a tensor", inputs: [], attributes: { value: i64([2], [1, -2]) } },
  { op: "Constant", about: "a float", inputs: [], attributes: { value_float: { float: 1.5 } } },
  { op: "Constant", about: "floats", inputs: [], attributes: { value_floats: { floats: [1.5, -2] } } },
  { op: "Constant", about: "an integer", inputs: [], attributes: { value_int: -3 } },
  { op: "Constant", about: "integers", inputs: [], attributes: { value_ints: [4, 5] } },
  { op: "ConstantOfShape", about: "float zeros", inputs: [list(2, 3)] },
  { op: "ConstantOfShape", about: "int64", inputs: [list(2)], attributes: { value: i64([1], [7]) } },
  { op: "ConstantOfShape", about: "bool scalar", inputs: [list()], attributes: { value: bool([1], [1]) } },
  {
    op: "ConstantOfShape",
    about: "uint32",
    inputs: [list(2)],
    attributes: { value: u32([1], [0xffffffff]) },
  },
  ...(["float32", "float64", "int32", "int64"] as const).map((dtype): OpCase => {
    const scalar = (value: number) => hostTensor(dtype, [], [value]);
    return { op: "Range", about: dtype, inputs: [scalar(1), scalar(10), scalar(3)] };
  }),
  { op: "Range", about: "downwards", inputs: [i64([], [5]), i64([], [-2]), i64([], [-2])] },
  { op: "Range", about: "nothing", inputs: [i64([], [5]), i64([], [2]), i64([], [1])] },
  { op: "Range", about: "a fraction of a step", inputs: [f32([], [0]), f32([], [1]), f32([], [0.3])] },
  { op: "Shape", about: "", inputs: [spread("float32", [2, 0, 3])] },
  {
    op: "Shape",
    about: "a part",
    inputs: [spread("float32", [2, 3, 4, 5])],
    attributes: { start: 1, end: -1 },
  },
  { op: "Shape", about: "a scalar's", inputs: [spread("float32", [])] },
  { op: "Size", about: "", inputs: [spread("float32", [2, 3])] },
  { op: "Size", about: "no elements", inputs: [f32([2, 0], [])] },
  { op: "NonZero", about: "float32", inputs: [f32([2, 3], [0, 1, -0, 2, 0, Number.NaN])] },
  { op: "NonZero", about: "bool", inputs: [bool([2, 2], [1, 0, 0, 1])] },
  { op: "NonZero", about: "int64, none", inputs: [i64([3], [0, 0, 0])] },
  {
    op: "NonZero",
    about: "float64",
    inputs: [f64([3], [0, 2, 0])],
    expected: [i64([1, 1], [1])],
    lacking: "everywhere",
  },
  { op: "Trilu", about: "upper", inputs: [spread("float32", [3, 4])] },
  {
    op: "Trilu",
    about: "lower, above the diagonal, batched",
    inputs: [spread("float32", [2, 3, 3]), i64([], [1])],
    attributes: { upper: 0 },
  },
  {
    op: "Trilu",
    about: "upper, below the diagonal, int64",
    inputs: [spread("int64", [3, 3]), i64([], [-1])],
  },
  { op: "EyeLike", about: "same dtype", inputs: [spread("float32", [2, 3])] },
  {
    op: "EyeLike",
    about: "other diagonal and dtype",
    inputs: [spread("float32", [3, 3])],
    attributes: { k: -1, dtype: code.INT64 },
  },
];

export const movementCases: readonly OpCase[] = [
  ...gatherCases,
  ...scatterCases,
  ...layoutCases,
  ...piecesCases,
  ...generatorCases,
];
