/**
 * What every model of the catalogue must do: build on every kind of feature, learn, and mean the same in
 * training, in evaluation, in an exported file, on every engine and in Python.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine, type HostTensor } from "../../src/engine/index.ts";
import { type ModelDescription, models } from "../../src/models/index.ts";
import type { Model } from "../../src/module/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { batchLayout, type EncodedBatch, type FeatureMap } from "../../src/schema/index.ts";
import { type InferenceGraph, inferenceGraph, type Learner, predictSplit } from "../../src/training/index.ts";
import { drawRows, everyKind, everyTask, schemaOf, sliceRows, withFeatures } from "../models/every-kind.ts";
import { hashOf, makeLearner, weightSource } from "../models/learner.ts";
import { memorySource } from "../models/memory-source.ts";
import { noPythonRuntime, type PythonJob, runInPython } from "../models/python-runtime.ts";
import { severalSets } from "../models/several-sets.ts";
import { expectNear } from "../models/named-arrays.ts";
import { withoutDropout } from "../models/without-dropout.ts";

const engines: { native: Engine; wasm: Engine } = {} as never;
const folder = mkdtempSync(join(tmpdir(), "millrace-models-"));
beforeAll(async () => {
  engines.native = await createEngine("native");
  engines.wasm = await createEngine("wasm");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Models that attend to a history and have nothing to do without one. */
const readHistories: ReadonlySet<string> = new Set([
  "DIN",
  "DIEN",
  "BST",
  "SIM",
  "ETA",
  "SDIM",
  "TWIN",
  "DARE",
  "TIN",
  "HSTU",
]);

describe.each([...models, ...severalSets])("$name", (description) => {
  const whole = schemaOf(description);
  const labels = predictedBy(description);
  const create = (): Model => description.create(whole, description.example);

  test("overfits sixteen rows", async () => {
    // Without dropout the loss of one batch is the model's loss.
    const model = description.create(whole, withoutDropout(description.example));
    const rows = drawRows(whole, 16, 2);
    const learner = await makeLearner(model, whole, {
      engine: engines.native,
      batchSize: 16,
      optimizer: { learningRate: 0.05, maxGradientNorm: null },
    });
    const losses: number[] = [];
    for (let step = 0; step < 150; step++) losses.push(await learner.step(rows));
    await learner.release();
    expect(losses[0]).toBeGreaterThan(0.3);
    expect(losses.at(-1)).toBeLessThan(0.02 * labels.length);
  });

  describe("trained a little", () => {
    const rows = drawRows(whole, 37, 4);
    // Before batch norm a bias's gradient is rounding alone; the usual ε of 1e-8 would make steps of it.
    const optimizer = { learningRate: 0.02, epsilon: 1e-4 };
    let learner: Learner;
    beforeAll(async () => {
      learner = await makeLearner(create(), whole, {
        engine: engines.native,
        batchSize: 16,
        optimizer,
      });
      for (let step = 0; step < 5; step++) {
        await learner.step(sliceRows(whole, rows, step * 7, Math.min(37, step * 7 + 16)));
      }
    });
    afterAll(() => learner.release());

    test("a split in batches of any size, the last one partial, is predicted the same", async () => {
      const first: { [label: string]: Float32Array } = {};
      for (const batchSize of [16, 5, 1]) {
        const source = memorySource(whole, rows);
        const { byLabel } = await predictSplit(learner, source, { batchSize, schema: whole });
        expect(Object.keys(byLabel)).toEqual(labels);
        for (const label of labels) {
          const { predictions, labels: given } = byLabel[label];
          first[label] ??= predictions;
          expectNear(predictions, first[label], 1e-6, `${label} in batches of ${batchSize}`);
          expect(given).toEqual(rows.columns[label]);
        }
      }
      for (const predictions of Object.values(first)) {
        expect(predictions.every((p) => p > 0 && p < 1)).toBe(true);
        expect(new Set(predictions).size).toBeGreaterThan(30);
      }
    });

    test.each(["stored", "fed"] as const)(
      "the inference graph, tables %s, equals evaluation",
      async (tables) => {
        const graph = exported(learner, tables);
        expect(graph.predictions).toEqual(
          Object.fromEntries(
            labels.map((label) => [label, labels.length === 1 ? "probability" : `probability_${label}`]),
          ),
        );
        expect(graph.inputs.toSorted()).toEqual(
          [
            ...graph.columns,
            ...(tables === "fed" ? graph.tables.map((path) => `table:${path}`) : []),
          ].toSorted(),
        );
        for (const size of [1, 5]) {
          const batch = sliceRows(whole, rows, 3, 3 + size);
          const expected = await learner.predict(batch);
          const [native, wasm] = await predictWith([engines.native, engines.wasm], graph, learner, batch);
          for (const label of labels) {
            expectNear(native[label], expected[label], 1e-6, `${label}, native, batch of ${size}`);
            expectNear(wasm[label], native[label], 1e-5, `${label}, wasm, batch of ${size}`);
          }
        }
      },
    );

    test("the WASM engine evaluates and learns as the native one does", async () => {
      const twin = await makeLearner(create(), whole, {
        engine: engines.wasm,
        batchSize: 16,
        optimizer,
      });
      for (let step = 0; step < 5; step++) {
        await twin.step(sliceRows(whole, rows, step * 7, Math.min(37, step * 7 + 16)));
      }
      const batch = sliceRows(whole, rows, 20, 36);
      // Adam divides by gradients' sizes, so that roundings grow: a hundred times, not more.
      const [other, own] = [await twin.predict(batch), await learner.predict(batch)];
      for (const label of labels) expectNear(other[label], own[label], 1e-4, label);
      await twin.release();
    });

    test("the exported graph holds nothing of training", () => {
      const graph = exported(learner, "stored");
      const layout = batchLayout(whole).filter(({ role }) => role === "feature" || role === "domain");
      for (const name of graph.inputs) expect(layout.map((column) => column.name)).toContain(name);
      expect(graph.outputs).toEqual(Object.values(graph.predictions));
    });
  });

  test("columns of which nothing is learned need not be there", async () => {
    const schema = withFeatures(whole, ({ kind }) => kind !== "numeric" && kind !== "dense");
    const model = description.create(schema, {
      ...description.example,
      ...contextOf(description, ["user", "tags"]),
    });
    const learner = await makeLearner(model, schema, { engine: engines.native, batchSize: 16 });
    expect(Number.isFinite(await learner.step(drawRows(schema, 16, 3)))).toBe(true);
    await learner.release();
  });
});

