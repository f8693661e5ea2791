/** What a model costs before anything is trained: numbers to keep, and arithmetic for each row. */
import { countFlops } from "../compile/index.ts";
import { batchDim, countParameters, type Model } from "../module/index.ts";
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import { tracedBatch } from "./graphs.ts";

export interface ModelCost {
  /** Numbers in parameters outside tables. */
  readonly parameters: number;
  /** Numbers in embedding tables, reserved rows included. */
  readonly tableParameters: number;
  /** Arithmetic operations for each row, from looked-up rows to logits; a multiply-add is two. */
  readonly flopsPerRow: number;
  /** Those done once a batch, on parameters alone. */
  readonly flopsPerBatch: number;
}

/**
 * Counts a model's parameters and the arithmetic of its forward pass in evaluation, see `countFlops`. Look-ups
 * are counted as what they are: memory, not arithmetic.
 */
export function modelCost(model: Model, schema: FeatureMap): ModelCost {
  const { logits } = tracedBatch({ model, schema, layout: batchLayout(schema) });
  const flops = countFlops(Object.values(logits));
  const { dense, embedding } = countParameters(model);
  return {
    parameters: dense,
    tableParameters: embedding,
    flopsPerRow: flops.get(batchDim) ?? 0,
    flopsPerBatch: flops.get("") ?? 0,
  };
}
