import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind } from "../../test/models/every-kind.ts";
import { makeLearner, weightSource } from "../../test/models/learner.ts";
import { expectNear } from "../../test/models/named-arrays.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { CounterRandom } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { FM, LR } from "../models/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import { inferenceGraph, measure, predictSplit } from "./index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const label = everyKind.labels[0];
const withLabel = (change: object): FeatureMap => ({ ...everyKind, labels: [{ ...label, ...change }] });
const logOdds = (p: number): number => Math.log(p / (1 - p));

describe("what weighting and sampling add to the log odds is taken back", () => {
  const rows = drawRows(everyKind, 16, 4);
  const predict = async (schema: FeatureMap): Promise<Float32Array> => {
    const learner = await makeLearner(new FM(schema, { embeddingDim: 3, embeddingStd: 0.3 }), schema, {
      engine,
      batchSize: 16,
      seed: 2,
    });
    const { click } = await learner.predict(rows);
    const graph = inferenceGraph({
      model: learner.options.model,
      schema,
      weights: weightSource(learner),
      tables: "stored",
    });
    const session = await engine.load(graph.model);
    const feeds = Object.fromEntries(
      graph.inputs.map((name) => {
        const column = batchLayout(schema).find((each) => each.name === name)!;
        const dims = column.width === 1 ? [16] : [16, column.width];
        return [name, { dtype: column.dtype as "int32" | "float32", dims, data: rows.columns[name] }];
      }),
    );
    const { probability } = await session.run(feeds as never);
    expectNear(probability.data as Float32Array, click, 1e-6, "the exported model");
    await session.release();
    await learner.release();
    return click;
  };

  test.each([
    [{ negativeRate: 0.1 }, Math.log(0.1)],
    [{ positiveWeight: 8 }, -Math.log(8)],
    [{ negativeRate: 0.5, positiveWeight: 3 }, Math.log(0.5) - Math.log(3)],
  ])("%j", async (change, offset) => {
    const plain = await predict(everyKind);
    const changed = await predict(withLabel(change));
    // Float32 probabilities near one hold few digits of the odds.
    expectNear(
      changed,
      Array.from(plain, (p) => 1 / (1 + Math.exp(-(logOdds(p) + offset)))),
      5e-5,
      "shifted log odds",
    );
  });
});

test.each(["all", "negatives"] as const)(
  "a model whose weights grow with exposures on %s predicts rates as they are, for each count",
  async (rows) => {
    const shown = everyKind.features.find(({ name }) => name === "age")!;
    const transform = { clip: undefined, log: false, mean: 1.5, scale: 0.8, fill: 0 };
    const schema: FeatureMap = {
      ...withLabel({ exposureWeight: { feature: "age", kappa: 2, rows } }),
      features: [everyKind.features[0], { ...shown, transform } as typeof shown],
    };
    const random = new CounterRandom(4, "calibration");
    const size = 8192;
    const counts = Int32Array.from({ length: size }, (_, i) => random.uint32(i) % 4);
    // A user id for each count, so that any rate by count can be learned.
    const user = counts.map((n) => 3 + n);
    const click = Float32Array.from(counts, (n, i) => (random.uniform(size + i) < 0.3 / (1 + n) ? 1 : 0));
    const age = Float32Array.from(counts, (n) => (n - 1.5) * 0.8);
    const columns = { user, age, "age.missing": new Float32Array(size), click };
    const batch: EncodedBatch = { size, columns };
    const learner = await makeLearner(new LR(schema), schema, {
      engine,
      batchSize: size,
      optimizer: { learningRate: 0.05 },
    });
    for (let step = 0; step < 500; step++) await learner.step(batch);
    const { click: predicted } = await learner.predict(batch);
    for (let n = 0; n < 4; n++) {
      const own = Array.from(counts.keys()).filter((i) => counts[i] === n);
      const sum = (values: Float32Array): number => own.reduce((total, i) => total + values[i], 0);
      expect(sum(predicted) / sum(click), `rate at ${n} exposures`).toBeCloseTo(1, 2);
    }
    await learner.release();
  },
);

test("a model that learned with heavy positives predicts rates as they are", async () => {
  const schema: FeatureMap = { ...withLabel({ positiveWeight: 10 }), features: [everyKind.features[0]] };
  const random = new CounterRandom(3, "calibration");
  const size = 4096;
  const user = Int32Array.from({ length: size }, (_, i) => 3 + (random.uint32(i) % 4));
  const click = Float32Array.from({ length: size }, (_, i) =>
    random.uniform(size + i) < 0.05 * (user[i] - 2) ? 1 : 0,
  );
  const batch: EncodedBatch = { size, columns: { user, click } };
  const learner = await makeLearner(new LR(schema), schema, {
    engine,
    batchSize: size,
    optimizer: { learningRate: 0.05 },
  });
  for (let step = 0; step < 400; step++) await learner.step(batch);
  const split = await predictSplit(learner, memorySource(schema, batch), { batchSize: size, schema });
  const { calibration_ratio: ratio } = measure(split, ["calibration_ratio"]).metrics.click;
  expect(ratio.value).toBeCloseTo(1, 2);
  await learner.release();
});
