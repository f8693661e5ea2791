/**
 * Retrieval models against the same models in PyTorch: users' vectors, loss of a training batch with fixed negatives,
 * gradients of parameters and tables, one training step; and objectives by themselves.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import {
  type Contest,
  interactionSchema,
  ItemLists,
  MF,
  objectiveOptions,
  retrievalModelNamed,
  retrievalModels,
  retrievalObjective,
  towerGraph,
} from "../../src/retrieval/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { Learner, optimizerOptions, trainingGraph } from "../../src/training/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { leafValues, namedFeeds, tableGradients } from "../models/leaf-values.ts";
import {
  expectNear,
  expectSamePaths,
  hostArray,
  loadArrays,
  type NamedArray,
  type NamedArrays,
  readArrays,
} from "../models/named-arrays.ts";
import { retrievalLesson } from "../models/retrieval-lesson.ts";

interface Golden {
  /** Columns of users as a request has them. */
  readonly request: NamedArrays;
  readonly optimizer: z.input<typeof optimizerOptions>;
  readonly models: readonly {
    readonly name: string;
    readonly options: object;
    readonly weights: NamedArrays;
    readonly users: NamedArray;
    readonly training: {
      readonly objective: z.input<typeof objectiveOptions>;
      readonly columns: NamedArrays;
      readonly loss: number;
      readonly gradients: NamedArrays;
      /** Weights after one step. */
      readonly after: NamedArrays;
    };
  }[];
  readonly contest: {
    readonly weights: NamedArray;
    readonly positiveNumbers: readonly number[];
    readonly negativeNumbers: readonly number[];
    readonly takenPlaces: readonly (readonly number[])[];
    readonly correction: NamedArray;
  };
  readonly losses: readonly {
    readonly name: string;
    readonly inputs: readonly NamedArray[];
    readonly loss: number;
    readonly gradients: readonly NamedArray[];
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("retrieval.json", import.meta.url), "utf8"));
const items = Array.from({ length: 7 }, (_, n) => String(n));
const map = interactionSchema({ users: items, items }, { historyLength: 5 });

/** Float64 with float32 constants in the graph, against float64 written with nine digits; float32. */
const tolerances = { reference: 1e-6, native: 1e-4 } as const;

test("every retrieval model has a golden", () => {
  expect(golden.models.map(({ name }) => name).sort()).toEqual(
    retrievalModels.map(({ name }) => name).sort(),
  );
});

