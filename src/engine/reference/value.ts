/**
 * Values inside the reference engine. Floats of either width are held and computed in float64; integers
 * are exact and wrap as their width says; bool is 0 and 1. The dtype says what the graph declares, the
 * array how it is held.
 */
import { elementCount, type HostArray, type HostDType, type HostTensor } from "../../onnx/index.ts";

export type NumberData = Float64Array | Int32Array | Uint32Array | Uint8Array;

export interface NumberValue {
  readonly dtype: Exclude<HostDType, "int64">;
  readonly dims: readonly number[];
  readonly data: NumberData;
}

export interface BigValue {
  readonly dtype: "int64";
  readonly dims: readonly number[];
  readonly data: BigInt64Array;
}

export type Value = NumberValue | BigValue;

export function isFloat(dtype: HostDType): boolean {
  return dtype === "float32" || dtype === "float64";
}

export function isBig(value: Value): value is BigValue {
  return value.dtype === "int64";
}

function allocateNumbers(dtype: NumberValue["dtype"], length: number): NumberData {
  switch (dtype) {
    case "float32":
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint32":
      return new Uint32Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
  }
}

export function numbers(dtype: NumberValue["dtype"], dims: readonly number[]): NumberValue {
  return { dtype, dims, data: allocateNumbers(dtype, elementCount(dims)) };
}

export function bigs(dims: readonly number[]): BigValue {
  return { dtype: "int64", dims, data: new BigInt64Array(elementCount(dims)) };
}

/** Math.max and Math.min take no BigInt. */
export function largerBig(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function smallerBig(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** A zero-filled value. */
export function zeros(dtype: HostDType, dims: readonly number[]): Value {
  return dtype === "int64" ? bigs(dims) : numbers(dtype, dims);
}

export function scalarValue(dtype: HostDType, value: number): Value {
  return filled(dtype, [], value);
}

export function filled(dtype: HostDType, dims: readonly number[], value: number): Value {
  const result = zeros(dtype, dims);
  if (isBig(result)) result.data.fill(BigInt(value));
  else result.data.fill(value);
  return result;
}

export function int64Value(dims: readonly number[], values: readonly number[]): BigValue {
  return { dtype: "int64", dims, data: BigInt64Array.from(values, BigInt) };
}

/** The same elements under another shape; nothing is copied, since values are never written twice. */
export function withDims(value: Value, dims: readonly number[]): Value {
  return { ...value, dims };
}

/** All elements as JavaScript numbers; for shapes, axes and indices. */
export function integers(value: Value): number[] {
  return Array.from(value.data as ArrayLike<number | bigint>, Number);
}

/** Exact integers as a dtype of 32 bits or fewer, wrapped to its width; int64 stays as it is. */
export function castInto(exact: BigValue, dtype: HostDType): Value {
  if (dtype === "int64") return exact;
  const result = numbers(dtype, exact.dims);
  for (let i = 0; i < exact.data.length; i++) result.data[i] = Number(BigInt.asIntN(32, exact.data[i]));
  return result;
}

/** Element `i` of the result is element `source[i]` of `value`, or zero (or `fill`'s only element) where that is -1. */
export function select(
  value: Value,
  dims: readonly number[],
  source: ArrayLike<number>,
  fill?: Value,
): Value {
  const result = zeros(value.dtype, dims);
  if (isBig(value)) {
    const to = result.data as BigInt64Array;
    const rest = fill === undefined ? 0n : BigInt(fill.data[0]);
    for (let i = 0; i < to.length; i++) to[i] = source[i] < 0 ? rest : value.data[source[i]];
  } else {
    const to = result.data as NumberData;
    const rest = fill === undefined ? 0 : Number(fill.data[0]);
    for (let i = 0; i < to.length; i++) to[i] = source[i] < 0 ? rest : value.data[source[i]];
  }
  return result;
}

export function fromHost({ dtype, dims, data }: HostTensor): Value {
  if (dtype === "int64") return { dtype, dims, data: data as BigInt64Array };
  const held = isFloat(dtype) ? Float64Array.from(data as Float32Array | Float64Array) : (data as NumberData);
  return { dtype, dims, data: held };
}

/** The value for the host, rounded to its declared dtype, or (`wide`) with its floats as float64. */
export function toHost(value: Value, wide: boolean): HostTensor {
  const { dims } = value;
  if (wide && isFloat(value.dtype)) return { dtype: "float64", dims, data: value.data.slice() as HostArray };
  const data = value.dtype === "float32" ? Float32Array.from(value.data as Float64Array) : value.data.slice();
  return { dtype: value.dtype, dims, data };
}
