/** The ONNX format and nothing else; browser-safe. Files on disk are read and written by `onnx/node`. */
export { type AttributeValue, float, floats } from "./attribute.ts";
export { decodeModel, encodeModel } from "./codec.ts";
export {
  type ExternalDataOptions,
  inputsToExternalData,
  joinExternalData,
  type ReadExternal,
  type SplitModel,
  splitExternalData,
} from "./external-data.ts";
export {
  defaultIrVersion,
  defaultOpset,
  type FinishOptions,
  GraphBuilder,
  type NodeOptions,
  nodeProto,
  valueInfo,
} from "./graph-builder.ts";
export {
  allocateHostArray,
  bytesPerElement,
  type Dimension,
  dtypeFromProto,
  elementCount,
  type HostArray,
  type HostDType,
  type HostTensor,
  hostTensor,
  protoOfDType,
} from "./host-tensor.ts";
export {
  type AttributeProto,
  AttributeProto_AttributeType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
  type ValueInfoProto,
} from "./onnx_pb.ts";
export { broadcastDims, broadcastSource, stridesOf, walk } from "./row-major.ts";
export { hostFromTensor, tensorFromHost } from "./tensor-proto.ts";
