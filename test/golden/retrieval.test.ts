/** Next-item models and retrieval objectives against PyTorch's. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import {
  type Contest,
  interactionSchema,
  MF,
  objectiveOptions,
  retrievalModelNamed,
  retrievalObjective,
  towerGraph,
} from "../../src/retrieval/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { expectNear, hostArray, type NamedArray, type NamedArrays } from "../models/named-arrays.ts";

interface Golden {
  readonly models: readonly {
    readonly name: string;
    readonly options: object;
    readonly weights: NamedArrays;
    readonly history: readonly number[];
    readonly lengths: readonly number[];
    readonly users: NamedArray;
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
const schema = interactionSchema({ users: ["a"], items }, { historyLength: 5 });

/** Float64 with float32 constants in the graph, against float64 written with nine digits; float32. */
const tolerances = { reference: 1e-6, native: 1e-4 } as const;

describe.each(["reference", "native"] as const)("%s engine", (engineName) => {
  test.each(golden.models)("users of $name", async ({ name, options, weights, history, lengths, users }) => {
    const engine = engineName === "reference" ? judge : await createEngine(engineName);
    const model = retrievalModelNamed(name).create(schema, options);
    const paths = [...model.namedParameters().keys(), ...model.namedTables().keys()];
    expect(paths.sort()).toEqual(Object.keys(weights).sort());
    const graph = towerGraph(model, "user", { schema });
    const session = await engine.load(graph.model);
    const rows = lengths.length;
    const feeds = {
      history: hostTensor("int32", [rows, 5], history),
      "history.length": hostTensor("int32", [rows], lengths),
      ...Object.fromEntries(
        [...model.namedParameters().keys()].map((path) => [path, hostArray(weights[path])]),
      ),
      ...Object.fromEntries(graph.tables.map((path) => [`table:${path}`, hostArray(weights[path])])),
    };
    const { vectors } = await session.run(feeds);
    expect(vectors.dims).toEqual(users.shape);
    expectNear(vectors.data as Float32Array, users.data, tolerances[engineName], name);
    await session.release();
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
      model: new MF(schema, { embeddingDim: 3 }),
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