describe.each(["reference", "native"] as const)("%s engine", (engineName) => {
  test.each(golden.models)("users of $name", async ({ name, options, weights, users }) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const model = retrievalModelNamed(name).create(map, options);
    expectSamePaths(model, weights);
    const graph = towerGraph(model, "user", { schema: map });
    const session = await engine.load(graph.model);
    const feeds = {
      ...Object.fromEntries(
        graph.columns.map((column) => {
          const { shape, data } = golden.request[column];
          return [column, hostTensor("int32", shape, data)];
        }),
      ),
      ...Object.fromEntries(
        [...model.namedParameters().keys()]
          .filter((path) => graph.inputs.includes(path))
          .map((path) => [path, hostArray(weights[path])]),
      ),
      ...Object.fromEntries(graph.tables.map((path) => [`table:${path}`, hostArray(weights[path])])),
    };
    const { vectors } = await session.run(feeds);
    expect(vectors.dims).toEqual(users.shape);
    expectNear(vectors.data as Float32Array, users.data, tolerances[engineName], name);
    await session.release();
  });

  test.each(golden.models)("loss and gradients of $name", async (one) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const { source, batch } = lessonOf(one);
    const { model } = source;
    const graph = trainingGraph(source);
    const values = leafValues(model, graph.batch, one.weights, batch);
    const { loss, gradients } = one.training;
    const session = await engine.load(graph.model, { threads: 1 });
    const results = await session.run(namedFeeds(graph, model, values));
    await session.release();
    expectNear(results.loss.data as Float32Array, [loss], tolerances[engineName], "loss");
    for (const path of model.namedParameters().keys()) {
      const { dims, data } = results[`gradient:${path}`];
      expect(dims, path).toEqual(gradients[path].shape);
      expectNear(data as Float32Array, gradients[path].data, tolerances[engineName], path);
    }
    const rows = (k: number) => results[`rows:${k}`].data as Float32Array;
    for (const [path, sums] of Object.entries(tableGradients(model, graph.batch, batch, rows)))
      expectNear(sums, gradients[path].data, tolerances[engineName], path);
  });

  test.each(golden.models)("one step of $name", async (one) => {
    const { source, batch } = lessonOf(one);
    const { model } = source;
    const learner = await Learner.create({
      ...source,
      engine: await createEngine(engineName),
      optimizer: optimizerOptions.parse(golden.optimizer),
      batchSize: batch.size,
      seed: 1,
      threads: 1,
    });
    loadArrays(model, learner.weights, one.weights);
    expectNear([await learner.step(batch)], [one.training.loss], tolerances[engineName], "loss");
    const now = readArrays(model, learner.weights);
    await learner.release();
    for (const [path, { data }] of Object.entries(one.training.after))
      expectNear(now[path], data, tolerances.native, path);
  });

  const objectives: { readonly [name: string]: object } = {
    bpr: { name: "bpr", negatives: 2, l2: 0.1 },
    "bpr hardest": { name: "bpr", negatives: 2, hardest: true, l2: 0.1 },
    "bpr shared": { name: "bpr", negatives: 4, shared: true, l2: 0.1 },
    binary: { name: "binary", negatives: 2 },
    "softmax shared": { name: "softmax", negatives: 4, logQ: false, temperature: 0.5 },
    "softmax mixed": { name: "softmax", negatives: 4, inBatch: true },
    "bpr left out": { name: "bpr", negatives: 4, shared: true, l2: 0.1, leaveOutTaken: true },
    "softmax left out": { name: "softmax", negatives: 4, inBatch: true, leaveOutTaken: true },
    "cosine contrastive": { name: "cosine_contrastive", negatives: 4, margin: 0.1, negativeWeight: 3 },
    "cosine contrastive left out": {
      name: "cosine_contrastive",
      negatives: 4,
      margin: 0.1,
      negativeWeight: 3,
      leaveOutTaken: true,
    },
    "softmax in batch": { name: "softmax", negatives: 0, inBatch: true, temperature: 0.2 },
  };

  test.each(golden.losses)("loss: $name", async ({ name, inputs, loss, gradients }) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const objective = retrievalObjective(objectiveOptions.parse(objectives[name]));
    const feeds = new Map<Tensor, ReturnType<typeof hostArray>>();
    const leaf = (array: NamedArray, called: string): Tensor => {
      const tensor = input(called, array.shape);
      feeds.set(tensor, hostArray(array));
      return tensor;
    };
    const numbers = (data: readonly number[], called: string): Tensor => {
      const tensor = input(called, [data.length], "int32");
      feeds.set(tensor, hostTensor("int32", [data.length], data));
      return tensor;
    };
    const { contest } = golden;
    const corrections = (of: readonly number[], called: string): Tensor =>
      leaf({ shape: [of.length], data: of.map((n) => contest.correction.data[n]) }, called);
    const names = ["users", "positives", "negatives"];
    const leaves = inputs.map((array, k) => leaf(array, names[k]));
    const given: Contest = {
      model: new MF(map, { embeddingDim: 3 }),
      users: leaves[0],
      positives: leaves[1],
      negatives: leaves[2],
      weights: leaf(contest.weights, "weights"),
      own: objective.negatives.shared ? 0 : objective.negatives.count,
      positiveNumbers: () => numbers(contest.positiveNumbers, "positiveNumbers"),
      negativeNumbers: () => numbers(contest.negativeNumbers, "negativeNumbers"),
      takenPlaces: objective.negatives.leaveOutTaken
        ? () => numbers(contest.takenPlaces.flat(), "takenPlaces").reshape([-1, 2])
        : undefined,
      positiveCorrection: () => corrections(contest.positiveNumbers, "positiveCorrection"),
      negativeCorrection: () => corrections(contest.negativeNumbers, "negativeCorrection"),
    };
    const total = Object.values(objective.loss(given)).reduce((sum, part) => sum.add(part));
    const outputs: { [output: string]: Tensor } = { loss: total };
    for (const [k, gradient] of grad(total, leaves).entries()) outputs[`gradient${k}`] = gradient;
    const results = await runGraph(engine, outputs, feeds);
    expectNear(results.loss.data as Float32Array, [loss], tolerances[engineName], "loss");
    const all = gradients.map((_, k) => results[`gradient${k}`].data as Float32Array);
    for (const [k, { data }] of gradients.entries())
      expectNear(all[k], data, tolerances[engineName], names[k]);
  });
});

/** What a golden's model learns from. */
function lessonOf({ name, options, training }: Golden["models"][number]) {
  const size = Object.values(training.columns)[0].shape[0];
  const { source, batches } = retrievalLesson(retrievalModelNamed(name), options, {
    users: items,
    items,
    historyLength: 5,
    // Lists decide what is drawn, not which columns there are; the columns' content is the golden's.
    lists: ItemLists.from([[0, 1]]),
    objective: training.objective,
    batchSize: size,
  });
  const columns = Object.fromEntries(
    batches.layout.map(({ name: column, dtype }) => {
      const { data } = training.columns[column];
      return [column, dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data)];
    }),
  );
  return { source, batch: { size, columns } };
}
