/**
 * Models past protobuf's 2 GB: large initializers move to a side file, named relative to the model, with
 * offset and length. This file only plans and joins; `node/model-file.ts` reads and writes.
 */
import { create } from "@bufbuild/protobuf";
import { DataError } from "../core/index.ts";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./onnx_pb.ts";

/** Offsets are multiples of this, so that a runtime may map the file into memory. */
const alignmentBytes = 4096;

export interface ExternalDataOptions {
  /** Side file, as the model will name it: relative to the model's folder. */
  readonly location: string;
  /** Initializers of at least this many bytes go to the side file. @default 1024 */
  readonly minBytes?: number;
}

export interface SplitModel {
  /** The model without the bytes of its large initializers. */
  readonly model: ModelProto;
  /** What the side file holds, in order and with the gaps between. */
  readonly chunks: readonly Uint8Array[];
}

/** Moves large initializers out of a model, which itself is left alone; no bytes are copied. */
export function splitExternalData(model: ModelProto, options: ExternalDataOptions): SplitModel {
  const { location, minBytes = 1024 } = options;
  const chunks: Uint8Array[] = [];
  let end = 0;
  const initializer = (model.graph?.initializer ?? []).map((tensor) => {
    const { rawData } = tensor;
    if (rawData.length < minBytes) return tensor;
    const offset = Math.ceil(end / alignmentBytes) * alignmentBytes;
    if (offset > end) chunks.push(new Uint8Array(offset - end));
    chunks.push(rawData);
    end = offset + rawData.length;
    return create(TensorProtoSchema, {
      name: tensor.name,
      dims: tensor.dims,
      dataType: tensor.dataType,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [
        { key: "location", value: location },
        { key: "offset", value: String(offset) },
        { key: "length", value: String(rawData.length) },
      ],
    });
  });
  // Object.assign copies what is set; a spread would lose the prototype that holds the defaults.
  const graph = Object.assign(create(GraphProtoSchema), model.graph, { initializer });
  return { model: Object.assign(create(ModelProtoSchema), model, { graph }), chunks };
}

/**
 * Inputs of fixed shape become initializers whose values lie in side files, one a tensor and called as the tensor
 * is; whoever loads the model brings the files. So several models can share one copy of a large table.
 */
export function inputsToExternalData(model: ModelProto, names: ReadonlySet<string>): void {
  const { graph } = model;
  for (const { name, type } of graph?.input ?? []) {
    const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
    if (graph === undefined || !names.has(name) || tensor === undefined) continue;
    const dims = (tensor.shape?.dim ?? []).map(({ value }) => {
      if (value.case === "dimValue") return value.value;
      throw new DataError(`input ${name} has an open dimension, so no file can hold its values`, {
        details: { input: name },
      });
    });
    graph.initializer.push(
      create(TensorProtoSchema, {
        name,
        dims,
        dataType: tensor.elemType,
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [{ key: "location", value: name }],
      }),
    );
  }
  if (graph !== undefined) graph.input = graph.input.filter(({ name }) => !names.has(name));
}

/** Where a side file's bytes come from: `length` of them from `offset` (undefined: to its end). */
export type ReadExternal = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** Brings the side files' bytes into the model's initializers, in place. */
export function joinExternalData(model: ModelProto, read: ReadExternal): void {
  for (const tensor of model.graph?.initializer ?? []) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const entry = (key: string) => tensor.externalData.find((pair) => pair.key === key)?.value;
    const location = entry("location");
    if (location === undefined) {
      throw new DataError(`initializer ${tensor.name} names no side file`, {
        details: { tensor: tensor.name },
      });
    }
    const length = entry("length");
    const bytes = read(
      location,
      Number(entry("offset") ?? 0),
      length === undefined ? undefined : Number(length),
    );
    tensor.rawData = bytes as Uint8Array<ArrayBuffer>;
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    tensor.externalData = [];
  }
}
