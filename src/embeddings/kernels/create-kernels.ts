/** Chooses between the WebAssembly kernels and their JavaScript twin; both give the same bits. */
import type { DenseKernels } from "./dense-kernels.ts";
import { javascriptDenseKernels } from "./javascript-dense-kernels.ts";
import { javascriptRowKernels } from "./javascript-row-kernels.ts";
import type { RowKernels } from "./row-kernels.ts";
import type { RowPlan } from "./row-plan.ts";
import { wasmDenseKernels, wasmKernelsSupported, wasmRowKernels } from "./wasm-kernels.ts";

/** `wasm` falls back to `javascript` where WebAssembly has no SIMD. */
export type KernelChoice = "wasm" | "javascript";

export function createRowKernels(
  memory: WebAssembly.Memory,
  plan: RowPlan,
  choice: KernelChoice,
): RowKernels {
  return choice === "wasm" && wasmKernelsSupported()
    ? wasmRowKernels(memory, plan)
    : javascriptRowKernels(memory, plan);
}

export function createDenseKernels(memory: WebAssembly.Memory, choice: KernelChoice): DenseKernels {
  return choice === "wasm" && wasmKernelsSupported()
    ? wasmDenseKernels(memory)
    : javascriptDenseKernels(memory);
}
