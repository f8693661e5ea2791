/** Matrix products. */
import { broadcastDims, broadcastSource, elementCount } from "../../onnx/index.ts";
import type { Kernel, KernelNode, KernelTable } from "./kernel.ts";
import { bigs, castInto, isBig, isFloat, type NumberValue, numbers, type Value } from "./value.ts";

interface MatrixShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * `y[rows, columns] = a[rows, inner] · b[inner, columns]`, row by row so that memory is read in order, and four
 * of `inner` at a time so that each element of `y` is fetched and stored a quarter as often.
 */
function multiplyInto(
  y: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [toY, toA, toB]: readonly [number, number, number],
  { rows, inner, columns }: MatrixShape,
): void {
  for (let i = 0; i < rows; i++) {
    const row = toY + i * columns;
    const factors = toA + i * inner;
    let k = 0;
    for (; k + 4 <= inner; k += 4) {
      const [a0, a1, a2, a3] = [a[factors + k], a[factors + k + 1], a[factors + k + 2], a[factors + k + 3]];
      const b0 = toB + k * columns;
      const b1 = b0 + columns;
      const b2 = b1 + columns;
      const b3 = b2 + columns;
      for (let j = 0; j < columns; j++) {
        y[row + j] += a0 * b[b0 + j] + a1 * b[b1 + j] + (a2 * b[b2 + j] + a3 * b[b3 + j]);
      }
    }
    for (; k < inner; k++) {
      const factor = a[factors + k];
      const from = toB + k * columns;
      for (let j = 0; j < columns; j++) y[row + j] += factor * b[from + j];
    }
  }
}

function multiplyBigInto(
  y: BigInt64Array,
  a: BigInt64Array,
  b: BigInt64Array,
  [toY, toA, toB]: readonly [number, number, number],
  { rows, inner, columns }: MatrixShape,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0n;
      for (let k = 0; k < inner; k++) sum += a[toA + i * inner + k] * b[toB + k * columns + j];
      y[toY + i * columns + j] = sum;
    }
  }
}

/** NumPy's matmul: vectors gain an axis that the result loses again, leading axes broadcast. */
function matmul(node: KernelNode, left: Value, right: Value): Value {
  if (left.dtype !== right.dtype)
    node.fail(`inputs must have one dtype, are ${left.dtype} and ${right.dtype}`);
  if (left.dims.length === 0 || right.dims.length === 0) node.fail("scalars have no matrix product");
  const a = left.dims.length === 1 ? [1, ...left.dims] : left.dims;
  const b = right.dims.length === 1 ? [...right.dims, 1] : right.dims;
  const shape = { rows: a.at(-2)!, inner: a.at(-1)!, columns: b.at(-1)! };
  const batch = broadcastDims([a.slice(0, -2), b.slice(0, -2)]);
  if (b.at(-2) !== shape.inner || batch === undefined) {
    node.fail(`shapes [${left.dims.join(", ")}] and [${right.dims.join(", ")}] do not multiply`);
  }
  const dims = [
    ...batch,
    ...(left.dims.length === 1 ? [] : [shape.rows]),
    ...(right.dims.length === 1 ? [] : [shape.columns]),
  ];
  const fromA = broadcastSource(a.slice(0, -2), batch);
  const fromB = broadcastSource(b.slice(0, -2), batch);
  const offsets = (i: number) =>
    [
      i * shape.rows * shape.columns,
      fromA[i] * shape.rows * shape.inner,
      fromB[i] * shape.inner * shape.columns,
    ] as const;
  const count = elementCount(batch);
  if (!isBig(left) && isFloat(left.dtype)) {
    const y = new Float64Array(elementCount(dims));
    for (let i = 0; i < count; i++) {
      multiplyInto(y, left.data as Float64Array, right.data as Float64Array, offsets(i), shape);
    }
    return { dtype: left.dtype, dims, data: y };
  }
  const y = bigs(dims);
  const [bigA, bigB] = [asBig(left), asBig(right)];
  for (let i = 0; i < count; i++) multiplyBigInto(y.data, bigA, bigB, offsets(i), shape);
  return castInto(y, left.dtype);
}

function asBig(value: Value): BigInt64Array {
  return isBig(value) ? value.data : BigInt64Array.from(value.data as ArrayLike<number>, BigInt);
}

/** `α·A'·B' + β·C`, where `'` transposes if asked and C broadcasts to the product. */
const gemm: Kernel = (node) => {
  const a = transposed(node.floats(0), node.int("transA", 0));
  const b = transposed(node.floats(1), node.int("transB", 0));
  const alpha = node.float("alpha", 1);
  const beta = node.float("beta", 1);
  const product = matmul(node, a, b) as NumberValue;
  const c = node.optional(2);
  const from = c && broadcastSource(c.dims, product.dims);
  const y = numbers(product.dtype, product.dims);
  for (let i = 0; i < y.data.length; i++) {
    y.data[i] = alpha * product.data[i] + (c === undefined ? 0 : beta * Number(c.data[from![i]]));
  }
  return [y];
};

function transposed(x: NumberValue, flag: number): NumberValue {
  if (flag === 0) return x;
  const [rows, columns] = x.dims;
  const y = numbers(x.dtype, [columns, rows]);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) y.data[j * rows + i] = x.data[i * columns + j];
  }
  return y;
}

export const matmulKernels: KernelTable = {
  MatMul: (node) => [matmul(node, node.input(0), node.input(1))],
  Gemm: gemm,
};
