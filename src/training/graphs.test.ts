import { beforeAll, describe, expect, test } from "vitest";
import { judge } from "../../test/graph/run.ts";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { randomArrays } from "../../test/models/forward.ts";
import { leafValues } from "../../test/models/leaf-values.ts";
import { expectNear } from "../../test/models/named-arrays.ts";
import { TwoTasks, twoTaskSchema } from "../../test/models/two-tasks.ts";
import type { HostTensor } from "../engine/index.ts";
import { binaryCrossEntropy } from "../losses/index.ts";
import { FM } from "../models/index.ts";
import type { Model } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { mul } from "../ops/index.ts";
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import {
  defaultObjective,
  evaluationGraph,
  type Objective,
  type TrainingGraph,
  trainingGraph,
} from "./index.ts";

const layout = batchLayout(twoTaskSchema);
const objective = defaultObjective(twoTaskSchema);

/** Outputs of a training graph on seven rows, in float64. */
async function run(
  model: Model,
  graph: TrainingGraph,
  schema: FeatureMap,
): Promise<{ [name: string]: HostTensor }> {
  const values = leafValues(model, graph.batch, randomArrays(model), drawRows(schema, 7, 3));
  const paths = new Map<unknown, string>([
    ...[...model.namedParameters()].map(([path, leaf]) => [leaf, `parameter:${path}`] as const),
    ...[...model.namedStates()].map(([path, leaf]) => [leaf, `state:${path}`] as const),
  ]);
  const named = new Map<string, HostTensor>([["randomKey", hostTensor("uint32", [], [5])]]);
  for (const [leaf, value] of values) {
    named.set(paths.get(leaf) ?? (leaf.attributes as { name: string }).name, value);
  }
  const session = await judge.load(graph.model);
  return session.run(Object.fromEntries(graph.inputs.map((name) => [name, named.get(name) as HostTensor])));
}

describe("several losses", () => {
  const model = new TwoTasks(twoTaskSchema);
  const source = { model, schema: twoTaskSchema, layout, objective };
  const joint = trainingGraph(source);
  const separate = trainingGraph({ ...source, separate: true });
  let together: { [name: string]: HostTensor };
  let apart: { [name: string]: HostTensor };
  beforeAll(async () => {
    together = await run(model, joint, twoTaskSchema);
    apart = await run(model, separate, twoTaskSchema);
  });

  test("are named by label, and add up to the loss", () => {
    expect(joint.losses).toEqual(["click", "spent"]);
    const [click, spent, loss] = ["loss:click", "loss:spent", "loss"].map(
      (name) => together[name].data[0] as number,
    );
    expect(click + spent).toBeCloseTo(loss, 12);
    expect(apart.loss).toEqual(together.loss);
  });

  test("each has its gradients; their sum is the gradient of the sum", () => {
    const gradients = joint.outputs.filter((name) => /^(gradient|rows):/.test(name));
    expect(gradients.length).toBe(model.namedParameters().size + joint.batch.lookups.length);
    for (const name of gradients) {
      const [kind, rest] = [name.slice(0, name.indexOf(":")), name.slice(name.indexOf(":") + 1)];
      const parts = ["click", "spent"].map((loss) => apart[`${kind}:${loss}:${rest}`].data as Float64Array);
      expectNear(
        parts[0].map((value, i) => value + parts[1][i]),
        together[name].data as Float64Array,
        1e-12,
        name,
      );
    }
  });

  test("one task's head has no gradient from the other's loss", () => {
    expect(new Set(apart["gradient:spent:click.head.weight"].data as Float64Array)).toEqual(new Set([0]));
    expect(new Set(apart["gradient:click:click.head.weight"].data as Float64Array).size).toBeGreaterThan(1);
  });

  test("states are given once", () => {
    expect(separate.states).toHaveLength(2);
    expect(apart["state:0"]).toEqual(together["state:0"]);
  });
});

describe("names", () => {
  test("a label may be called as an output or an input of the graph is", async () => {
    for (const name of ["loss", "randomKey", "arena:0", "prediction:loss"]) {
      const schema: FeatureMap = { ...everyKind, labels: [{ ...everyKind.labels[0], name, column: name }] };
      const model = new FM(schema, { embeddingDim: 2 });
      const graph = trainingGraph({
        model,
        schema,
        layout: batchLayout(schema),
        objective: defaultObjective(schema),
      });
      const results = await run(model, graph, schema);
      expect(Number.isFinite(results.loss.data[0])).toBe(true);
      expect(evaluationGraph({ model, schema, layout: batchLayout(schema) }).outputs).toEqual([
        `prediction:${name}`,
      ]);
    }
  });

  test("a real label is predicted as it is, a binary one as a probability", async () => {
    const model = new TwoTasks(twoTaskSchema);
    const { outputs } = evaluationGraph({ model, schema: twoTaskSchema, layout });
    expect(outputs).toEqual(["prediction:click", "prediction:spent"]);
  });
});

describe("what is frozen", () => {
  test("has no gradients: parameters, and look-ups whose tables are all frozen", () => {
    const model = new FM(everyKind, { embeddingDim: 2 });
    model.linear.bias.trainable = false;
    for (const table of Object.values(model.embedding.tables)) table.trainable = false;
    const source = { model, schema: everyKind, layout: batchLayout(everyKind) };
    const { outputs } = trainingGraph({ ...source, objective: defaultObjective(everyKind) });
    expect(outputs).not.toContain("gradient:linear.bias");
    expect(outputs.filter((name) => name.startsWith("rows:"))).toHaveLength(1);
  });

  test("what the loss does not reach has gradients of zero", async () => {
    const model = new TwoTasks(twoTaskSchema);
    const onlyClick: Objective = ({ click }, batch) => ({
      click: binaryCrossEntropy(click, batch.scalar("click")),
    });
    const graph = trainingGraph({ model, schema: twoTaskSchema, layout, objective: onlyClick });
    const results = await run(model, graph, twoTaskSchema);
    expect(new Set(results["gradient:spent.head.weight"].data as Float64Array)).toEqual(new Set([0]));
  });
});

test("an objective may weigh its losses; gradients follow", async () => {
  const model = new TwoTasks(twoTaskSchema);
  const weighed: Objective = (logits, batch) => {
    const { click, spent } = objective(logits, batch);
    return { click: mul(click, 3), spent: mul(spent, 0) };
  };
  const once = await run(
    model,
    trainingGraph({ model, schema: twoTaskSchema, layout, objective, separate: true }),
    twoTaskSchema,
  );
  const thrice = await run(
    model,
    trainingGraph({ model, schema: twoTaskSchema, layout, objective: weighed }),
    twoTaskSchema,
  );
  const expected = (once["rows:click:0"].data as Float64Array).map((value) => 3 * value);
  expectNear(thrice["rows:0"].data as Float64Array, expected, 1e-12, "rows");
});
