/** A model of one's own: a user tower and an item tower whose product is the logit. */
import { type Batch, createEngine, type FeatureMap, Model, prepareDataset, train } from "millrace";
import { FieldEmbedding } from "millrace/embeddings";
import { MLP } from "millrace/layers";
import { mul, sum } from "millrace/ops";
import type { Tensor } from "millrace/tensor";

class TwoTowers extends Model {
  readonly user: FieldEmbedding;
  readonly item: FieldEmbedding;
  readonly userTower: MLP;
  readonly itemTower: MLP;

  constructor(map: FeatureMap, dim = 16) {
    super();
    this.user = new FieldEmbedding(map, { dim, include: ["user", "page", "history"] });
    this.item = new FieldEmbedding(map, { dim, include: ["item", "category", "price"] });
    this.userTower = new MLP(this.user.width, [32], { output: dim });
    this.itemTower = new MLP(this.item.width, [32], { output: dim });
  }

  /** Logits, `[batch]`. */
  forward(batch: Batch): Tensor {
    const user = this.userTower.forward(this.user.forwardFlat(batch)); // [batch, dim]
    const item = this.itemTower.forward(this.item.forwardFlat(batch)); // [batch, dim]
    return sum(mul(user, item), { axis: -1 });
  }
}

const dataset = await prepareDataset({
  data: { train: "examples/clicks.csv", split: { by: "ratio", train: 0.8, valid: 0.2 } },
  features: [
    { name: "user", kind: "categorical" },
    { name: "page", kind: "categorical" },
    { name: "item", kind: "categorical" },
    { name: "category", kind: "categorical" },
    { name: "price", kind: "numeric", transform: "log_standard" },
    { name: "history", kind: "sequence", separator: "|", target: "item" },
  ],
  labels: [{ name: "click" }],
});
const { map, splits } = dataset;
const { valid, steps } = await train({
  model: new TwoTowers(map),
  map,
  train: splits.train,
  valid: splits.valid,
  engine: await createEngine(),
  options: { batchSize: 128, learningRate: 0.003 },
});
console.log(`AUC ${valid?.metrics.click.auc.value?.toFixed(3)} after ${steps} steps`);
await dataset.close();
