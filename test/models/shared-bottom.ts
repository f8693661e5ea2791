/** Towers on a common bottom over common embeddings, one a label: the smallest model with shared weights. */
import { FieldEmbedding } from "../../src/embeddings/index.ts";
import { MLP } from "../../src/layers/index.ts";
import { type Batch, Model, normalInit } from "../../src/module/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { everyKind } from "./every-kind.ts";

export class SharedBottomModel extends Model {
  readonly embedding: FieldEmbedding;
  readonly bottom: MLP;
  readonly towers: { readonly [label: string]: MLP };

  constructor(schema: FeatureMap, { dropout = 0, batchNorm = false } = {}) {
    super();
    this.embedding = new FieldEmbedding(schema, { dim: 3, init: normalInit(0.3) });
    this.bottom = new MLP(this.embedding.width, [8], { dropout, batchNorm });
    this.towers = Object.fromEntries(
      schema.labels.map(({ name }) => [
        name,
        new MLP(this.bottom.width, [4], { output: 1, activation: "tanh" }),
      ]),
    );
  }

  forward(batch: Batch): { [label: string]: Tensor } {
    const x = this.bottom.forward(this.embedding.forwardFlat(batch));
    return Object.fromEntries(
      Object.entries(this.towers).map(([name, tower]) => [name, tower.forward(x).squeeze(1)]),
    );
  }
}

const label = (name: string) =>
  ({ name, column: name, threshold: undefined, positive: undefined, kind: "binary" }) as const;

/** `everyKind` with the labels click and like. */
export const clickAndLike: FeatureMap = { ...everyKind, labels: [label("click"), label("like")] };