describe("models without ids", () => {
  const numbers = (schema: FeatureMap): FeatureMap =>
    withFeatures(schema, ({ kind }) => kind === "numeric" || kind === "dense");

  test.each(models.filter(({ name }) => !readHistories.has(name)))(
    "$name learns from numbers alone",
    async (description) => {
      const schema = numbers(schemaOf(description));
      const given = { ...description.example, ...contextOf(description, ["age"]) };
      const model = description.create(schema, given);
      const learner = await makeLearner(model, schema, { engine: engines.native, batchSize: 16 });
      const before = hashOf(learner);
      await learner.step(drawRows(schema, 16, 3));
      expect(hashOf(learner)).not.toBe(before);
      await learner.release();
    },
  );

  test.each(models.filter(({ name }) => readHistories.has(name)))(
    "$name says that it needs a history",
    (one) => {
      expect(() => one.create(numbers(everyKind), {})).toThrow(
        `${one.name} needs a sequence feature with a \`target\`, and the data has none`,
      );
    },
  );
});

test("exported models pass ONNX's checker and run in Python's onnxruntime", async ({ skip }) => {
  const reason = noPythonRuntime();
  skip(reason !== undefined, reason);
  const jobs: PythonJob[] = [];
  const expected: number[][][] = [];
  for (const description of [...models, ...severalSets]) {
    const schema = schemaOf(description);
    const rows = drawRows(schema, 5, 6);
    const model = description.create(schema, description.example);
    const learner = await makeLearner(model, schema, { engine: engines.native, batchSize: 5 });
    await learner.step(rows);
    const graph = exported(learner, "stored");
    const file = join(folder, `${description.name}.onnx`);
    writeFileSync(file, graph.model);
    for (const size of [5, 1]) {
      const batch = sliceRows(schema, rows, 0, size);
      jobs.push({ file, outputs: Object.values(graph.predictions), feeds: columnFeeds(graph, batch) });
      const predicted = await learner.predict(batch);
      expected.push(Object.keys(graph.predictions).map((label) => Array.from(predicted[label])));
    }
    await learner.release();
  }
  const predicted = runInPython(jobs);
  for (const [k, { file, outputs }] of jobs.entries()) {
    for (const [i, output] of outputs.entries()) {
      expectNear(predicted[k][i], expected[k][i], 1e-5, `${output} of ${file}`);
    }
  }
});

function exported(learner: Learner, tables: "stored" | "fed"): InferenceGraph {
  const { model, schema } = learner.options;
  return inferenceGraph({ model, schema, weights: weightSource(learner), tables });
}

function columnFeeds(graph: InferenceGraph, batch: EncodedBatch): { [name: string]: HostTensor } {
  // Has all columns of the schemas here.
  const layout = batchLayout(everyTask);
  return Object.fromEntries(
    graph.columns.map((name) => {
      const { width, dtype } = layout.find((column) => column.name === name)!;
      const dims = width === 1 ? [batch.size] : [batch.size, width];
      return [name, hostTensor(dtype, dims, batch.columns[name])];
    }),
  );
}

async function predictWith(
  using: readonly Engine[],
  graph: InferenceGraph,
  learner: Learner,
  batch: EncodedBatch,
): Promise<{ [label: string]: Float32Array }[]> {
  const feeds = columnFeeds(graph, batch);
  const named = learner.options.model.namedTables();
  for (const name of graph.inputs.filter((input) => input.startsWith("table:"))) {
    const path = name.slice("table:".length);
    const { rows, dim } = named.get(path)!;
    feeds[name] = hostTensor("float32", [rows, dim], weightSource(learner).table(path));
  }
  return Promise.all(
    using.map(async (engine) => {
      const session = await engine.load(graph.model, { threads: 1 });
      const results = await session.run(feeds);
      await session.release();
      const named = Object.entries(graph.predictions);
      return Object.fromEntries(
        named.map(([label, output]) => [label, results[output].data as Float32Array]),
      );
    }),
  );
}

/** Some models' gates name features; on smaller schemas they must name others. */
function contextOf({ example }: ModelDescription, features: readonly string[]): object {
  if ("gate1Context" in example) return { gate1Context: features };
  if ("itemFeatures" in example) return { itemFeatures: features };
  return "priorFeatures" in example ? { priorFeatures: features } : {};
}

/** The labels a model answers for. */
function predictedBy(description: ModelDescription): string[] {
  const { labels } = schemaOf(description);
  const names = labels.map(({ name }) => name);
  return description.predicts === "every label" ? names : names.slice(0, 1);
}
