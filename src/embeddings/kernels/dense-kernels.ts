/**
 * The operations on one dense parameter: `count` floats each of weights, gradient and state, at byte
 * offsets into one memory. The gradient is `(g + λ·w)·scale`. Written twice, like the row kernels.
 */
import type { AdamScalars } from "./optimizer.ts";

export interface DensePass {
  readonly count: number;
  readonly weights: number;
  readonly gradient: number;
  /** λ */
  readonly l2: number;
  readonly scale: number;
  /** Factor on the weights before the step, `1 - rate·weightDecay` (decoupled decay, AdamW); 1 for none. */
  readonly keep: number;
}

export interface DenseKernels {
  /** Sum of squares of `g + λ·w` in float64: blocks of 1024 elements, then over the blocks. */
  squares(pass: DensePass): number;
  sgd(pass: DensePass, rate: number): void;
  momentum(pass: DensePass, state: number, rate: number, momentum: number): void;
  adagrad(pass: DensePass, state: number, rate: number, epsilon: number): void;
  /** `first` and `second` are the byte offsets of m and v. */
  adam(pass: DensePass, first: number, second: number, scalars: AdamScalars): void;
}

/** Elements of one block of a sum of squares. */
export const SQUARES_BLOCK = 1024;
