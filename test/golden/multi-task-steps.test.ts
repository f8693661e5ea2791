/** Steps on the losses of two tasks against PyTorch (multi_task_steps.py), in float32: 2e-6 of roundings. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import { Linear } from "../../src/layers/index.ts";
import { type Batch, Model } from "../../src/module/index.ts";
import { tanh } from "../../src/ops/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import type { Learner } from "../../src/training/index.ts";
import { makeLearner, type LearnerChoices } from "../models/learner.ts";
import { expectNear, loadArrays, readArrays } from "../models/named-arrays.ts";
import golden from "./multi_task_steps.json" with { type: "json" };

const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
const label = (name: string) =>
  ({ name, column: name, threshold: undefined, positive: undefined, kind: "binary" }) as const;
const schema: FeatureMap = {
  version: 1,
  features: ["x", "y"].map((name) => ({ kind: "numeric", name, column: name, transform }) as const),
  encoders: {},
  labels: [label("click"), label("like")],
  weight: undefined,
  group: undefined,
  domain: undefined,
  timestamp: undefined,
  timestampUnit: undefined,
};

class TwoHeads extends Model {
  readonly bottom = new Linear(2, 3);
  readonly heads: { readonly [label: string]: Linear } = { click: new Linear(3, 1), like: new Linear(3, 1) };

  forward(batch: Batch): { [label: string]: Tensor } {
    const hidden = tanh(this.bottom.forward(batch.numbers(["x", "y"])));
    return Object.fromEntries(
      Object.entries(this.heads).map(([name, head]) => [name, head.forward(hidden).squeeze(1)]),
    );
  }
}

const rows = golden.x.length;
const batch = {
  size: rows,
  columns: {
    ...Object.fromEntries(
      ["x", "y"].flatMap((name, k) => [
        [name, Float32Array.from(golden.x, (row) => row[k])],
        [`${name}.missing`, new Float32Array(rows)],
      ]),
    ),
    click: Float32Array.from(golden.labels.click),
    like: Float32Array.from(golden.labels.like),
  },
};

const cases: {
  readonly [name in keyof typeof golden.trajectories]: Pick<LearnerChoices, "multiTask" | "optimizer">;
} = {
  equal: {},
  uncertainty: { multiTask: { weighting: "uncertainty" } },
  gradnorm: {
    multiTask: {
      weighting: "gradnorm",
      gradnormAlpha: golden.alpha,
      gradnormLearningRate: golden.gradnormRate,
    },
  },
  pcgrad: { multiTask: { gradients: "pcgrad" } },
  adataskAdam: { multiTask: { optimizerState: "per-task" } },
  adataskAdagrad: { multiTask: { optimizerState: "per-task" }, optimizer: { optimizer: "adagrad" } },
  adataskRmsprop: { multiTask: { optimizerState: "per-task" }, optimizer: { optimizer: "rmsprop" } },
};

let engine: Engine;
let learner: Learner | undefined;
beforeAll(async () => {
  engine = await createEngine("native");
});
afterAll(() => learner?.release());

test.each(Object.entries(cases))("%s", async (name, { multiTask, optimizer }) => {
  const model = new TwoHeads();
  await learner?.release();
  learner = await makeLearner(model, schema, {
    engine,
    batchSize: rows,
    multiTask,
    optimizer: { learningRate: golden.rate, maxGradientNorm: null, ...optimizer },
  });
  loadArrays(model, learner.weights, golden.weights);
  for (const expected of golden.trajectories[name as keyof typeof cases]) {
    await learner.step(batch);
    const { factors, ...weights } = expected as { [path: string]: number[] };
    const received = readArrays(model, learner.weights);
    for (const [path, values] of Object.entries(weights)) expectNear(received[path], values, 2e-6, path);
    if (factors !== undefined) {
      const found = learner.endEpoch()?.factors ?? {};
      expectNear([found.click, found.like], factors, 2e-6, "factors");
    }
  }
});

test("the tasks of the golden batch conflict, so that surgery shows", () => {
  const { equal, pcgrad } = golden.trajectories;
  expect(pcgrad[2]["bottom.weight"]).not.toEqual(equal[2]["bottom.weight"]);
});
