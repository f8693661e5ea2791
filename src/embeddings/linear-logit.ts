import { type Batch, Module, Parameter } from "../module/index.ts";
import { add, sum } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { FieldEmbedding, type FieldEmbeddingOptions } from "./field-embedding.ts";

/** The linear part of a model: one weight a feature value, summed, plus a bias; `[batch]`. */
export class LinearLogit extends Module {
  readonly weights: FieldEmbedding;
  readonly bias = new Parameter([1]);

  constructor(schema: FeatureMap, options: Omit<FieldEmbeddingOptions, "dim"> = {}) {
    super();
    this.weights = new FieldEmbedding(schema, { ...options, dim: 1 });
  }

  forward(batch: Batch): Tensor {
    const weights = this.weights.forward(batch); // [batch, fields, 1]
    return add(sum(weights, { axes: [1, 2] }), this.bias); // [batch]
  }
}
