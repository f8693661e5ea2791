/** A finished run as one file for devices: the model built again from its configuration, the values read back. */
import { DataError } from "../core/index.ts";
import { decodeModel, hostFromTensor } from "../onnx/index.ts";
import type { WeightSource } from "../training/index.ts";
import { type DeviceBundleFile, encodeDeviceBundle } from "../training/device/index.ts";
import type { OpenRun } from "./run-directory.ts";
import { buildModel } from "./train-run.ts";

/** The values of a run's model, by path. */
export function runWeights({ directory, model, tables }: OpenRun): WeightSource {
  const stored = new Map(decodeModel(model).graph?.initializer.map((tensor) => [tensor.name, tensor]));
  const missing = (path: string): DataError =>
    new DataError(`${directory}: the saved model has no values for ${path}`, {
      details: { directory, path },
      hint: "the run was saved by another version; train it again",
    });
  const value = (path: string): Float32Array => {
    const tensor = stored.get(path);
    if (tensor === undefined) throw missing(path);
    return hostFromTensor(tensor).data as Float32Array;
  };
  return {
    parameter: value,
    state: value,
    table(path) {
      const table = tables.find(({ name }) => name === `table:${path}`);
      if (table === undefined) throw missing(path);
      return table.data;
    },
  };
}

/**
 * @param options.trainable patterns of parameter and table paths that a device may change @default none
 * @throws ConfigError for a pattern that names no part of the model
 */
export function exportForDevice(
  run: OpenRun,
  { trainable = [] }: { readonly trainable?: readonly string[] } = {},
): Promise<DeviceBundleFile> {
  const model = buildModel(run.config, run.map);
  return encodeDeviceBundle({ model, schema: run.map, weights: runWeights(run), trainable });
}
