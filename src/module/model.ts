import type { Tensor } from "../tensor/index.ts";
import type { Batch } from "./batch.ts";
import { Module } from "./module.ts";

/** A ranking model: one logit a row, or one for each task. */
export abstract class Model extends Module {
  /** Logits `[batch]`; with several labels, one tensor a label name. */
  abstract forward(batch: Batch): Tensor | { readonly [label: string]: Tensor };
}
