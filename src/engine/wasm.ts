/**
 * The WASM engine: onnxruntime-web's CPU build, in Node and in browsers. Nothing is downloaded in Node: the
 * .wasm file comes from the installed package. A browser fetches it from the page's own server, from where
 * the bundler put it or from `wasmUrl`. Feeds are copied into the module's memory on every run.
 */
import type * as Ort from "onnxruntime-web/wasm";
import { EngineError } from "../core/index.ts";
import type { Engine } from "./engine.ts";
import { commonOptions, externalDataOption, OrtSession, runtimeError } from "./ort-session.ts";

export interface WasmEngineOptions {
  /** Address of `ort-wasm-simd-threaded.wasm`. @default beside the package's code */
  readonly wasmUrl?: string;
  /**
   * Threads of the module, for all sessions; more than one needs a cross-origin isolated page. Fixed by the
   * first engine made. @default 1
   */
  readonly threads?: number;
}

const traits = { engine: "wasm", writesIntoOutputs: false, readsSharedMemory: true } as const;

/** The WASM engine; one module a process or page, which the first session starts. */
export async function wasmEngine(options: WasmEngineOptions = {}): Promise<Engine> {
  const runtime = await import("onnxruntime-web/wasm");
  const { threads = 1, wasmUrl } = options;
  const started = runtime.env.wasm.numThreads;
  if (started !== undefined && started !== threads) {
    throw new EngineError(
      `wasm engine: the module runs with ${started} threads in this process, ${threads} were asked`,
      {
        details: { running: started, asked: threads },
        hint: "give every wasmEngine the same number of threads",
      },
    );
  }
  runtime.env.wasm.numThreads = threads;
  if (wasmUrl !== undefined) runtime.env.wasm.wasmPaths = { wasm: wasmUrl };
  return {
    name: "wasm",
    async load(model, sessionOptions = {}) {
      let session: Ort.InferenceSession;
      try {
        session = await runtime.InferenceSession.create(model, {
          ...commonOptions,
          ...externalDataOption(sessionOptions),
          executionProviders: ["wasm"],
          intraOpNumThreads: Math.min(sessionOptions.threads ?? threads, threads),
        });
      } catch (cause) {
        throw runtimeError("wasm", "refused the model", cause);
      }
      return new OrtSession(runtime, session, traits);
    },
  };
}
