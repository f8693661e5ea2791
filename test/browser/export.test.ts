/**
 * The exported file alone, in three runtimes that know nothing of Millrace: onnxruntime-node,
 * onnxruntime-web in Chromium and Python's onnxruntime. All give the trainer's own probabilities.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EncodedBatch } from "../../src/schema/index.ts";
import { noPythonRuntime, python } from "../models/python-runtime.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { type TrainedModel, trainTiny, writeClicks } from "./every-kind.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";

/** Two float32 evaluations of one graph differ by rounding of sums; a probability by far less than this. */
const TOLERANCE = 1e-5;

const models = [
  { name: "DCNv2", embeddingDim: 6, hiddenUnits: [24, 12], batchNorm: true, netDropout: 0.2, crossLayers: 2 },
  { name: "DIN", embeddingDim: 6, hiddenUnits: [24, 12], attentionHiddenUnits: [12] },
];

const noPython = noPythonRuntime(["onnxruntime"]);

const folder = mkdtempSync(join(tmpdir(), "millrace-export-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a runtime is given: plain numbers by input name. */
interface PlainColumn {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

function plainColumns({ size, columns }: EncodedBatch, names: readonly string[]): PlainColumn[] {
  return names.map((name) => {
    const data = columns[name];
    const dims = data.length === size ? [size] : [size, data.length / size];
    return { name, dtype: data instanceof Int32Array ? "int32" : "float32", dims, data: [...data] };
  });
}

function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - actual[i])));
}

describe.each(models)("$name, exported", (options) => {
  let trained: TrainedModel;
  let inputs: PlainColumn[];

  beforeAll(async () => {
    trained = await trainTiny(folder, writeClicks(folder), options);
    const session = await ort.InferenceSession.create(trained.onnx);
    inputs = plainColumns(trained.batch, session.inputNames);
    await session.release();
  });
  afterAll(async () => {
    await trained?.learner.release();
    await trained?.dataset.close();
  });

  test("the model tells rows apart, so that equal output means something", () => {
    const { expected } = trained;
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
  });

  test("has nothing but encoded columns as inputs, a dynamic batch and one probability", async () => {
    const session = await ort.InferenceSession.create(trained.onnx);
    expect(session.inputNames.filter((name) => trained.batch.columns[name] === undefined)).toEqual([]);
    expect(session.inputMetadata.map((input) => input.isTensor && input.shape[0])).toEqual(
      session.inputNames.map(() => "batch"),
    );
    expect(session.outputNames).toEqual(["probability"]);
    await session.release();
  });

  test.each([1, undefined])("onnxruntime-node gives the trainer's probabilities (rows: %s)", async (rows) => {
    const session = await ort.InferenceSession.create(trained.onnx);
    const feeds = inputs.map(({ name, dtype, dims, data }) => {
      const [size, ...rest] = dims;
      const kept = rows ?? size;
      const values = data.slice(0, (data.length / size) * kept);
      const array = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
      return [name, new ort.Tensor(dtype as "float32", array as Float32Array, [kept, ...rest])] as const;
    });
    const { [trained.output]: output } = await session.run(Object.fromEntries(feeds));
    const actual = output.data as Float32Array;
    expect(farthest(actual, trained.expected.subarray(0, rows))).toBeLessThanOrEqual(TOLERANCE);
    await session.release();
  });

  test("onnxruntime-web in Chromium does", async ({ skip }) => {
    skip(noChromium !== undefined, noChromium);
    const server = await LocalServer.start();
    server.add("/ort.mjs", runtimeFile("ort.wasm.bundle.min.mjs"));
    server.add("/ort.wasm", runtimeFile("ort-wasm-simd-threaded.wasm"));
    server.add("/model.onnx", trained.onnx);
    server.add("/columns.json", JSON.stringify(inputs));
    server.add("/predict.js", browserPredict);
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(server.address);
      const script = `import("/predict.js").then(({ predict }) => predict(${JSON.stringify(trained.output)}))`;
      const actual = (await page.evaluate(script)) as number[];
      expect(farthest(actual, trained.expected)).toBeLessThanOrEqual(TOLERANCE);
    } finally {
      await browser.close();
      await server.close();
    }
  });

  test("Python's onnxruntime does", ({ skip }) => {
    skip(noPython !== undefined, noPython);
    const path = join(folder, `${options.name}.onnx`);
    writeFileSync(path, trained.onnx);
    const input = JSON.stringify({ path, output: trained.output, inputs });
    const { stdout, stderr } = spawnSync(python, ["-c", pythonPredict], { input, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(farthest(JSON.parse(stdout), trained.expected)).toBeLessThanOrEqual(TOLERANCE);
  });
});

const browserPredict = `
import * as ort from "/ort.mjs";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: "/ort.wasm" };
export async function predict(output) {
  const columns = await (await fetch("/columns.json")).json();
  const session = await ort.InferenceSession.create("/model.onnx");
  const feeds = {};
  for (const { name, dtype, dims, data } of columns) {
    feeds[name] = new ort.Tensor(dtype, dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), dims);
  }
  return Array.from((await session.run(feeds))[output].data);
}
`;

const pythonPredict = `
import json, sys
import numpy, onnxruntime

given = json.load(sys.stdin)
session = onnxruntime.InferenceSession(given["path"], providers=["CPUExecutionProvider"])
feeds = {c["name"]: numpy.array(c["data"], dtype=c["dtype"]).reshape(c["dims"]) for c in given["inputs"]}
(probability,) = session.run([given["output"]], feeds)
json.dump(probability.tolist(), sys.stdout)
`;
