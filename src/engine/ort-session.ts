/**
 * What the native and the WASM engine share: one ONNX Runtime session behind our `Session`. Feeds are
 * passed as they are, without a copy; the runtime's tensor objects around them are kept as long as the
 * arrays live, so that a training step that swaps two sets of buffers wraps each only once.
 */
import type * as Ort from "onnxruntime-web/wasm";
import { EngineError } from "../core/index.ts";
import { elementCount, type HostArray, type HostDType } from "../onnx/index.ts";
import type { HostTensor, Session, SessionOptions, TensorInfo } from "./engine.ts";
import { copyInto, missingFeed, overwritesFeed, refuseUnknown, sameDims, wrongDType } from "./feeds.ts";

/** The part of the onnxruntime packages that we use; both have it. */
export type OrtRuntime = Pick<typeof Ort, "InferenceSession" | "Tensor">;

export interface OrtSessionTraits {
  readonly engine: "native" | "wasm" | "webgpu";
  /** Whether the runtime writes into tensors passed as outputs; where not, we copy. */
  readonly writesIntoOutputs: boolean;
  /** Whether the runtime reads SharedArrayBuffers. */
  readonly readsSharedMemory: boolean;
}

interface WrappedTensor {
  readonly dtype: HostDType;
  readonly dims: readonly number[];
  readonly tensor: Ort.Tensor;
}

/** Options that hold for every session: one operator at a time, all rewrites, errors only as exceptions. */
export const commonOptions = {
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  interOpNumThreads: 1,
  logSeverityLevel: 4,
} as const satisfies Ort.InferenceSession.SessionOptions;

/** Side files in the form the runtime takes. */
export function externalDataOption(options: SessionOptions): Ort.InferenceSession.SessionOptions {
  const files = Object.entries(options.externalData ?? {});
  return files.length === 0 ? {} : { externalData: files.map(([path, data]) => ({ path, data })) };
}

export class OrtSession implements Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #runtime: OrtRuntime;
  readonly #session: Ort.InferenceSession;
  readonly #traits: OrtSessionTraits;
  readonly #inputNames: ReadonlySet<string>;
  readonly #outputNames: ReadonlySet<string>;
  readonly #wrapped = new WeakMap<HostArray, WrappedTensor>();

  constructor(runtime: OrtRuntime, session: Ort.InferenceSession, traits: OrtSessionTraits) {
    this.#runtime = runtime;
    this.#session = session;
    this.#traits = traits;
    this.inputs = session.inputMetadata.map((value) => tensorInfo(value, traits.engine));
    this.outputs = session.outputMetadata.map((value) => tensorInfo(value, traits.engine));
    this.#inputNames = new Set(session.inputNames);
    this.#outputNames = new Set(session.outputNames);
  }

  async run(
    feeds: { readonly [name: string]: HostTensor },
    options: {
      readonly fetch?: readonly string[];
      readonly into?: { readonly [name: string]: HostTensor };
    } = {},
  ): Promise<{ [name: string]: HostTensor }> {
    const { engine, writesIntoOutputs } = this.#traits;
    const { into = {}, fetch } = options;
    const ortFeeds: { [name: string]: Ort.Tensor } = {};
    for (const { name, dtype } of this.inputs) {
      const feed = feeds[name];
      if (feed === undefined) throw missingFeed(engine, name, feeds);
      if (feed.dtype !== dtype) throw wrongDType(engine, name, dtype, feed.dtype);
      ortFeeds[name] = this.#wrap(name, feed);
    }
    refuseUnknown(engine, "input", Object.keys(feeds), this.#inputNames);
    refuseUnknown(engine, "output", Object.keys(into), this.#outputNames);
    if (fetch !== undefined) refuseUnknown(engine, "output", fetch, this.#outputNames);

    const fetches: { [name: string]: Ort.Tensor | null } = {};
    const fed = new Set(Object.values(feeds).map(({ data }) => data));
    for (const name of fetch ?? this.#outputNames) {
      const target = into[name];
      if (target !== undefined && fed.has(target.data)) throw overwritesFeed(engine, name);
      fetches[name] = target !== undefined && writesIntoOutputs ? this.#wrap(name, target) : null;
    }
    const results: { [name: string]: HostTensor } = {};
    if (fetch?.length === 0) return results;

    let computed: Ort.InferenceSession.OnnxValueMapType;
    try {
      computed = await this.#session.run(ortFeeds, fetches);
    } catch (cause) {
      throw runtimeError(engine, "could not run the graph", cause);
    }
    for (const name in fetches) {
      const target = into[name];
      if (target !== undefined && writesIntoOutputs) {
        results[name] = target;
        continue;
      }
      const tensor = computed[name] as Ort.Tensor;
      const fresh = { dtype: tensor.type as HostDType, dims: tensor.dims, data: tensor.data as HostArray };
      results[name] = target === undefined ? fresh : copyInto(engine, name, target, fresh);
    }
    return results;
  }

  async release(): Promise<string | undefined> {
    await this.#session.release();
    return undefined;
  }

  /** Ends profiling and closes the session, in the order the runtime needs. */
  async endProfiling(): Promise<void> {
    this.#session.endProfiling();
    await this.#session.release();
  }

  #wrap(name: string, host: HostTensor): Ort.Tensor {
    const { dtype, dims, data } = host;
    const known = this.#wrapped.get(data);
    // A WebAssembly memory that grew leaves arrays of length 0 behind: they need the check below again.
    if (
      known !== undefined &&
      known.dtype === dtype &&
      sameDims(known.dims, dims) &&
      known.tensor.size === data.length
    ) {
      return known.tensor;
    }
    const { engine, readsSharedMemory } = this.#traits;
    if (data.length !== elementCount(dims)) {
      throw new EngineError(
        `${engine} engine: "${name}" has shape [${dims.join(", ")}] but ${data.length} values`,
        { details: { name, dims, values: data.length } },
      );
    }
    if (
      !readsSharedMemory &&
      typeof SharedArrayBuffer !== "undefined" &&
      data.buffer instanceof SharedArrayBuffer
    ) {
      throw new EngineError(
        `${engine} engine: "${name}" lies in a SharedArrayBuffer, which ONNX Runtime cannot read`,
        {
          details: { name },
          hint: "use an ordinary ArrayBuffer, or the buffer of an unshared WebAssembly.Memory",
        },
      );
    }
    const tensor = new this.#runtime.Tensor(dtype, data as Float32Array, [...dims]) as Ort.Tensor;
    this.#wrapped.set(data, { dtype, dims: [...dims], tensor });
    return tensor;
  }
}

/** An error of the runtime as ours, its own words kept. */
export function runtimeError(engine: string, what: string, cause: unknown, hint?: string): EngineError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(`${engine} engine ${what}: ${said.trim()}`, { details: { engine }, hint, cause });
}

const hostDTypes = new Set<string>([
  "float32",
  "float64",
  "int32",
  "int64",
  "uint32",
  "uint8",
  "bool",
] satisfies HostDType[]);

function tensorInfo(value: Ort.InferenceSession.ValueMetadata, engine: string): TensorInfo {
  if (!value.isTensor || !hostDTypes.has(value.type)) {
    const received = value.isTensor ? value.type : "no tensor";
    throw new EngineError(
      `${engine} engine: graph value "${value.name}" is ${received}, which hosts cannot hold`,
      {
        details: { name: value.name, received, supported: [...hostDTypes] },
      },
    );
  }
  return { name: value.name, dtype: value.type as HostDType, shape: value.shape };
}
