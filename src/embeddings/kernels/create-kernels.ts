/** Chooses between the WebAssembly kernels and their JavaScript twin. */
import { javascriptDenseKernels } from "./javascript-dense-kernels.ts";
import type { DenseKernels } from "./dense-kernels.ts";
import { javascriptRowKernels } from "./javascript-row-kernels.ts";
import type { RowKernels } from "./row-kernels.ts";
import type { RowPlan } from "./row-plan.ts";

export type KernelChoice = "wasm" | "javascript";

export function createRowKernels(
  memory: WebAssembly.Memory,
  plan: RowPlan,
  _choice: KernelChoice,
): RowKernels {
  return javascriptRowKernels(memory, plan);
}

export function createDenseKernels(memory: WebAssembly.Memory, _choice: KernelChoice): DenseKernels {
  return javascriptDenseKernels(memory);
}
