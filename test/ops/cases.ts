/**
 * Every public op with inputs to try it on. The table is typed by the exports of `ops`: an op without a
 * case does not compile. From it come gradient checks, second derivatives, engine parity and goldens.
 */
import * as ops from "../../src/ops/index.ts";
import { constant, type Tensor } from "../../src/tensor/index.ts";
import {
  apart,
  awayFromZero,
  below,
  booleans,
  exactly,
  type CaseInput,
  type OpCase,
  type OpCases,
  uniform,
  words,
} from "./case.ts";

/** For what is undefined without rows, or what ONNX Runtime cannot do without (broadcast MatMul over none). */
const nonEmpty = [1, 3, 7];

const unary = (apply: (x: Tensor) => Tensor, input: CaseInput, more: readonly OpCase[] = []): OpCases => [
  { about: "batch of rows", inputs: [input], build: (x) => apply(x) },
  {
    about: "rank 0",
    inputs: [{ ...input, shape: [] }],
    build: (x) => apply(x),
  },
  ...more,
];

/** Pairs of shapes that broadcast in every way. */
const broadcasts: readonly (readonly [
  about: string,
  a: readonly (number | string)[],
  b: readonly (number | string)[],
])[] = [
  ["same shape", ["batch", 3], ["batch", 3]],
  ["a row to many", ["batch", 3], [3]],
  ["a column to many", ["batch", 3], ["batch", 1]],
  ["both ways", ["batch", 1], [1, 3]],
  ["a scalar", [], ["batch", 3]],
  ["rank 3 with rank 2", [2, "batch", 3], ["batch", 1]],
  ["a middle axis of 1", [2, 1, 3], [2, 4, 3]],
];

const binary = (
  apply: (a: Tensor, b: Tensor) => Tensor,
  make: (shape: readonly (number | string)[]) => CaseInput,
  more: readonly OpCase[] = [],
  makeB = make,
): OpCases => {
  const [first, ...rest] = broadcasts.map(
    ([about, a, b]): OpCase => ({ about, inputs: [make(a), makeB(b)], build: (x, y) => apply(x, y) }),
  );
  return [first, ...rest, ...more];
};

const anyFloat = (shape: readonly (number | string)[]): CaseInput => uniform(shape);
const whole = (dtype: "int32" | "int64" | "uint32", apply: (a: Tensor, b: Tensor) => Tensor): OpCase => ({
  about: dtype,
  inputs: [below(["batch", 3], 40, dtype), below([3], 9, dtype)],
  build: (a, b) => apply(a, b),
});

const comparison = (apply: (a: Tensor, b: Tensor) => Tensor): OpCases =>
  binary(apply, (shape) => below(shape, 3, "float32"), [
    whole("int32", apply),
    { about: "int64", inputs: [below(["batch"], 3, "int64"), below(["batch"], 3, "int64")], build: apply },
    { about: "uint32 high bits", inputs: [words(["batch"]), words(["batch"])], build: apply },
  ]);

const logical = (apply: (a: Tensor, b: Tensor) => Tensor): OpCases => binary(apply, booleans);

const reduction = (
  apply: (x: Tensor, options?: ops.ReduceOptions) => Tensor,
  make: (shape: readonly (number | string)[]) => CaseInput,
  { batches, more }: { readonly batches?: readonly number[]; readonly more?: OpCase } = {},
): OpCases => [
  { about: "all axes", inputs: [make(["batch", 3])], build: (x) => apply(x), batches },
  { about: "first axis", inputs: [make(["batch", 3])], build: (x) => apply(x, { axis: 0 }), batches },
  {
    about: "last axis kept",
    inputs: [make(["batch", 3])],
    build: (x) => apply(x, { axis: -1, keepDims: true }),
  },
  { about: "two of three axes", inputs: [make(["batch", 3, 2])], build: (x) => apply(x, { axes: [-1, 1] }) },
  { about: "outer axes", inputs: [make(["batch", 3, 2])], build: (x) => apply(x, { axes: [0, 2] }), batches },
  { about: "no axes", inputs: [make(["batch", 3])], build: (x) => apply(x, { axes: [] }) },
  { about: "rank 0", inputs: [make([])], build: (x) => apply(x) },
  {
    about: "a computed tensor",
    inputs: [make(["batch", 3])],
    build: (x) => apply(ops.mul(x, x), { axis: 1 }),
  },
  ...(more === undefined ? [] : [more]),
];

