/**
 * Our models against the same models in PyTorch: predictions, loss, gradients of parameters and tables, and
 * two whole training steps with each optimizer.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import type { Model } from "../../src/module/index.ts";
import { models } from "../../src/models/index.ts";
import { batchLayout, type FeatureMap } from "../../src/schema/index.ts";
import {
  defaultObjective,
  evaluationGraph,
  Learner,
  type Objective,
  optimizerOptions,
  trainingGraph,
} from "../../src/training/index.ts";
import { judge } from "../graph/run.ts";
import { leafValues, namedFeeds, tableGradients } from "../models/leaf-values.ts";
import {
  encodedFrom,
  expectNear,
  expectSamePaths,
  loadArrays,
  type NamedArrays,
  readArrays,
} from "../models/named-arrays.ts";

interface Golden {
  readonly model: string;
  readonly options: object;
  readonly schema: FeatureMap;
  readonly batches: readonly NamedArrays[];
  readonly weights: NamedArrays;
  /** By label. */
  readonly probabilities: NamedArrays;
  readonly loss: number;
  readonly gradients: NamedArrays;
  readonly runs: readonly {
    readonly options: {
      readonly optimizer: string;
      readonly embeddingOptimizer?: string;
      readonly embeddingUpdate: "dense" | "lazy";
      readonly weighted: boolean;
      readonly embeddingRegularizer: number;
      readonly maxGradientNorm: number;
    };
    readonly steps: readonly { loss: number; gradientNorm: number; weights: NamedArrays }[];
  }[];
}

const names = readdirSync(new URL(".", import.meta.url))
  .filter((file) => /^model-.*\.json$/.test(file))
  .map((file) => file.slice("model-".length, -".json".length));

test("every model of the catalogue has a golden", () => {
  const covered = new Set(names.map((name) => goldenOf(name).model));
  expect(models.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
});

/** Float32 arithmetic; gradients here are at most about 1. */
const tolerance = { float64: 1e-7, float32: 2e-6, steps: 2e-5 };

function goldenOf(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`model-${name}.json`, import.meta.url), "utf8"));
}

describe.each(names)("%s", (name) => {
  const golden = goldenOf(name);
  const schema: FeatureMap = { ...golden.schema, weight: "weight" };
  const layout = batchLayout(schema);
  const encoded = golden.batches.map((columns) => encodedFrom(schema, columns));
  const create = (): Model => {
    const description = models.find((candidate) => candidate.name === golden.model);
    if (description === undefined) throw new Error(`no model ${golden.model}`);
    return description.create(schema, golden.options);
  };
  const unweighted = defaultObjective({ ...schema, weight: undefined });
  let native: Engine;
  beforeAll(async () => {
    native = await createEngine("native");
  });

  test("predictions", async () => {
    const model = create();
    expectSamePaths(model, golden.weights);
    const graph = evaluationGraph({ model, schema, layout });
    for (const engine of [judge, native]) {
      const results = await runNamed(engine, graph, model);
      const allowed = engine === judge ? tolerance.float64 : tolerance.float32;
      expect(Object.keys(results)).toEqual(
        Object.keys(golden.probabilities).map((label) => `prediction:${label}`),
      );
      for (const [label, { data }] of Object.entries(golden.probabilities)) {
        expectNear(results[`prediction:${label}`].data as Float32Array, data, allowed, label);
      }
    }
  });

  test("loss and gradients", async () => {
    const model = create();
    const graph = trainingGraph({ model, schema, layout, objective: unweighted });
    for (const engine of [judge, native]) {
      const results = await runNamed(engine, graph, model);
      const allowed = engine === judge ? tolerance.float64 : tolerance.float32;
      expectNear(results.loss.data as Float32Array, [golden.loss], allowed, "loss");
      for (const [path, { trainable }] of model.namedParameters()) {
        if (!trainable) continue;
        const gradient = results[`gradient:${path}`];
        expect(gradient.dims, path).toEqual(golden.gradients[path].shape);
        expectNear(gradient.data as Float32Array, golden.gradients[path].data, allowed, path);
      }
      const rows = (k: number) => results[`rows:${k}`].data as Float32Array;
      for (const [path, sums] of Object.entries(tableGradients(model, graph.batch, encoded[0], rows))) {
        expectNear(sums, golden.gradients[path].data, allowed, path);
      }
    }
  });

  describe.each(golden.runs.map((run) => [describeRun(run.options), run] as const))("steps: %s", (_, run) => {
    test.each(["native", "reference"] as const)("%s engine", async (engineName) => {
      const model = create();
      const objective: Objective = run.options.weighted ? defaultObjective(schema) : unweighted;
      const { weighted, ...options } = run.options;
      const lazy = options.embeddingUpdate === "lazy";
      const learner = await Learner.create({
        model,
        schema,
        layout,
        engine: await createEngine(engineName),
        objective,
        optimizer: optimizerOptions.parse({
          ...options,
          embeddingRegularizerScope: lazy ? "batch" : "table",
        }),
        batchSize: encoded[0].size,
        seed: 1,
        threads: 1,
      });
      loadArrays(model, learner.weights, golden.weights);
      for (const [k, expected] of run.steps.entries()) {
        const loss = await learner.step(encoded[k]);
        expectNear([loss], [expected.loss], tolerance.float32, `loss of step ${k + 1}`);
        const now = readArrays(model, learner.weights);
        for (const [path, { data }] of Object.entries(expected.weights)) {
          expectNear(now[path], data, tolerance.steps, `${path} after step ${k + 1}`);
        }
      }
      await learner.release();
    });

    test("the fixture clips where it should", () => {
      for (const { gradientNorm } of run.steps)
        expect(gradientNorm > run.options.maxGradientNorm).toBe(run.options.maxGradientNorm < 100);
    });
  });

  async function runNamed(
    engine: Engine,
    graph: ReturnType<typeof evaluationGraph> | ReturnType<typeof trainingGraph>,
    model: Model,
  ) {
    const values = leafValues(model, graph.batch, golden.weights, encoded[0]);
    const session = await engine.load(graph.model, { threads: 1 });
    const results = await session.run(namedFeeds(graph, model, values));
    await session.release();
    return results;
  }
});

function describeRun({
  optimizer,
  embeddingOptimizer,
  embeddingUpdate,
  weighted,
}: Golden["runs"][number]["options"]): string {
  const rows = embeddingOptimizer === undefined ? "" : `, rows ${embeddingOptimizer}`;
  return `${optimizer}${rows}, ${embeddingUpdate}${weighted ? ", weighted" : ""}`;
}
