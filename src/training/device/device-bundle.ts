/**
 * A model for devices as one file: graphs, values and feature map in a safetensors container, so that any
 * safetensors reader can look into it. Values stand in it once, whichever graph reads them.
 *
 *     __metadata__          format, version, id, manifest (JSON)
 *     feature-map.json      U8: encoders and order of inputs
 *     prediction.onnx       U8: encoded columns, chosen rows and parameters in, predictions out
 *     training.onnx         U8: the same with labels in, loss and gradients out (where something is trainable)
 *     table:<path>          F32 [rows, dim]
 *     parameter:<path>, state:<path>   F32
 *
 * Shared values are the graphs' external data, called `@<name of the tensor>`.
 */
import { DataError } from "../../core/index.ts";
import { encodeSafetensors, type Model, type SafetensorsTensor } from "../../module/index.ts";
import { decodeModel, encodeModel, inputsToExternalData } from "../../onnx/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { WeightSource } from "../inference.ts";
import { bundleId } from "./bundle-digest.ts";
import { deviceGraphs } from "./device-graphs.ts";
import type { DeviceManifest } from "./device-manifest.ts";

export const deviceBundleFormat = "millrace-device-bundle";
export const deviceBundleVersion = 1;

/** Names of the parts that are no weights. */
export const deviceBundleParts = {
  featureMap: "feature-map.json",
  prediction: "prediction.onnx",
  training: "training.onnx",
} as const;

export interface DeviceBundleOptions {
  readonly model: Model;
  readonly schema: FeatureMap;
  readonly weights: WeightSource;
  /** Patterns of parameter and table paths that the device may change. @default none */
  readonly trainable?: readonly string[];
}

export interface DeviceBundleFile {
  readonly bytes: Uint8Array;
  /** Digest of the contents; what a device has learnt belongs to one id. */
  readonly id: string;
  readonly manifest: DeviceManifest;
}

/** @throws ConfigError for parts that the model does not have; DataError when all of it passes 2 GiB */
export async function encodeDeviceBundle({
  model,
  schema,
  weights,
  trainable = [],
}: DeviceBundleOptions): Promise<DeviceBundleFile> {
  const graphs = deviceGraphs(model, schema, trainable);
  const tensors: { [name: string]: SafetensorsTensor } = {};
  const put = (name: string, shape: readonly number[], data: Float32Array | Uint8Array): void => {
    tensors[name] =
      data instanceof Float32Array
        ? { dtype: "F32", shape, data: data as Float32Array<ArrayBuffer> }
        : { dtype: "U8", shape, data: data as Uint8Array<ArrayBuffer> };
  };
  for (const [name, { kind, path, shape }] of graphs.shared) put(name.slice(1), shape, weights[kind](path));
  for (const { path, rows, dim } of graphs.tables) put(`table:${path}`, [rows, dim], weights.table(path));
  for (const { path, shape } of graphs.parameters) put(`parameter:${path}`, shape, weights.parameter(path));
  const outside = new Set(graphs.shared.keys());
  const { featureMap, prediction, training } = deviceBundleParts;
  for (const [name, graph] of [
    [prediction, graphs.prediction],
    [training, graphs.training],
  ] as const) {
    if (graph === undefined) continue;
    const proto = decodeModel(graph);
    inputsToExternalData(proto, outside);
    const bytes = encodeModel(proto);
    put(name, [bytes.length], bytes);
  }
  const map = new TextEncoder().encode(JSON.stringify(schema));
  put(featureMap, [map.length], map);
  const total = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  if (total >= 2 ** 31) {
    throw new DataError(`a bundle of ${total} bytes is more than a page can load`, {
      details: { bytes: total, limitBytes: 2 ** 31 },
      hint: "train with a smaller embedding_dim, a higher min_count or hashed vocabularies",
    });
  }
  const manifest: DeviceManifest = {
    model: model.constructor.name,
    labels: graphs.labels,
    rows: graphs.rows,
    tables: graphs.tables,
    parameters: graphs.parameters,
    shared: [...outside].map((name) => name.slice(1)),
  };
  const described = JSON.stringify(manifest);
  const id = await bundleId(tensors, described);
  const metadata = {
    format: deviceBundleFormat,
    version: String(deviceBundleVersion),
    id,
    manifest: described,
  };
  return { bytes: encodeSafetensors(tensors, metadata), id, manifest };
}
