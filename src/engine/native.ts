/**
 * The native engine: onnxruntime-node on the CPU. The package is optional; where it is absent the error
 * names the command which adds it. Its `run` computes on the calling thread, so data preparation belongs in
 * a worker.
 */
import type * as Ort from "onnxruntime-web/wasm";
import { EngineError } from "../core/index.ts";
import type { Engine, Session, SessionOptions } from "./engine.ts";
import {
  commonOptions,
  externalDataOption,
  OrtSession,
  type OrtRuntime,
  runtimeError,
} from "./ort-session.ts";

export interface NativeEngine extends Engine {
  readonly name: "native";
  /** Loads a model file; side files beside it are found and mapped by the runtime itself. */
  loadFile(path: string, options?: SessionOptions): Promise<Session>;
}

const traits = { engine: "native", writesIntoOutputs: true, readsSharedMemory: false } as const;

/**
 * The native engine.
 *
 * @throws EngineError when onnxruntime-node is not installed or its binary does not load
 */
export async function nativeEngine(): Promise<NativeEngine> {
  const runtime = await loadNativePackage("onnxruntime-node");
  const threads = askedThreads() ?? (await coreCount());
  const load = async (model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> => {
    const { profilePrefix } = options;
    const sessionOptions: Ort.InferenceSession.SessionOptions = {
      ...commonOptions,
      ...externalDataOption(options),
      executionProviders: ["cpu"],
      intraOpNumThreads: options.threads ?? threads,
      ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    };
    let session: Ort.InferenceSession;
    try {
      // The two overloads of create take the same path at run time.
      session = await runtime.InferenceSession.create(model as string, sessionOptions);
    } catch (cause) {
      throw runtimeError("native", "refused the model", cause);
    }
    return profilePrefix === undefined
      ? new OrtSession(runtime, session, traits)
      : new ProfiledSession(runtime, session, profilePrefix);
  };
  return { name: "native", load, loadFile: load };
}

class ProfiledSession extends OrtSession {
  readonly #prefix: string;

  constructor(runtime: OrtRuntime, session: Ort.InferenceSession, prefix: string) {
    super(runtime, session, traits);
    this.#prefix = prefix;
  }

  override async release(): Promise<string | undefined> {
    await this.endProfiling();
    return newestWithPrefix(this.#prefix);
  }
}

/** Loads the runtime package by name; exported so that its absence can be tested. */
export async function loadNativePackage(name: string): Promise<OrtRuntime> {
  try {
    // A name in a variable: bundlers for browsers must not follow it.
    const loaded: OrtRuntime & { default?: OrtRuntime } = await import(/* @vite-ignore */ name);
    return loaded.InferenceSession === undefined && loaded.default !== undefined ? loaded.default : loaded;
  } catch (cause) {
    const absent =
      cause instanceof Error && "code" in cause && String(cause.code).endsWith("MODULE_NOT_FOUND");
    throw new EngineError(
      absent
        ? `the native engine needs the package ${name}, which is not installed`
        : `${name} does not load`,
      {
        details: { package: name },
        hint: absent
          ? `npm install ${name} --ignore-scripts`
          : 'the WASM engine runs everywhere: createEngine("wasm")',
        cause,
      },
    );
  }
}

/** `MILLRACE_THREADS`: for machines that do other work too, where threads that wait by spinning cost most. */
function askedThreads(): number | undefined {
  const asked = process.env.MILLRACE_THREADS;
  if (asked === undefined || asked === "") return undefined;
  const threads = Number(asked);
  if (Number.isInteger(threads) && threads >= 1) return threads;
  throw new EngineError(`MILLRACE_THREADS is ${JSON.stringify(asked)}`, {
    details: { expected: "a whole number of at least 1", got: asked },
    hint: "leave it out to use every core",
  });
}

/** ONNX Runtime's own default counts physical cores, which is 1 on many two-core virtual machines. */
async function coreCount(): Promise<number> {
  const os = "node:os";
  const { availableParallelism } = (await import(/* @vite-ignore */ os)) as typeof import("node:os");
  return availableParallelism();
}

/** The runtime appends date and time to the prefix and does not say which. */
async function newestWithPrefix(prefix: string): Promise<string | undefined> {
  const fsName = "node:fs";
  const pathName = "node:path";
  const fs = (await import(/* @vite-ignore */ fsName)) as typeof import("node:fs");
  const path = (await import(/* @vite-ignore */ pathName)) as typeof import("node:path");
  const folder = path.dirname(prefix);
  const files = fs
    .readdirSync(folder)
    .filter((file) => file.startsWith(`${path.basename(prefix)}_`) && file.endsWith(".json"))
    .map((file) => path.join(folder, file));
  const modified = (file: string) => fs.statSync(file).mtimeMs;
  return files.sort((a, b) => modified(a) - modified(b)).at(-1);
}
