/**
 * Dense arrays on the host and how ONNX names their element types. `bool` is a Uint8Array of 0 and 1,
 * `int64` a BigInt64Array; every array is row-major.
 */
import { assert, ShapeError } from "../core/index.ts";
import { TensorProto_DataType } from "./onnx_pb.ts";

export type HostDType = "float32" | "float64" | "int32" | "int64" | "uint32" | "uint8" | "bool";

export type HostArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint32Array | Uint8Array;

/** A dense row-major array on the host; `bool` is a Uint8Array of 0 and 1, `int64` a BigInt64Array. */
export interface HostTensor {
  readonly dtype: HostDType;
  readonly dims: readonly number[];
  readonly data: HostArray;
}

/** A size, or the name of one that is only known when the graph runs. */
export type Dimension = number | string;

interface ElementType {
  readonly proto: TensorProto_DataType;
  readonly array: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => HostArray;
  readonly bytes: number;
}

const elementTypes: { readonly [D in HostDType]: ElementType } = {
  float32: { proto: TensorProto_DataType.FLOAT, array: Float32Array, bytes: 4 },
  float64: { proto: TensorProto_DataType.DOUBLE, array: Float64Array, bytes: 8 },
  int32: { proto: TensorProto_DataType.INT32, array: Int32Array, bytes: 4 },
  int64: { proto: TensorProto_DataType.INT64, array: BigInt64Array, bytes: 8 },
  uint32: { proto: TensorProto_DataType.UINT32, array: Uint32Array, bytes: 4 },
  uint8: { proto: TensorProto_DataType.UINT8, array: Uint8Array, bytes: 1 },
  bool: { proto: TensorProto_DataType.BOOL, array: Uint8Array, bytes: 1 },
};

const dtypeOfProto = new Map<number, HostDType>(
  (Object.keys(elementTypes) as HostDType[]).map((dtype) => [elementTypes[dtype].proto, dtype]),
);

/** The number ONNX files use for a dtype. */
export function protoOfDType(dtype: HostDType): TensorProto_DataType {
  return elementTypes[dtype].proto;
}

/** The dtype behind the number in an ONNX file; ShapeError for types outside `HostDType` (float16, string, ...). */
export function dtypeFromProto(proto: number, where: string): HostDType {
  const dtype = dtypeOfProto.get(proto);
  if (dtype === undefined) {
    const name = TensorProto_DataType[proto] ?? String(proto);
    throw new ShapeError(`${where}: element type ${name} is not supported`, {
      supported: [...dtypeOfProto.values()],
    });
  }
  return dtype;
}

export function bytesPerElement(dtype: HostDType): number {
  return elementTypes[dtype].bytes;
}

/** Number of elements; 1 for a scalar (`dims` empty). */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** A zero-filled array of the dtype. */
export function allocateHostArray(dtype: HostDType, length: number): HostArray {
  const { array, bytes } = elementTypes[dtype];
  return new array(new ArrayBuffer(length * bytes), 0, length);
}

/** A typed view over bytes in host (little-endian) order; copies only where the offset is not aligned. */
export function viewBytes(dtype: HostDType, bytes: Uint8Array): HostArray {
  const { array, bytes: width } = elementTypes[dtype];
  assert(bytes.byteLength % width === 0, `${bytes.byteLength} bytes are no whole number of ${dtype}`);
  // Not slice(): on Node's Buffer that is another view, not a copy.
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, bytes.byteLength / width);
}

/**
 * A host tensor from numbers, which are converted to the dtype (int64 to BigInt, bool to 0 and 1).
 *
 * @throws ShapeError when the number of values is not the product of `dims`
 */
export function hostTensor(
  dtype: HostDType,
  dims: readonly number[],
  values: HostArray | readonly (number | bigint | boolean)[],
): HostTensor {
  const count = elementCount(dims);
  if (values.length !== count) {
    throw new ShapeError(`a ${dtype} tensor needs as many values as its shape says`, {
      dims,
      values: values.length,
    });
  }
  if (ArrayBuffer.isView(values)) {
    const same = values instanceof elementTypes[dtype].array;
    if (same) return { dtype, dims, data: values };
  }
  const data = allocateHostArray(dtype, count);
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < count; i++) data[i] = BigInt(values[i]);
  } else if (dtype === "bool") {
    for (let i = 0; i < count; i++) data[i] = values[i] ? 1 : 0;
  } else {
    for (let i = 0; i < count; i++) data[i] = Number(values[i]);
  }
  return { dtype, dims, data };
}
