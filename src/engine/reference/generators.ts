/** Tensors made from attributes, shapes and positions rather than from other tensors' elements. */
import { dtypeFromProto, stridesOf } from "../../onnx/index.ts";
import type { Kernel, KernelTable } from "./kernel.ts";
import {
  bigs,
  filled,
  fromHost,
  int64Value,
  integers,
  isBig,
  numbers,
  scalarValue,
  select,
  type Value,
  zeros,
} from "./value.ts";

const constant: Kernel = (node) => {
  const tensor = node.tensor("value");
  if (tensor !== undefined) return [fromHost(tensor)];
  if (node.has("value_float")) return [scalarValue("float32", node.float("value_float", 0))];
  if (node.has("value_int")) return [scalarValue("int64", node.int("value_int"))];
  const floats = node.floatList("value_floats");
  if (node.has("value_floats") && floats !== undefined) {
    return [{ dtype: "float32", dims: [floats.length], data: Float64Array.from(floats) }];
  }
  const ints = node.ints("value_ints");
  if (ints !== undefined) return [int64Value([ints.length], ints)];
  return node.fail("has no value that this engine holds");
};

const constantOfShape: Kernel = (node) => {
  const dims = integers(node.input(0));
  const tensor = node.tensor("value");
  if (tensor === undefined) return [zeros("float32", dims)];
  const value = fromHost(tensor);
  return [select(value, dims, new Uint8Array(dims.reduce((a, b) => a * b, 1)))];
};

/** `start, start + delta, ...` below (or, for a negative delta, above) `limit`. */
const range: Kernel = (node) => {
  const [start, limit, delta] = [node.input(0), node.input(1), node.input(2)];
  const [from, to, by] = [start, limit, delta].map((value) => Number(value.data[0]));
  if (by === 0) node.fail("delta is 0");
  const count = Math.max(0, Math.ceil((to - from) / by));
  if (isBig(start)) {
    return [
      int64Value(
        [count],
        Array.from({ length: count }, (_, i) => from + i * by),
      ),
    ];
  }
  const y = numbers(start.dtype, [count]);
  for (let i = 0; i < count; i++) y.data[i] = from + i * by;
  return [y];
};

const shape: Kernel = (node) => {
  const { dims } = node.input(0);
  const clamp = (position: number) =>
    Math.min(dims.length, Math.max(0, position < 0 ? position + dims.length : position));
  const wanted = dims.slice(clamp(node.int("start", 0)), clamp(node.int("end", dims.length)));
  return [int64Value([wanted.length], wanted)];
};

const size: Kernel = (node) => [scalarValue("int64", node.input(0).data.length)];

/** Coordinates of all elements that are not zero, one row an axis. */
const nonZero: Kernel = (node) => {
  const x = node.input(0);
  const found: number[] = [];
  for (let i = 0; i < x.data.length; i++) if (Number(x.data[i]) !== 0) found.push(i);
  const y = bigs([x.dims.length, found.length]);
  const strides = stridesOf(x.dims);
  x.dims.forEach((dim, axis) => {
    found.forEach((position, i) => {
      y.data[axis * found.length + i] = BigInt(Math.floor(position / strides[axis]) % dim);
    });
  });
  return [y];
};

/** Keeps the triangle on and above (or below) the k-th diagonal of the last two axes. */
const trilu: Kernel = (node) => {
  const x = node.input(0);
  const upper = node.int("upper", 1) === 1;
  const given = node.optional(1);
  const k = given === undefined ? 0 : integers(given)[0];
  const [rows, columns] = [x.dims.at(-2) ?? node.fail("needs two axes"), x.dims.at(-1)!];
  const source = Int32Array.from({ length: x.data.length }, (_, i) => {
    const offset = (i % columns) - (Math.floor(i / columns) % rows);
    return (upper ? offset >= k : offset <= k) ? i : -1;
  });
  return [select(x, x.dims, source)];
};

const eyeLike: Kernel = (node) => {
  const x = node.input(0);
  const [rows, columns] = x.dims;
  const k = node.int("k", 0);
  const dtype = node.has("dtype") ? dtypeFromProto(node.int("dtype"), "EyeLike") : x.dtype;
  const ones: Value = filled(dtype, [1], 1);
  const source = Int32Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 0 : -1,
  );
  return [select(ones, x.dims, source)];
};

export const generatorKernels: KernelTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Shape: shape,
  Size: size,
  NonZero: nonZero,
  Trilu: trilu,
  EyeLike: eyeLike,
};
