/**
 * The operations on a row arena's memory, each written twice: in WebAssembly SIMD (`assembly/`) and, as
 * documentation and judge, in plain JavaScript (`javascript-row-kernels.ts`). Both give the same bits.
 */
import type { AdamScalars } from "./optimizer.ts";

/** Which rows a pass visits, and how their gradients are made. */
export interface RowPass {
  /** Whose gradients and states. */
  readonly task: number;
  /** Unique rows `[fromUnique, toUnique)`: those with a gradient. */
  readonly fromUnique: number;
  readonly toUnique: number;
  /**
   * Present: every row of `[fromRow, toRow)` is visited, the unique rows named above being those among
   * them that have a gradient. Absent: the unique rows alone.
   */
  readonly table?: { readonly fromRow: number; readonly toRow: number };
  /**
   * Whether an earlier pass added up the gradients of each row's positions. A pass does that in place, in
   * ascending order, into the slot of the row's first position.
   */
  readonly summed: boolean;
  /** λ: `λ·w` is added to the gradient of a row that has one … */
  readonly batchL2: number;
  /** … and of the rows that have none. */
  readonly restL2: number;
}

/** A pass that moves rows. The gradient is `(sum + λ·w)·scale`. */
export interface RowStepPass extends RowPass {
  readonly scale: number;
}

export interface RowKernels {
  /**
   * Writes `gatherIndices = positionRows · stride/dim` for the first `count` positions.
   * @returns the first position whose row is outside the table, or -1
   */
  indices(count: number): number;
  /**
   * Sorts the first `count` positions by (row, position) and cuts them into one segment a row, leaving
   * out rows of frozen ranges. Rows must have passed `indices`.
   * @returns the number of unique trainable rows
   */
  group(count: number, frozenRanges: number): number;
  /**
   * Sum of the squares of all visited gradients, in float64, row by row and then over the rows in
   * ascending order.
   */
  squares(pass: RowPass): number;
  sgd(pass: RowStepPass, rate: number): void;
  adagrad(pass: RowStepPass, rate: number, epsilon: number): void;
  rowwiseAdagrad(pass: RowStepPass, rate: number, epsilon: number): void;
  adam(pass: RowStepPass, scalars: AdamScalars): void;
}
