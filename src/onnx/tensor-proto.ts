/**
 * Host tensors to and from ONNX's `TensorProto`. Written as `raw_data`, little-endian; read from any of
 * the three forms the format knows (raw bytes, typed lists; external data must be loaded first).
 */
import { create } from "@bufbuild/protobuf";
import { assert, ShapeError } from "../core/index.ts";
import {
  dtypeFromProto,
  elementCount,
  type HostTensor,
  hostTensor,
  protoOfDType,
  viewBytes,
} from "./host-tensor.ts";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "./onnx_pb.ts";

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The tensor's bytes are shared with the result, not copied. */
export function tensorFromHost(tensor: HostTensor, name = ""): TensorProto {
  assert(hostIsLittleEndian, "ONNX files are little-endian and so must be this machine");
  const { data } = tensor;
  if (data.length !== elementCount(tensor.dims)) {
    throw new ShapeError(`initializer ${name}: values and shape differ in number`, {
      dims: tensor.dims,
      values: data.length,
    });
  }
  return create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: protoOfDType(tensor.dtype),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>,
  });
}

/**
 * The values of a `TensorProto`; a view over its raw bytes where they are aligned.
 *
 * @throws ShapeError for element types outside `HostDType`, and for data still in a side file
 */
export function hostFromTensor(tensor: TensorProto): HostTensor {
  const where = `tensor ${tensor.name || "(unnamed)"}`;
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new ShapeError(`${where}: its values are in a side file; read the model with readModel`);
  }
  const dtype = dtypeFromProto(tensor.dataType, where);
  const dims = tensor.dims.map(Number);
  if (tensor.rawData.length > 0 || elementCount(dims) === 0) {
    const data = viewBytes(dtype, tensor.rawData);
    return hostTensor(dtype, dims, data);
  }
  switch (dtype) {
    case "float32":
      return hostTensor(dtype, dims, tensor.floatData);
    case "float64":
      return hostTensor(dtype, dims, tensor.doubleData);
    case "int64":
      return hostTensor(dtype, dims, tensor.int64Data);
    case "uint32":
      return hostTensor(dtype, dims, tensor.uint64Data);
    default:
      return hostTensor(dtype, dims, tensor.int32Data);
  }
}
