/** All operators of the reference engine. */
import { alongAxisKernels } from "./along-axis.ts";
import { binaryKernels } from "./binary.ts";
import { bitwiseKernels } from "./bitwise.ts";
import { castKernels } from "./cast.ts";
import { comparisonKernels } from "./comparison.ts";
import { einsumKernels } from "./einsum.ts";
import { gatherKernels } from "./gather.ts";
import { generatorKernels } from "./generators.ts";
import type { KernelTable } from "./kernel.ts";
import { layoutKernels } from "./layout.ts";
import { matmulKernels } from "./matmul.ts";
import { normalizationKernels } from "./normalization.ts";
import { piecesKernels } from "./pieces.ts";
import { reductionKernels } from "./reduction.ts";
import { scatterKernels } from "./scatter.ts";
import { unaryKernels } from "./unary.ts";

export const kernels: KernelTable = {
  ...unaryKernels,
  ...binaryKernels,
  ...comparisonKernels,
  ...bitwiseKernels,
  ...castKernels,
  ...matmulKernels,
  ...einsumKernels,
  ...reductionKernels,
  ...alongAxisKernels,
  ...normalizationKernels,
  ...gatherKernels,
  ...scatterKernels,
  ...layoutKernels,
  ...piecesKernels,
  ...generatorKernels,
};