export const cases: { readonly [name in keyof typeof ops]: OpCases } = {
  // Arithmetic
  add: binary(ops.add, anyFloat, [
    whole("int32", ops.add),
    whole("int64", ops.add),
    whole("uint32", ops.add),
    { about: "a number", inputs: [uniform(["batch"])], build: (x) => ops.add(2.5, x) },
    { about: "to itself", inputs: [uniform(["batch"])], build: (x) => ops.add(x, x) },
  ]),
  sub: binary(ops.sub, anyFloat, [
    whole("int32", ops.sub),
    whole("int64", ops.sub),
    { about: "uint32 wraps", inputs: [words(["batch"]), words(["batch"])], build: (a, b) => ops.sub(a, b) },
    { about: "from a number", inputs: [uniform(["batch"])], build: (x) => ops.sub(1, x) },
  ]),
  mul: binary(ops.mul, anyFloat, [
    whole("int32", ops.mul),
    whole("int64", ops.mul),
    { about: "uint32 wraps", inputs: [words(["batch"]), words(["batch"])], build: (a, b) => ops.mul(a, b) },
    { about: "by itself, twice", inputs: [uniform(["batch"])], build: (x) => ops.mul(ops.mul(x, x), x) },
  ]),
  div: binary(ops.div, anyFloat, [whole("int32", (a, b) => ops.div(a, ops.add(b, 1)))], (shape) =>
    awayFromZero(shape),
  ),
  neg: unary(ops.neg, uniform(["batch", 3]), [
    { about: "int32", inputs: [below(["batch"], 9)], build: (x) => ops.neg(x) },
  ]),
  square: unary(ops.square, uniform(["batch", 3])),
  addAll: [
    {
      about: "three tensors",
      inputs: [uniform(["batch", 2]), uniform(["batch", 2]), uniform(["batch", 2])],
      build: (...x) => ops.addAll(x),
    },
    { about: "one tensor", inputs: [uniform(["batch", 2])], build: (x) => ops.mul(ops.addAll([x]), x) },
  ],

  // Words
  bitXor: binary(ops.bitXor, words),
  shiftRight: [
    { about: "7 bits", inputs: [words(["batch", 2])], build: (x) => ops.shiftRight(x, 7) },
    { about: "no bits", inputs: [words(["batch", 2])], build: (x) => ops.shiftRight(x, 0) },
    { about: "31 bits", inputs: [words(["batch", 2])], build: (x) => ops.shiftRight(x, 31) },
  ],
  iota: [
    {
      about: "a named dimension",
      inputs: [uniform(["batch"])],
      build: (x) => ops.mul(x, ops.cast(ops.iota("batch"), "float32")),
    },
    { about: "a number", inputs: [], build: () => ops.iota(5) },
    {
      about: "a product of dimensions",
      inputs: [uniform(["batch", 4])],
      build: (x) => ops.mul(ops.reshape(x, [-1]), ops.cast(ops.iota("4*batch"), "float32")),
    },
  ],
  mixBits: [{ about: "words", inputs: [words(["batch", 2])], build: (x) => ops.mixBits(x) }],

  // Types
  cast: [
    {
      about: "float32 to int32 cuts",
      inputs: [awayFromZero(["batch", 3])],
      build: (x) => ops.cast(ops.mul(x, 3), "int32"),
      blocked: [0],
    },
    {
      about: "there and back",
      inputs: [awayFromZero(["batch", 3])],
      build: (x) => ops.cast(ops.cast(ops.mul(x, 3), "int32"), "float32"),
      blocked: [0],
    },
    { about: "bool to float32", inputs: [booleans(["batch"])], build: (x) => ops.cast(x, "float32") },
    { about: "bool to int64", inputs: [booleans(["batch"])], build: (x) => ops.cast(x, "int64") },
    {
      about: "int64 to uint32",
      inputs: [below(["batch"], 99, "int64")],
      build: (x) => ops.cast(x, "uint32"),
    },
    { about: "int32 to bool", inputs: [below(["batch"], 2)], build: (x) => ops.cast(x, "bool") },
    {
      about: "uint32 to float32",
      inputs: [below(["batch"], 99, "uint32")],
      build: (x) => ops.cast(x, "float32"),
    },
    {
      about: "to its own dtype",
      inputs: [uniform(["batch"])],
      build: (x) => ops.cast(ops.mul(x, x), "float32"),
    },
  ],

  // Comparison, logic, selection
  equal: comparison(ops.equal),
  less: comparison(ops.less),
  greater: comparison(ops.greater),
  and: logical(ops.and),
  or: logical(ops.or),
  not: [{ about: "rows", inputs: [booleans(["batch", 2])], build: (x) => ops.not(x) }],
  where: [
    {
      about: "same shape",
      inputs: [booleans(["batch", 3]), uniform(["batch", 3]), uniform(["batch", 3])],
      build: (c, a, b) => ops.where(c, a, b),
    },
    {
      about: "all three broadcast",
      inputs: [booleans(["batch", 1]), uniform([3]), uniform(["batch", 3])],
      build: (c, a, b) => ops.where(c, a, b),
    },
    {
      about: "a row of conditions against scalars",
      inputs: [booleans([3]), uniform([]), uniform(["batch", 1])],
      build: (c, a, b) => ops.where(c, a, b),
    },
    {
      about: "a number",
      inputs: [booleans(["batch"]), uniform(["batch"])],
      build: (c, a) => ops.where(c, a, -1),
    },
    {
      about: "int64",
      inputs: [booleans(["batch"]), below(["batch"], 9, "int64"), below(["batch"], 9, "int64")],
      build: (c, a, b) => ops.where(c, a, b),
    },
    {
      about: "a condition of the values",
      inputs: [awayFromZero(["batch", 2])],
      build: (x) => ops.where(ops.greater(x, 0), ops.mul(x, x), ops.neg(x)),
    },
  ],
  maximum: [
    {
      about: "broadcast",
      inputs: [apart(["batch", 3]), apart([3], 0.03)],
      build: (a, b) => ops.maximum(a, b),
    },
    { about: "a number", inputs: [awayFromZero(["batch"])], build: (x) => ops.maximum(x, 0) },
    {
      about: "int32",
      inputs: [below(["batch"], 9), below(["batch"], 9)],
      build: (a, b) => ops.maximum(a, b),
    },
  ],
  minimum: [
    {
      about: "broadcast",
      inputs: [apart(["batch", 3]), apart([3], 0.03)],
      build: (a, b) => ops.minimum(a, b),
    },
    { about: "a number", inputs: [awayFromZero(["batch"])], build: (x) => ops.minimum(x, 0) },
  ],
  clip: [
    { about: "both sides", inputs: [apart(["batch", 3])], build: (x) => ops.clip(x, -0.325, 0.425) },
    { about: "int32", inputs: [below(["batch"], 9)], build: (x) => ops.clip(x, 2, 5) },
  ],

  // Joining and cutting
  concat: [
    {
      about: "last axis",
      inputs: [uniform(["batch", 2]), uniform(["batch", 3]), uniform(["batch", 1])],
      build: (...x) => ops.concat(x),
    },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 2, 2]), uniform(["batch", 1, 2])],
      build: (...x) => ops.concat(x, { axis: 1 }),
    },
    { about: "the same twice", inputs: [uniform(["batch", 2])], build: (x) => ops.concat([x, x]) },
    {
      about: "nothing beside something",
      inputs: [uniform(["batch", 0]), uniform(["batch", 2])],
      build: (...x) => ops.concat(x),
    },
    {
      about: "int64",
      inputs: [below(["batch", 2], 9, "int64"), below(["batch", 1], 9, "int64")],
      build: (...x) => ops.concat(x),
    },
  ],
  stack: [
    { about: "new first axis", inputs: [uniform([3]), uniform([3])], build: (...x) => ops.stack(x) },
    {
      about: "new last axis",
      inputs: [uniform(["batch", 2]), uniform(["batch", 2]), uniform(["batch", 2])],
      build: (...x) => ops.stack(x, { axis: -1 }),
    },
  ],
  slice: [
    { about: "last axis", inputs: [uniform(["batch", 5])], build: (x) => ops.slice(x, { start: 1, end: 4 }) },
    { about: "to the end", inputs: [uniform(["batch", 5])], build: (x) => ops.slice(x, { start: 3 }) },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 4, 2])],
      build: (x) => ops.slice(x, { axis: 1, start: 2, end: 3 }),
    },
    { about: "nothing", inputs: [uniform(["batch", 4])], build: (x) => ops.slice(x, { start: 2, end: 2 }) },
    { about: "everything", inputs: [uniform(["batch", 4])], build: (x) => ops.mul(ops.slice(x, {}), x) },
    {
      about: "overlapping slices of one tensor",
      inputs: [uniform(["batch", 4])],
      build: (x) => ops.mul(ops.slice(x, { end: 3 }), ops.slice(x, { start: 1 })),
    },
  ],
  split: [
    { about: "three parts", inputs: [uniform(["batch", 6])], build: (x) => ops.split(x, [1, 3, 2]) },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 3, 2])],
      build: (x) => ops.split(x, [2, 1], { axis: 1 }),
    },
    { about: "one part unused", inputs: [uniform(["batch", 4])], build: (x) => ops.split(x, [3, 1])[0] },
  ],
  pad: [
    {
      about: "both ends",
      inputs: [uniform(["batch", 3])],
      build: (x) => ops.pad(x, { before: 1, after: 2 }),
    },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 2, 3])],
      build: (x) => ops.pad(x, { axis: 1, after: 1 }),
    },
    { about: "nothing", inputs: [uniform(["batch", 3])], build: (x) => ops.mul(ops.pad(x, {}), x) },
    { about: "int32", inputs: [below(["batch", 2], 9)], build: (x) => ops.pad(x, { before: 1 }) },
  ],
  cumsum: [
    { about: "last axis", inputs: [uniform(["batch", 4])], build: (x) => ops.cumsum(x) },
    { about: "reverse", inputs: [uniform(["batch", 4])], build: (x) => ops.cumsum(x, { reverse: true }) },
    { about: "first axis", inputs: [uniform(["batch", 4])], build: (x) => ops.cumsum(x, { axis: 0 }) },
    {
      about: "middle axis, reverse",
      inputs: [uniform(["batch", 3, 2])],
      build: (x) => ops.cumsum(x, { axis: 1, reverse: true }),
    },
    { about: "of squares", inputs: [uniform(["batch", 4])], build: (x) => ops.cumsum(ops.mul(x, x)) },
  ],

  // Dropout: the mask is fixed by the key, so the function is linear.
  dropout: [
    {
      about: "half",
      inputs: [uniform(["batch", 5]), exactly([], [12345], "uint32")],
      build: (x, key) => ops.dropout(x, { rate: 0.5, key }),
    },
    {
      about: "rank 3",
      inputs: [uniform(["batch", 2, 3]), exactly([], [7], "uint32")],
      build: (x, key) => ops.dropout(ops.mul(x, x), { rate: 0.3, key }),
    },
    {
      about: "rank 1",
      inputs: [uniform(["batch"]), exactly([], [7], "uint32")],
      build: (x, key) => ops.dropout(x, { rate: 0.3, key }),
    },
    {
      about: "none",
      inputs: [uniform(["batch", 2]), exactly([], [7], "uint32")],
      build: (x, key) => ops.mul(ops.dropout(x, { rate: 0, key }), x),
    },
  ],

  // Element-wise functions
  exp: unary(ops.exp, uniform(["batch", 3])),
  log: unary(ops.log, uniform(["batch", 3], 0.3, 3)),
  sqrt: unary(ops.sqrt, uniform(["batch", 3], 0.3, 3)),
  tanh: unary(ops.tanh, uniform(["batch", 3])),
  sigmoid: unary(ops.sigmoid, uniform(["batch", 3], -4, 4)),
  relu: unary(ops.relu, awayFromZero(["batch", 3])),
  softplus: unary(ops.softplus, uniform(["batch", 3], -4, 4), [
    { about: "far out", inputs: [exactly([4], [-90, -20, 20, 90])], build: (x) => ops.softplus(x) },
  ]),
  abs: unary(ops.abs, awayFromZero(["batch", 3])),
  erf: unary(ops.erf, uniform(["batch", 3])),
  sin: unary(ops.sin, uniform(["batch", 3], -3, 3)),
  cos: unary(ops.cos, uniform(["batch", 3], -3, 3)),
  sign: [
    { about: "both signs", inputs: [awayFromZero(["batch", 3])], build: (x) => ops.sign(x), blocked: [0] },
  ],
  floor: [
    { about: "both signs", inputs: [uniform(["batch", 3], -3, 3)], build: (x) => ops.floor(x), blocked: [0] },
  ],
  stepOf: [
    { about: "both signs", inputs: [awayFromZero(["batch", 3])], build: (x) => ops.stepOf(x), blocked: [0] },
  ],
  gelu: unary(ops.gelu, uniform(["batch", 3])),
  silu: unary(ops.silu, uniform(["batch", 3])),
  leakyRelu: [
    { about: "a fixed slope", inputs: [awayFromZero(["batch", 3])], build: (x) => ops.leakyRelu(x, 0.1) },
    {
      about: "a slope for each column",
      inputs: [awayFromZero(["batch", 3]), uniform([3])],
      build: (x, slope) => ops.leakyRelu(x, slope),
    },
    {
      about: "one trained slope",
      inputs: [awayFromZero(["batch", 3]), uniform([1])],
      build: (x, slope) => ops.leakyRelu(x, slope),
    },
  ],

  // Reading by index
  gather: [
    {
      about: "repeated rows",
      inputs: [uniform([4, 2]), below(["batch"], 4)],
      build: (table, index) => ops.gather(table, index),
    },
    {
      about: "an index of rank 2",
      inputs: [uniform([3, 2]), below(["batch", 5], 3, "int64")],
      build: (table, index) => ops.gather(table, index),
    },
    {
      about: "a table of rank 1",
      inputs: [uniform([4]), below(["batch"], 4)],
      build: (table, index) => ops.gather(table, index),
    },
    {
      about: "a table of rank 3",
      inputs: [uniform([3, 2, 2]), below(["batch"], 3)],
      build: (table, index) => ops.gather(table, index),
    },
    {
      about: "int64 values",
      inputs: [below([4, 2], 99, "int64"), below(["batch"], 4)],
      build: (table, index) => ops.gather(table, index),
    },
  ],
  take: [
    {
      about: "middle axis, repeated, one place not at all",
      inputs: [uniform(["batch", 4, 2])],
      build: (x) => ops.take(x, [2, 0, 0, 3], { axis: 1 }),
    },
    { about: "a permutation", inputs: [uniform(["batch", 3])], build: (x) => ops.take(x, [2, 0, 1]) },
    { about: "nothing", inputs: [uniform(["batch", 3])], build: (x) => ops.take(x, []) },
    { about: "first axis", inputs: [uniform([3, 2])], build: (x) => ops.take(x, [1, 1], { axis: 0 }) },
    { about: "int32 values", inputs: [below(["batch", 3], 9)], build: (x) => ops.take(x, [1, 2]) },
  ],
  takeAlong: [
    {
      about: "last axis, repeated",
      inputs: [uniform(["batch", 4]), below(["batch", 6], 4, "int64")],
      build: (x, index) => ops.takeAlong(x, index),
    },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 3, 2]), below(["batch", 2, 2], 3)],
      build: (x, index) => ops.takeAlong(x, index, { axis: 1 }),
    },
  ],
  addAlong: [
    {
      about: "duplicates add up",
      inputs: [uniform(["batch", 3]), below(["batch", 5], 3, "int64"), uniform(["batch", 5])],
      build: (x, index, updates) => ops.addAlong(x, index, updates),
    },
    {
      about: "first axis",
      inputs: [uniform([4, 2]), below(["batch", 2], 4), uniform(["batch", 2])],
      build: (x, index, updates) => ops.addAlong(x, index, updates, { axis: 0 }),
    },
  ],
  topKIndices: [
    // Without rows ONNX Runtime 1.30's TopK brings the process down.
    {
      about: "distinct",
      inputs: [apart(["batch", 5])],
      build: (x) => ops.topKIndices(x, 3),
      blocked: [0],
      batches: nonEmpty,
    },
    {
      about: "ties",
      inputs: [below(["batch", 6], 2, "float32")],
      build: (x) => ops.topKIndices(x, 4),
      blocked: [0],
      batches: nonEmpty,
    },
    {
      about: "all",
      inputs: [apart(["batch", 3])],
      build: (x) => ops.topKIndices(x, 3),
      blocked: [0],
      batches: nonEmpty,
    },
    {
      about: "the values themselves",
      inputs: [apart(["batch", 5])],
      build: (x) => ops.takeAlong(x, ops.topKIndices(x, 2)),
      batches: nonEmpty,
    },
  ],
  positionsOf: [
    {
      about: "a mask",
      inputs: [booleans(["batch"])],
      build: (mask) => ops.positionsOf(mask, "set"),
    },
    {
      about: "the values there, twice",
      inputs: [uniform(["batch"])],
      build: (x) => {
        const picked = ops.gather(
          x,
          ops.positionsOf(ops.greater(ops.iota("batch"), constant(1, { dtype: "int64" })), "later"),
        );
        return ops.mul(ops.expandDims(picked, 0), ops.expandDims(picked, 1));
      },
    },
  ],
  zeros: [
    { about: "rows", inputs: [uniform(["batch", 2])], build: (x) => ops.zeros(x), blocked: [0] },
    { about: "int64", inputs: [below(["batch"], 3, "int64")], build: (x) => ops.zeros(x) },
  ],

  // Matrix products
  matmul: [
    {
      about: "matrices",
      inputs: [uniform(["batch", 3]), uniform([3, 2])],
      build: (a, b) => ops.matmul(a, b),
    },
    {
      about: "aᵀ·b over the batch",
      inputs: [uniform(["batch", 3]), uniform(["batch", 2])],
      build: (a, b) => ops.matmul(a, b, { transposeA: true }),
    },
    {
      about: "a·bᵀ",
      inputs: [uniform(["batch", 3]), uniform([2, 3])],
      build: (a, b) => ops.matmul(a, b, { transposeB: true }),
    },
    {
      about: "aᵀ·bᵀ",
      inputs: [uniform([3, "batch"]), uniform([2, 3])],
      build: (a, b) => ops.matmul(a, b, { transposeA: true, transposeB: true }),
    },
    {
      about: "many by one",
      inputs: [uniform(["batch", 2, 3]), uniform([3, 2])],
      build: (a, b) => ops.matmul(a, b),
    },
    {
      about: "many by one, transposed",
      inputs: [uniform(["batch", 2, 3]), uniform([4, 3])],
      build: (a, b) => ops.matmul(a, b, { transposeB: true }),
    },
    {
      about: "many, aᵀ by one",
      inputs: [uniform(["batch", 3, 2]), uniform([3, 4])],
      build: (a, b) => ops.matmul(a, b, { transposeA: true }),
      batches: nonEmpty,
    },
    {
      about: "one by many",
      inputs: [uniform([2, 3]), uniform(["batch", 3, 2])],
      build: (a, b) => ops.matmul(a, b),
      batches: nonEmpty,
    },
    {
      about: "many by many",
      inputs: [uniform(["batch", 2, 3]), uniform(["batch", 3, 2])],
      build: (a, b) => ops.matmul(a, b),
    },
    {
      about: "many by many, both transposed",
      inputs: [uniform(["batch", 3, 2]), uniform(["batch", 4, 3])],
      build: (a, b) => ops.matmul(a, b, { transposeA: true, transposeB: true }),
    },
    {
      about: "many by many, a·bᵀ",
      inputs: [uniform(["batch", 2, 3]), uniform(["batch", 4, 3])],
      build: (a, b) => ops.matmul(a, b, { transposeB: true }),
    },
    {
      about: "leading axes broadcast",
      inputs: [uniform(["batch", 1, 2, 3]), uniform([4, 3, 2])],
      build: (a, b) => ops.matmul(a, b),
      batches: nonEmpty,
    },
    {
      about: "with its own transpose",
      inputs: [uniform(["batch", 3])],
      build: (x) => ops.matmul(x, x, { transposeB: true }),
    },
    {
      about: "an empty inner axis",
      inputs: [uniform(["batch", 0]), uniform([0, 2])],
      build: (a, b) => ops.matmul(a, b),
    },
  ],
  affine: [
    {
      about: "rows",
      inputs: [uniform(["batch", 3]), uniform([3, 2]), uniform([2])],
      build: (x, weight, bias) => ops.affine(x, weight, bias),
    },
    {
      about: "rank 3",
      inputs: [uniform(["batch", 2, 3]), uniform([3, 4]), uniform([4])],
      build: (x, weight, bias) => ops.affine(x, weight, bias),
    },
  ],

  // Reductions
  sum: reduction(ops.sum, anyFloat, {
    more: {
      about: "int64",
      inputs: [below(["batch", 3], 9, "int64")],
      build: (x) => ops.sum(x, { axis: 1 }),
    },
  }),
  mean: reduction(ops.mean, anyFloat),
  max: reduction(ops.max, (shape) => apart(shape, 0.03), {
    batches: nonEmpty,
    more: { about: "int32", inputs: [below(["batch", 3], 9)], build: (x) => ops.max(x, { axis: 1 }) },
  }),
  min: reduction(ops.min, (shape) => apart(shape, 0.03), { batches: nonEmpty }),
  logSumExp: [
    { about: "last axis", inputs: [uniform(["batch", 4])], build: (x) => ops.logSumExp(x) },
    { about: "kept", inputs: [uniform(["batch", 4])], build: (x) => ops.logSumExp(x, { keepDims: true }) },
    { about: "middle axis", inputs: [uniform(["batch", 3, 2])], build: (x) => ops.logSumExp(x, { axis: 1 }) },
    { about: "large values", inputs: [uniform(["batch", 3], 500, 503)], build: (x) => ops.logSumExp(x) },
    { about: "ties", inputs: [exactly([2, 3], [1, 1, 0, 2, 2, 2])], build: (x) => ops.logSumExp(x) },
  ],

  // Views
  reshape: [
    {
      about: "merged with the batch",
      inputs: [uniform(["batch", 3, 2])],
      build: (x) => ops.reshape(x, [-1, 2]),
    },
    { about: "numbers only", inputs: [uniform([2, 6])], build: (x) => ops.reshape(x, [3, 4]) },
    {
      about: "two named dimensions",
      inputs: [uniform(["batch", "batch", 2])],
      build: (x) => ops.reshape(x, ["batch", 2, "batch"]),
    },
    { about: "no elements", inputs: [uniform(["batch", 0, 2])], build: (x) => ops.reshape(x, [0, "batch"]) },
    { about: "no elements, numbers only", inputs: [uniform([2, 0])], build: (x) => ops.reshape(x, [0, 3]) },
    { about: "to rank 0", inputs: [uniform([1, 1])], build: (x) => ops.reshape(x, []) },
    {
      about: "its own shape",
      inputs: [uniform(["batch", 3])],
      build: (x) => ops.mul(ops.reshape(x, ["batch", 3]), x),
    },
    {
      about: "int64",
      inputs: [below(["batch", 4], 9, "int64")],
      build: (x) => ops.reshape(x, ["batch", 2, 2]),
    },
  ],
  broadcastTo: [
    {
      about: "a row",
      inputs: [uniform([3]), uniform(["batch", 1])],
      build: (x, like) => ops.mul(ops.broadcastTo(x, ["batch", 3]), like),
    },
    { about: "a column", inputs: [uniform(["batch", 1])], build: (x) => ops.broadcastTo(x, ["batch", 4]) },
    { about: "a scalar", inputs: [uniform([])], build: (x) => ops.broadcastTo(x, [2, 3]) },
    {
      about: "a middle axis",
      inputs: [uniform(["batch", 1, 2])],
      build: (x) => ops.broadcastTo(x, ["batch", 3, 2]),
    },
    { about: "to nothing", inputs: [uniform([1, 2])], build: (x) => ops.broadcastTo(x, [0, 2]) },
  ],
  expandDims: [
    { about: "last", inputs: [uniform(["batch", 3])], build: (x) => ops.expandDims(x, -1) },
    { about: "middle", inputs: [uniform(["batch", 3])], build: (x) => ops.expandDims(x, 1) },
  ],
  squeeze: [
    { about: "last", inputs: [uniform(["batch", 1])], build: (x) => ops.squeeze(x, -1) },
    { about: "middle", inputs: [uniform(["batch", 1, 3])], build: (x) => ops.squeeze(x, 1) },
  ],
  flatten: [
    { about: "after the batch", inputs: [uniform(["batch", 2, 3])], build: (x) => ops.flatten(x) },
    { about: "everything", inputs: [uniform(["batch", 2, 3])], build: (x) => ops.flatten(x, { from: 0 }) },
    { about: "a vector", inputs: [uniform(["batch"])], build: (x) => ops.flatten(x) },
  ],
  transpose: [
    { about: "reversed", inputs: [uniform(["batch", 3])], build: (x) => ops.transpose(x) },
    { about: "rotated", inputs: [uniform(["batch", 3, 2])], build: (x) => ops.transpose(x, [2, 0, 1]) },
    {
      about: "as it is",
      inputs: [uniform(["batch", 3])],
      build: (x) => ops.mul(ops.transpose(x, [0, 1]), x),
    },
    { about: "bool", inputs: [booleans(["batch", 3])], build: (x) => ops.transpose(x) },
  ],
  swapAxes: [
    { about: "first and second", inputs: [uniform(["batch", 3, 2])], build: (x) => ops.swapAxes(x, 0, 1) },
    { about: "last two", inputs: [uniform(["batch", 3, 2])], build: (x) => ops.swapAxes(x, -1, -2) },
  ],
  sumTo: [
    { about: "a row", inputs: [uniform(["batch", 3])], build: (x) => ops.sumTo(x, [3]) },
    { about: "a column", inputs: [uniform(["batch", 3])], build: (x) => ops.sumTo(x, ["batch", 1]) },
    { about: "a scalar", inputs: [uniform(["batch", 3])], build: (x) => ops.sumTo(x, []) },
    {
      about: "a middle axis of lower rank",
      inputs: [uniform([4, "batch", 3])],
      build: (x) => ops.sumTo(x, ["batch", 1]),
    },
  ],
  sizeOf: [
    { about: "the batch", inputs: [uniform(["batch", 2])], build: (x) => ops.mul(x, ops.sizeOf("batch")) },
    {
      about: "a product",
      inputs: [uniform(["batch", 2])],
      build: (x) => ops.mul(x, ops.sizeOf("3*batch*batch")),
    },
    { about: "a number", inputs: [uniform(["batch"])], build: (x) => ops.mul(x, ops.sizeOf(6)) },
  ],

  // Softmax
  pairwiseInteraction: [
    { about: "fields", inputs: [uniform(["batch", 4, 3])], build: (x) => ops.pairwiseInteraction(x) },
    {
      about: "one field has no pairs",
      inputs: [uniform(["batch", 1, 3])],
      build: (x) => ops.pairwiseInteraction(x),
    },
  ],
  scaleStandardized: [
    {
      about: "with the batch's own moments",
      inputs: [uniform(["batch", 3]), uniform([3])],
      build: (x, scale) => {
        const centred = ops.sub(x, ops.mean(x, { axis: 0 }));
        const variance = ops.mean(ops.square(centred), { axis: 0 });
        return ops.scaleStandardized(x, centred, ops.div(1, ops.sqrt(ops.add(variance, 0.1))), scale);
      },
    },
  ],
  softmax: [
    { about: "last axis", inputs: [uniform(["batch", 4])], build: (x) => ops.softmax(x) },
    {
      about: "first axis",
      inputs: [uniform(["batch", 4])],
      build: (x) => ops.softmax(x, { axis: 0 }),
      batches: nonEmpty,
    },
    { about: "middle axis", inputs: [uniform(["batch", 3, 2])], build: (x) => ops.softmax(x, { axis: 1 }) },
    { about: "large values", inputs: [uniform(["batch", 4], 300, 303)], build: (x) => ops.softmax(x) },
  ],
  logSoftmax: [
    { about: "last axis", inputs: [uniform(["batch", 4])], build: (x) => ops.logSoftmax(x) },
    {
      about: "middle axis",
      inputs: [uniform(["batch", 3, 2])],
      build: (x) => ops.logSoftmax(x, { axis: 1 }),
    },
  ],

  stopGradient: [
    { about: "alone", inputs: [uniform(["batch", 2])], build: (x) => ops.stopGradient(x), blocked: [0] },
    {
      about: "one way of two",
      inputs: [uniform(["batch", 2]), uniform(["batch", 2])],
      build: (a, b) => ops.mul(ops.stopGradient(ops.mul(a, constant(2))), b),
      blocked: [0],
    },
  ],
};
