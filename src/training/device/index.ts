/** Models for devices: one file that predicts and learns there; `millrace/browser` reads it. */
export type { FedRows } from "./device-batch.ts";
export {
  type DeviceBundleFile,
  type DeviceBundleOptions,
  type DeviceManifest,
  deviceBundleFormat,
  deviceBundleParts,
  deviceBundleVersion,
  encodeDeviceBundle,
} from "./device-bundle.ts";
export type { DeviceParameter, DeviceTable } from "./device-graphs.ts";
export { clippingFactor, type MovedWeights, moveWeights } from "../apply-gradients.ts";
