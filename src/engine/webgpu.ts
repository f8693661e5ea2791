/**
 * The WebGPU engine: onnxruntime-web's GPU build, in browsers that have WebGPU and an adapter for it. Operators
 * that it lacks run on the CPU inside the same module, so every graph runs; small ones are faster in WASM, since
 * each run moves its inputs to the device and its results back.
 */
import type * as Ort from "onnxruntime-web/wasm";
import { EngineError } from "../core/index.ts";
import type { Engine } from "./engine.ts";
import { commonOptions, externalDataOption, OrtSession, runtimeError } from "./ort-session.ts";

export interface WebgpuEngineOptions {
  /** Address of `ort-wasm-simd-threaded.asyncify.wasm`. @default beside the package's code */
  readonly wasmUrl?: string;
}

const traits = { engine: "webgpu", writesIntoOutputs: false, readsSharedMemory: true } as const;

/** What is needed of `navigator.gpu`. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** Whether this page has WebGPU and an adapter behind it. */
export async function webgpuAvailable(): Promise<boolean> {
  const gpu = (globalThis.navigator as { gpu?: Gpu } | undefined)?.gpu;
  try {
    return gpu !== undefined && (await gpu.requestAdapter()) !== null;
  } catch {
    // A browser with the interface but no driver may refuse in this way.
    return false;
  }
}

/** The WebGPU engine. @throws EngineError where there is no WebGPU, or no adapter */
export async function webgpuEngine({ wasmUrl }: WebgpuEngineOptions = {}): Promise<Engine> {
  if (!(await webgpuAvailable())) {
    throw new EngineError("webgpu engine: this page has no WebGPU adapter", {
      hint: "take wasmEngine(), which runs everywhere; webgpuAvailable() tells beforehand",
    });
  }
  const runtime = (await import("onnxruntime-web/webgpu")) as typeof Ort;
  runtime.env.wasm.numThreads = 1;
  if (wasmUrl !== undefined) runtime.env.wasm.wasmPaths = { wasm: wasmUrl };
  return {
    name: "webgpu",
    async load(model, options = {}) {
      let session: Ort.InferenceSession;
      try {
        session = await runtime.InferenceSession.create(model, {
          ...commonOptions,
          ...externalDataOption(options),
          executionProviders: ["webgpu"],
        });
      } catch (cause) {
        throw runtimeError("webgpu", "refused the model", cause);
      }
      return new OrtSession(runtime, session, traits);
    },
  };
}
