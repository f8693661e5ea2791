/** Models for devices: one file that predicts and learns there; `millrace/browser` reads it. */
export { bundleId, canDigest } from "./bundle-digest.ts";
export type { FedRows } from "./device-batch.ts";
export {
  type DeviceBundleFile,
  type DeviceBundleOptions,
  deviceBundleFormat,
  deviceBundleParts,
  deviceBundleVersion,
  encodeDeviceBundle,
} from "./device-bundle.ts";
export { checkManifest, type DeviceManifest } from "./device-manifest.ts";
export type { DeviceParameter, DeviceTable } from "./device-graphs.ts";
export { clippingFactor, type MovedWeights, moveWeights } from "../apply-gradients.ts";
