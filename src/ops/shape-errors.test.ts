/** What ops refuse, in full: the sentence, and the fields a program reads. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../core/index.ts";
import { type DType, input, type Shape, type Tensor } from "../tensor/index.ts";
import * as ops from "./index.ts";

const x = (shape: Shape, dtype?: DType): Tensor => input("x", shape, dtype);

const refused: readonly (readonly [call: () => unknown, message: string])[] = [
  [() => ops.add(x([2, 3]), x([4])), "add: shapes do not broadcast; a is [2, 3], b is [4]"],
  [() => ops.add(x(["batch"]), x(["time"])), "add: shapes do not broadcast; a is [batch], b is [time]"],
  [() => ops.mul(x([2], "int32"), x([2])), "mul: dtypes differ; a is int32, b is float32"],
  [() => ops.exp(x([2], "int32")), "exp: takes float32; received is int32"],
  [() => ops.and(x([2]), x([2], "bool")), "and: takes bool; received is float32"],
  [() => ops.not(x([2], "int32")), "not: takes bool; received is int32"],
  [() => ops.where(x([2]), x([2]), x([2])), "where: the condition must be bool; condition is float32"],
  [
    () => ops.bitXor(x([2, 3], "uint32"), x([2], "uint32")),
    "bitXor: shapes do not broadcast; a is [2, 3], b is [2]",
  ],
  [
    () => ops.matmul(x([32, 64]), x([48, 1])),
    "matmul: columns of a must equal rows of b; a is [32, 64], b is [48, 1]",
  ],
  [
    () => ops.matmul(x(["batch", 4]), x([4, 2]), { transposeA: true }),
    "matmul: columns of a must equal rows of b; a is [batch, 4], b is [4, 2]",
  ],
  [
    () => ops.matmul(x([4]), x([4, 2])),
    "matmul: both operands need at least two axes; a is [4], b is [4, 2]",
  ],
  [() => ops.matmul(x([2, 3, 4]), x([5, 4, 3])), "matmul: shapes do not broadcast; a is [2], b is [5]"],
  [
    () => ops.matmul(x([2, 3], "int32"), x([3, 2], "int32")),
    "matmul: both operands must be float32; a is int32, b is int32",
  ],
  [
    () => ops.affine(x(["batch", 3]), x([4, 2]), x([2])),
    "affine: columns of x must equal rows of the weight, and its columns the bias; x is [batch, 3], weight is [4, 2], bias is [2]",
  ],
  [
    () => ops.affine(x(["batch", 3]), x([3, 2]), x([1, 2])),
    "affine: x and the weight need two axes, the bias one; x is [batch, 3], weight is [3, 2], bias is [1, 2]",
  ],
  [() => ops.concat([]), "concat: needs at least one tensor"],
  [
    () => ops.concat([x(["batch", 2]), x(["time", 2])]),
    "concat: shapes must agree off the axis, which must have known sizes; axis is 1, first is [batch, 2], other is [time, 2]",
  ],
  [
    () => ops.concat([x(["batch", 2]), x(["batch", 2])], { axis: 0 }),
    "concat: shapes must agree off the axis, which must have known sizes; axis is 0, first is [batch, 2], other is [batch, 2]",
  ],
  [
    () => ops.slice(x(["batch", 4]), { start: 3, end: 5 }),
    "slice: the range must lie inside the axis; shape is [batch, 4], axis is 1, start is 3, end is 5",
  ],
  [
    () => ops.slice(x(["batch", 4]), { axis: 0, end: 2 }),
    "slice: the range must lie inside the axis; shape is [batch, 4], axis is 0, start is 0, end is 2",
  ],
  [
    () => ops.split(x(["batch", 5]), [2, 2]),
    "split: the sizes must add up to the axis; shape is [batch, 5], axis is -1, sizes is [2, 2]",
  ],
  [
    () => ops.pad(x(["batch", 2]), { axis: 0, before: 1 }),
    "pad: the axis must have a known size and only grow; shape is [batch, 2], axis is 0, before is 1, after is 0",
  ],
  [
    () => ops.reshape(x(["batch", 4]), ["batch", 3]),
    "reshape: the number of elements must stay the same; from is [batch, 4], to is [batch, 3]",
  ],
  [
    () => ops.reshape(x(["batch", 4]), [-1, 3]),
    "reshape: cannot infer the dimension -1; from is [batch, 4], to is [-1, 3]",
  ],
  [
    () => ops.reshape(x([0, 4]), [-1, 0]),
    "reshape: cannot infer the dimension -1; from is [0, 4], to is [-1, 0]",
  ],
  [
    () => ops.broadcastTo(x([2, 3]), [3]),
    "broadcastTo: the shape cannot be reached; from is [2, 3], to is [3]",
  ],
  [
    () => ops.squeeze(x(["batch", 2]), 1),
    "squeeze: the axis must have size 1; shape is [batch, 2], axis is 1",
  ],
  [
    () => ops.transpose(x([2, 3]), [0, 0]),
    "transpose: the order must name every axis once; order is [0, 0], shape is [2, 3]",
  ],
  [() => ops.sum(x([2, 3]), { axis: 2 }), "sum: axis out of range; axis is 2, rank is 2"],
  [() => ops.softmax(x([]), {}), "softmax: axis out of range; axis is -1, rank is 0"],
  [() => ops.gather(x([4, 2]), x(["batch"])), "gather: the index must be int32 or int64; index is float32"],
  [
    () => ops.takeAlong(x([4, 2]), x([3, 2], "int32")),
    "takeAlong: shapes must agree off the axis; x is [4, 2], index is [3, 2], axis is 1",
  ],
  [
    () => ops.addAlong(x([4, 2]), x([4, 3], "int32"), x([4, 2])),
    "addAlong: index and updates must have one shape; index is [4, 3], updates is [4, 2]",
  ],
  [
    () => ops.topKIndices(x(["batch", 3]), 4),
    "topKIndices: k must not exceed the last axis; k is 4, shape is [batch, 3]",
  ],
  [
    () => ops.dropout(x([2]), { rate: 1, key: x([], "uint32") }),
    "dropout: the rate must lie in [0, 1); rate is 1",
  ],
  [
    () => ops.dropout(x([2, "batch"]), { rate: 0.5, key: x([], "uint32") }),
    "dropout: only the first axis may be a named dimension; shape is [2, batch]",
  ],
  [
    () => ops.take(x(["batch", 3]), [0, 3]),
    "take: positions must lie inside an axis of known size; shape is [batch, 3], axis is 1, positions is [0, 3]",
  ],
];

describe("refused", () => {
  test.each(refused.map(([call, message]) => [message, call] as const))("%s", (message, call) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as ShapeError).message).toBe(message);
  });
});

test("the fields come with the sentence", () => {
  const error = errorOf(() => ops.matmul(x([32, 64]), x([48, 1])));
  expect(error).toBeInstanceOf(ShapeError);
  expect((error as ShapeError).details).toEqual({ a: [32, 64], b: [48, 1] });
});

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
