/**
 * The kernels in WebAssembly SIMD: `assembly/` compiled by `npm run build:kernels`, one small module whose
 * bytes travel as text in `kernels.wasm.ts`, so that neither Node nor a bundler has a file to find.
 */
import type { DenseKernels, DensePass } from "./dense-kernels.ts";
import { KERNELS_BASE64 } from "./kernels.wasm.ts";
import type { RowKernels, RowPass } from "./row-kernels.ts";
import type { RowPlan } from "./row-plan.ts";

type Call<Result = void> = (...values: readonly number[]) => Result;

/** What `assembly/index.ts` exports; the order of arguments is the one declared there. */
interface KernelExports {
  readonly bind: Call;
  readonly indices: Call<number>;
  readonly group: Call<number>;
  readonly squares: Call<number>;
  readonly sgd: Call;
  readonly adagrad: Call;
  readonly rowwiseAdagrad: Call;
  readonly adam: Call;
  readonly denseSquares: Call<number>;
  readonly denseSgd: Call;
  readonly denseMomentum: Call;
  readonly denseAdagrad: Call;
  readonly denseAdam: Call;
}

let compiled: WebAssembly.Module | undefined;
let supported: boolean | undefined;

function kernelBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(KERNELS_BASE64), (character) => character.charCodeAt(0));
}

/** Whether this machine's WebAssembly has the SIMD instructions that the kernels are made of. */
export function wasmKernelsSupported(): boolean {
  supported ??= WebAssembly.validate(kernelBytes());
  return supported;
}

function instantiate(memory: WebAssembly.Memory): KernelExports {
  compiled ??= new WebAssembly.Module(kernelBytes());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return exports as unknown as KernelExports;
}

export function wasmRowKernels(memory: WebAssembly.Memory, plan: RowPlan): RowKernels {
  const kernels = instantiate(memory);
  kernels.bind(
    plan.dim,
    plan.rows,
    plan.positions,
    plan.stride,
    plan.table,
    plan.scalarState,
    plan.positionRows,
    plan.gatherIndices,
    plan.gradients,
    plan.order,
    plan.unique,
    plan.segmentStart,
    plan.segmentEnd,
    plan.sortSpace,
    plan.histogram,
    plan.frozen,
    plan.zeros,
  );
  const shared = ({ task, table, fromUnique, toUnique, summed, batchL2, restL2 }: RowPass): number[] => [
    task,
    table?.fromRow ?? -1,
    table?.toRow ?? -1,
    fromUnique,
    toUnique,
    Number(summed),
    batchL2,
    restL2,
  ];
  return {
    indices: (count) => kernels.indices(count, plan.stride / plan.dim),
    group: (count, frozenRanges) => kernels.group(count, frozenRanges),
    squares: (pass) => kernels.squares(...shared(pass)),
    sgd: (pass, rate) => kernels.sgd(...shared(pass), pass.scale, rate),
    adagrad: (pass, rate, epsilon) => kernels.adagrad(...shared(pass), pass.scale, rate, epsilon),
    rowwiseAdagrad: (pass, rate, epsilon) =>
      kernels.rowwiseAdagrad(...shared(pass), pass.scale, rate, epsilon),
    adam: (pass, { beta1, gain1, beta2, gain2, size, epsilon }) =>
      kernels.adam(...shared(pass), pass.scale, beta1, gain1, beta2, gain2, size, epsilon),
  };
}

export function wasmDenseKernels(memory: WebAssembly.Memory): DenseKernels {
  const kernels = instantiate(memory);
  const shared = ({ count, weights, gradient, l2, scale, keep }: DensePass): number[] => [
    count,
    weights,
    gradient,
    l2,
    scale,
    keep,
  ];
  return {
    squares: ({ count, weights, gradient, l2 }) => kernels.denseSquares(count, weights, gradient, l2),
    sgd: (pass, rate) => kernels.denseSgd(...shared(pass), rate),
    momentum: (pass, state, rate, momentum) => kernels.denseMomentum(...shared(pass), state, rate, momentum),
    adagrad: (pass, state, rate, epsilon) => kernels.denseAdagrad(...shared(pass), state, rate, epsilon),
    adam: (pass, first, second, { beta1, gain1, beta2, gain2, size, epsilon }) =>
      kernels.denseAdam(...shared(pass), first, second, beta1, gain1, beta2, gain2, size, epsilon),
  };
}
