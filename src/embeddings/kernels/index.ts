export {
  DenseArena,
  type DenseArenaOptions,
  type DenseParameter,
  type DenseStep,
} from "./dense-arena.ts";
export { formatBytes } from "./memory-plan.ts";
export { denseStateVectors, type Optimizer } from "./optimizer.ts";
export { RowArena, type RowL2, type RowRange, type RowStep } from "./row-arena.ts";
export { type RowArenaBytes, type RowArenaOptions, rowArenaBytes } from "./row-plan.ts";
