/** Picks an engine by name. */
import { ConfigError, EngineError } from "../core/index.ts";
import type { Engine } from "./engine.ts";
import { nativeEngine } from "./native.ts";
import { referenceEngine } from "./reference/index.ts";
import { type WasmEngineOptions, wasmEngine } from "./wasm.ts";
import { webgpuEngine } from "./webgpu.ts";

export type EngineName = Engine["name"];

export interface CreateEngineOptions {
  readonly wasm?: WasmEngineOptions;
  /** Told, once a process, that "auto" took the WASM engine and why. @default a line on stderr */
  readonly onNotice?: (message: string) => void;
}

let noticeGiven = false;

/**
 * An engine by name; "auto" is the native one where it is installed, else WASM.
 *
 * @throws EngineError when the engine asked for by name is not there; ConfigError when there is none of that name
 */
export async function createEngine(
  name: EngineName | "auto" = "auto",
  options: CreateEngineOptions = {},
): Promise<Engine> {
  switch (name) {
    case "native":
      return nativeEngine();
    case "wasm":
      return wasmEngine(options.wasm);
    case "webgpu":
      return webgpuEngine();
    case "reference":
      return referenceEngine({ floatOutputs: "declared" });
    case "auto":
      return automaticEngine(options);
    default:
      throw new ConfigError(`there is no engine ${String(name satisfies never)}`, {
        details: { received: name, expected: ["auto", "native", "wasm", "webgpu", "reference"] },
        hint: "one of auto, native, wasm, webgpu, reference",
      });
  }
}

async function automaticEngine(options: CreateEngineOptions): Promise<Engine> {
  const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
  if (!inNode) return wasmEngine(options.wasm);
  try {
    return await nativeEngine();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { onNotice = (message: string) => console.warn(message) } = options;
    if (!noticeGiven)
      onNotice(`using the WASM engine, about ten times slower: ${error.message} (${error.hint})`);
    noticeGiven = true;
    return wasmEngine(options.wasm);
  }
}
