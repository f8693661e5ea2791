import { describe, expect, test } from "vitest";
import { judge } from "../../test/graph/run.ts";
import { drawRows, everyKind, withFeatures } from "../../test/models/every-kind.ts";
import { makeLearner, weightSource } from "../../test/models/learner.ts";
import { expectNear } from "../../test/models/named-arrays.ts";
import { TwoTasks, twoTaskSchema } from "../../test/models/two-tasks.ts";
import { createEngine } from "../engine/index.ts";
import { LR } from "../models/index.ts";
import type { Model } from "../module/index.ts";
import { decodeModel, hostTensor } from "../onnx/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import { inferenceGraph, type InferenceGraph, type Learner } from "./index.ts";

async function trained(model: Model, schema: FeatureMap): Promise<{ learner: Learner; rows: EncodedBatch }> {
  const engine = await createEngine("native");
  const learner = await makeLearner(model, schema, {
    engine,
    batchSize: 6,
    optimizer: { learningRate: 0.1 },
  });
  const rows = drawRows(schema, 6, 1);
  for (let step = 0; step < 3; step++) await learner.step(rows);
  return { learner, rows };
}

async function predict(graph: InferenceGraph, schema: FeatureMap, { size, columns }: EncodedBatch) {
  const layout = batchLayout(schema);
  const feeds = graph.inputs.map((name) => {
    const { width, dtype } = layout.find((column) => column.name === name)!;
    return [name, hostTensor(dtype, width === 1 ? [size] : [size, width], columns[name])];
  });
  return (await judge.load(graph.model)).run(Object.fromEntries(feeds));
}

describe("outputs", () => {
  test("of several labels carry their names; a real one is a prediction", async () => {
    const model = new TwoTasks(twoTaskSchema);
    const { learner, rows } = await trained(model, twoTaskSchema);
    const graph = inferenceGraph({
      model,
      schema: twoTaskSchema,
      weights: weightSource(learner),
      tables: "stored",
    });
    expect(graph.predictions).toEqual({ click: "probability_click", spent: "prediction_spent" });
    const results = await predict(graph, twoTaskSchema, rows);
    const expected = await learner.predict(rows);
    expectNear(results.probability_click.data as Float64Array, expected.click, 1e-5, "click");
    expectNear(results.prediction_spent.data as Float64Array, expected.spent, 1e-5, "spent");
    await learner.release();
  });

  test("give way to a feature of the same name", async () => {
    const schema: FeatureMap = {
      ...everyKind,
      features: everyKind.features.map((feature) =>
        feature.name === "price" ? { ...feature, name: "probability" } : feature,
      ),
    };
    const model = new LR(schema);
    const { learner, rows } = await trained(model, schema);
    const graph = inferenceGraph({ model, schema, weights: weightSource(learner), tables: "stored" });
    expect(graph.predictions).toEqual({ click: "probability_" });
    const { probability_ } = await predict(graph, schema, rows);
    expectNear(probability_.data as Float64Array, (await learner.predict(rows)).click, 1e-5, "click");
    await learner.release();
  });
});

describe("the file", () => {
  test("holds the columns the model reads, a dynamic batch, its tables and what it is told about itself", async () => {
    const schema = withFeatures(everyKind, ({ name }) => name === "user" || name === "tags");
    const model = new LR(schema);
    const { learner } = await trained(model, schema);
    const weights = weightSource(learner);
    const graph = inferenceGraph({ model, schema, weights, tables: "stored", metadata: { model: "LR" } });
    expect(graph.columns).toEqual(["user", "tags", "tags.length"]);
    expect(graph.tables).toEqual(["linear.weights.tables.user", "linear.weights.tables.tag"]);
    const session = await (await createEngine("native")).load(graph.model);
    expect(session.inputs.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["user", "int32", ["batch"]],
      ["tags", "int32", ["batch", 4]],
      ["tags.length", "int32", ["batch"]],
    ]);
    await session.release();
    const decoded = decodeModel(graph.model);
    const stored = decoded.graph?.initializer.map(({ name }) => name) ?? [];
    expect(stored).toEqual(
      expect.arrayContaining(["linear.bias", ...graph.tables.map((path) => `table:${path}`)]),
    );
    expect(decoded.metadataProps.map(({ key, value }) => [key, value])).toEqual([["model", "LR"]]);

    const beside = inferenceGraph({ model, schema, weights, tables: "fed" });
    expect(beside.model.length).toBeLessThan(graph.model.length);
    expect(beside.inputs).toEqual([
      "user",
      "tags",
      "tags.length",
      ...graph.tables.map((path) => `table:${path}`),
    ]);
    await learner.release();
  });
});
