/** A click and a price from shared embeddings: a model with two logits, one of them of a real label. */
import { FieldEmbedding } from "../../src/embeddings/index.ts";
import { MLP } from "../../src/layers/index.ts";
import { type Batch, Model, normalInit } from "../../src/module/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { everyKind } from "./every-kind.ts";

export class TwoTasks extends Model {
  readonly embedding: FieldEmbedding;
  readonly click: MLP;
  readonly spent: MLP;

  constructor(schema: FeatureMap) {
    super();
    this.embedding = new FieldEmbedding(schema, { dim: 3, init: normalInit(0.3) });
    this.click = new MLP(this.embedding.width, [6], { output: 1, dropout: 0.2, batchNorm: true });
    this.spent = new MLP(this.embedding.width, [5], { output: 1 });
  }

  forward(batch: Batch): { click: Tensor; spent: Tensor } {
    const x = this.embedding.forwardFlat(batch);
    return { click: this.click.forward(x).squeeze(1), spent: this.spent.forward(x).squeeze(1) };
  }
}

export const twoTaskSchema: FeatureMap = {
  ...everyKind,
  labels: [
    ...everyKind.labels,
    { name: "spent", column: "spent", threshold: undefined, positive: undefined, kind: "real" },
  ],
};
