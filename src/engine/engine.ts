/**
 * What every engine is: it loads an ONNX model and runs it on typed arrays. Four exist: `native`
 * (onnxruntime-node), `wasm` (onnxruntime-web, Node and browsers), `webgpu` (onnxruntime-web, browsers with a
 * GPU) and `reference` (slow, float64, written from the ONNX specification; the judge of the others).
 */

import type { HostDType, HostTensor } from "../onnx/index.ts";

export type { HostArray, HostDType, HostTensor } from "../onnx/index.ts";

export interface TensorInfo {
  readonly name: string;
  readonly dtype: HostDType;
  /** Named dimensions are strings. */
  readonly shape: readonly (number | string)[];
}

export interface SessionOptions {
  /** Threads for one operator. @default all cores (native), 1 (wasm) */
  readonly threads?: number;
  /** Write the runtime's profile to files with this prefix (native only). */
  readonly profilePrefix?: string;
  /** The bytes of the model's side files, by the name under which the model mentions them. */
  readonly externalData?: { readonly [location: string]: Uint8Array };
}

export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the graph. `into` may name host tensors to write outputs into (exact dims and dtype), which are
   * then what is returned; other outputs come in fresh arrays. Only the outputs named in `fetch` are
   * returned (default: all).
   */
  run(
    feeds: { readonly [name: string]: HostTensor },
    options?: { readonly fetch?: readonly string[]; readonly into?: { readonly [name: string]: HostTensor } },
  ): Promise<{ [name: string]: HostTensor }>;
  /** Frees the session. Ends profiling where it was on and returns the profile's path. */
  release(): Promise<string | undefined>;
}

export interface Engine {
  readonly name: "native" | "wasm" | "webgpu" | "reference";
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}
