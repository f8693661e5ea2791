/** Engines: the only folder that knows ONNX Runtime. */
export { createEngine, type CreateEngineOptions, type EngineName } from "./create.ts";
export type {
  Engine,
  HostArray,
  HostDType,
  HostTensor,
  Session,
  SessionOptions,
  TensorInfo,
} from "./engine.ts";
export { type NativeEngine, nativeEngine } from "./native.ts";
export { type ReferenceEngineOptions, referenceEngine } from "./reference/index.ts";
export { type WasmEngineOptions, wasmEngine } from "./wasm.ts";
export { webgpuAvailable, type WebgpuEngineOptions, webgpuEngine } from "./webgpu.ts";
