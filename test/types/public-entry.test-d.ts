/**
 * What must compile does, what must not does not. The compiler is the test: an expected error that does not
 * come is an error itself. Nothing here is run.
 */
import {
  type Config,
  createEngine,
  type Engine,
  type EncodedBatch,
  DCNv2,
  type FeatureMap,
  Model,
  parseConfig,
  type RunMetrics,
  train,
  trainRun,
} from "millrace";
import { FieldEmbedding } from "millrace/embeddings";
import { matmul } from "millrace/ops";
import type { Batch } from "millrace/module";
import { input, type Tensor } from "millrace/tensor";

declare const map: FeatureMap;
declare const batch: EncodedBatch;

export const tensors: Tensor = matmul(input("a", ["batch", 2]), input("b", [2, 2]))
  .mul(2)
  .squeeze(1);
// @ts-expect-error: a tensor is a symbol, not its value.
export const value: number = tensors;
// @ts-expect-error: an integer input has its dtype as third argument, not as an option.
input("ids", ["batch"], { dtype: "int32" });

export const engine: Promise<Engine> = createEngine("wasm");
// @ts-expect-error: there is no such engine.
createEngine("cuda");

export const config: Config = parseConfig({
  data: { train: "clicks.csv" },
  features: [{ name: "user", kind: "categorical" }],
});
export const rate: number = config.training.learningRate;
// @ts-expect-error: a model is named by a text.
export const model: number = config.model.name;
export const metrics: Promise<RunMetrics> = trainRun(config, { directory: "runs/typed" });
// @ts-expect-error: a run is written somewhere.
trainRun(config, {});

new DCNv2(map, { embeddingDim: 8, crossLayers: 2 });
// @ts-expect-error: DCNv2 has no such option.
new DCNv2(map, { crossDepth: 2 });
// @ts-expect-error: every field needs a width.
new FieldEmbedding(map, {});

// @ts-expect-error: a model says what it computes.
export class Silent extends Model {}
export class Constant extends Model {
  forward(_: Batch): Tensor {
    return tensors;
  }
}
// @ts-expect-error: training needs rows and an engine.
train({ model: new Constant(), map });

// @ts-expect-error: batches are read, not written, by those who get them.
batch.size = 3;
