import type { Tensor } from "../tensor/index.ts";
import type { Batch } from "./batch.ts";
import { Module } from "./module.ts";
import type { State } from "./parameter.ts";

/** Values of a model's running states, to be read and replaced between epochs. */
export interface StateValues {
  read(state: State): Float32Array;
  write(state: State, values: Float32Array): void;
}

/** A ranking model: one logit a row, or one for each task. */
export abstract class Model extends Module {
  /** Logits `[batch]`; with several labels, one tensor a label name. */
  abstract forward(batch: Batch): Tensor | { readonly [label: string]: Tensor };

  /** Before a pass over the training split; a stream is one pass. */
  beforeEpoch?(states: StateValues): void;

  /** After a pass (on a stream: after each window), before the weights are measured: what no graph computes. */
  afterEpoch?(states: StateValues): void;
}
