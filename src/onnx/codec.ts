/** ONNX files as bytes. A file is one protobuf message, which ends at 2 GB; see `external-data.ts` for more. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { DataError, EngineError } from "../core/index.ts";
import { type ModelProto, ModelProtoSchema } from "./onnx_pb.ts";

const protobufLimitBytes = 2 ** 31 - 1;

/**
 * Reads an ONNX model. Raw tensor bytes are views into `bytes`, not copies.
 *
 * @throws DataError when the bytes are no ONNX model
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new DataError(`not an ONNX model: ${(cause as Error).message}`, {
      details: { bytes: bytes.length },
      cause,
    });
  }
  if (model.graph === undefined) {
    throw new DataError("not an ONNX model: it holds no graph", { details: { bytes: bytes.length } });
  }
  return model;
}

/**
 * Writes an ONNX model.
 *
 * @throws EngineError when its tensors alone pass protobuf's 2 GB
 */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  const tensorBytes = (model.graph?.initializer ?? []).reduce(
    (sum, tensor) => sum + tensor.rawData.length,
    0,
  );
  if (tensorBytes > protobufLimitBytes) {
    throw new EngineError(
      `the model's initializers take ${tensorBytes} bytes and an ONNX file ends at 2 GB`,
      {
        details: { tensorBytes, limit: protobufLimitBytes },
        hint: "write it with saveModel and an externalDataPath",
      },
    );
  }
  return toBinary(ModelProtoSchema, model);
}
