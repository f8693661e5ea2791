/**
 * What every engine is: it loads an ONNX model and runs it on typed arrays. Three exist: `native`
 * (onnxruntime-node), `wasm` (onnxruntime-web, Node and browsers) and `reference` (slow, float64,
 * written from the ONNX specification; the judge of the other two).
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
}

export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the graph. `outputs` may name host tensors to write into (exact dims); without it, fresh
   * arrays are made. Only the outputs named in `fetch` are computed (default: all).
   */
  run(
    feeds: { readonly [name: string]: HostTensor },
    options?: { readonly fetch?: readonly string[]; readonly into?: { readonly [name: string]: HostTensor } },
  ): Promise<{ [name: string]: HostTensor }>;
  /** Ends profiling where it was on; returns the profile's path. */
  release(): Promise<void>;
}

export interface Engine {
  readonly name: "native" | "wasm" | "reference";
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}
