/** Models with uncertainty in the whole loop: any deep model, variance that falls with data, export, resuming. */
import { beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind, everyTask, withFeatures } from "../../test/models/every-kind.ts";
import { weightSource } from "../../test/models/learner.ts";
import { memorySource } from "../../test/models/memory-source.ts";
import { ConfigError, CounterRandom } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { models, UncertaintyModel, type UncertaintyOptions } from "../models/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../schema/index.ts";
import { evaluationGraph, inferenceGraph, type Learner, train } from "./index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const schema: FeatureMap = withFeatures(everyKind, ({ name }) => ["user", "category"].includes(name));

/** Categories 3 to 5 come often, 6 rarely, 7 and 8 never. */
function clicks(size: number): EncodedBatch {
  const rows = drawRows(schema, size, 3);
  const random = new CounterRandom(1, "rows");
  const category = Int32Array.from({ length: size }, (_, i) => (random.uniform(i) < 0.01 ? 6 : 3 + (i % 3)));
  const user = new Int32Array(size).fill(3);
  const click = Float32Array.from(category, (id, i) => (random.uniform(size + i) < 0.15 * (id - 2) ? 1 : 0));
  return { size, columns: { ...rows.columns, user, category, click } };
}

function make(name: string, map: FeatureMap, options: object, uncertainty: UncertaintyOptions = {}) {
  const description = models.find((model) => model.name === name)!;
  return new UncertaintyModel(map, (own) => description.create(own, options), {
    features: 64,
    ...uncertainty,
  });
}

const deep = { embeddingDim: 4, embeddingStd: 0.5, hiddenUnits: [16] };
const trained = async (uncertainty: UncertaintyOptions = {}, epochs = 4): Promise<Learner> => {
  const { learner } = await train({
    model: make("DCNv2", schema, deep, uncertainty),
    map: schema,
    train: memorySource(schema, clicks(3000)),
    engine,
    options: { batchSize: 256, epochs, learningRate: 0.02 },
  });
  return learner;
};

/** What the exported graph predicts and shows for one row a category. */
async function shown(learner: Learner) {
  const { model } = learner.options;
  const graph = inferenceGraph({
    model,
    schema,
    weights: weightSource(learner),
    tables: "stored",
    observing: true,
  });
  const session = await engine.load(graph.model);
  const category = Int32Array.of(3, 4, 5, 6, 7, 8);
  const rows: EncodedBatch = {
    size: 6,
    columns: { ...drawRows(schema, 6, 1).columns, user: new Int32Array(6).fill(3), category },
  };
  const feeds = Object.fromEntries(
    graph.columns.map((name) => [
      name,
      { dtype: "int32" as const, dims: [6], data: rows.columns[name] as Int32Array },
    ]),
  );
  const results = await session.run(feeds);
  await session.release();
  const { click } = await learner.predict(rows);
  const at = (name: string): number[] => Array.from(results[name].data as Float32Array);
  return {
    predicted: Array.from(click),
    probability: at("probability"),
    logit: at(graph.observed.logit),
    variance: at(graph.observed.variance),
  };
}

describe("a model with uncertainty", () => {
  test("is surer of what it has seen more of, and predicts the mean over its posterior", async () => {
    const learner = await trained();
    const { predicted, probability, logit, variance } = await shown(learner);
    const often = Math.max(...variance.slice(0, 3));
    expect(variance[3]).toBeGreaterThan(2 * often);
    expect(Math.min(variance[4], variance[5])).toBeGreaterThan(2 * often);
    for (const [k, m] of logit.entries()) {
      const expected = 1 / (1 + Math.exp(-m / Math.sqrt(1 + (Math.PI * variance[k]) / 8)));
      expect(probability[k]).toBeCloseTo(expected, 5);
      expect(predicted[k]).toBeCloseTo(expected, 5);
    }
    await learner.release();
  });

  test("may predict its mean logit instead, without bounds on its layers", async () => {
    const learner = await trained({ point: "mean", spectralBound: null });
    const { probability, logit } = await shown(learner);
    for (const [k, m] of logit.entries()) expect(probability[k]).toBeCloseTo(1 / (1 + Math.exp(-m)), 5);
    await learner.release();
  });

  test("counts a pass once, however many there are", async () => {
    const [few, many] = [await trained({}, 3), await trained({}, 6)];
    const masses = [few, many].map(({ options: { model }, weights }) => {
      const seen = weights.state((model as UncertaintyModel).head.seen);
      let trace = 0;
      for (let k = 0; k < 64; k++) trace += seen[k * 65];
      return trace;
    });
    // Σ p (1-p) |φ|², with |φ|² about 1, over 3000 rows.
    for (const mass of masses) {
      expect(mass).toBeGreaterThan(300);
      expect(mass).toBeLessThan(3000 * 0.25 * 2);
    }
    expect(masses[1] / masses[0]).toBeCloseTo(1, 0);
    await few.release();
    await many.release();
  });

  const withDeep = [
    "AutoInt",
    "BST",
    "DCNv2",
    "DeepFM",
    "DIN",
    "FiBiNET",
    "NFM",
    "PNN",
    "WideDeep",
    "xDeepFM",
  ];
  test.each(withDeep)("%s can be one", (name) => {
    const description = models.find((model) => model.name === name)!;
    const model = make(name, everyKind, description.example);
    const graph = inferenceGraph({
      model,
      schema: everyKind,
      weights: {
        table: () => new Float32Array(),
        parameter: (path) => new Float32Array(sizeOf(model.namedParameters().get(path)!.shape)),
        state: (path) => new Float32Array(sizeOf(model.namedStates().get(path)!.shape)),
      },
      tables: "fed",
      observing: true,
    });
    expect(Object.keys(graph.observed)).toEqual(expect.arrayContaining(["logit", "variance"]));
  });

  test("without a single last layer is refused, and so are several labels", () => {
    expect(() => make("LR", schema, {})).toThrow(ConfigError);
    expect(() => make("LR", schema, {})).toThrow("uncertainty: LR has no network with one output");
    expect(() => make("DCNv2", schema, deep, { head: "dep" })).toThrow('has no network "dep"');
    const several = make("SharedBottom", everyTask, {}, { head: "heads.towers.click.0" });
    const layout = batchLayout(everyTask);
    expect(() => evaluationGraph({ model: several, schema: everyTask, layout })).toThrow(
      "uncertainty: the model must have one logit",
    );
  });
});

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
