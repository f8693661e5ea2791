/**
 * `npm run bench:train`: training samples a second, Millrace beside PyTorch in one run, in turns.
 * Dense Adam is compared with dense Adam, lazy row Adam with SparseAdam.
 *
 *     --json         one JSON object on stdout
 *     --turns N      turns of each side; the median counts (default 5)
 *     --steps N      steps of a turn (default 10)
 *     --only TEXT    only cases whose name holds TEXT, e.g. DCNv2/uniform
 *     --numeric raw|embedded   how the 13 numbers enter: as inputs of their own (default), or as fields
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../../src/core/index.ts";
import { nativeEngine } from "../../src/engine/native.ts";
import type { Engine } from "../../src/engine/index.ts";
import { GraphBuilder, encodeModel } from "../../src/onnx/index.ts";
import type { EncodedBatch } from "../../src/schema/index.ts";
import { Learner, optimizerOptions, defaultObjective } from "../../src/training/index.ts";
import { LinePeer } from "../line-peer.ts";
import {
  featureMap,
  type Ids,
  layout,
  makeBatches,
  inputWidth,
  makeModel,
  modelNames,
  type ModelName,
  productsOf,
  type NumericFields,
  numericFieldsOf,
  size,
} from "./workload.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    turns: { type: "string", default: "5" },
    steps: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    numeric: { type: "string", default: "raw" },
  },
});
const turns = Number(args.turns);
const steps = Number(args.steps);
const threads = 2;
if (args.numeric !== "raw" && args.numeric !== "embedded") {
  throw new Error(`--numeric takes raw or embedded, not ${args.numeric}`);
}
const askedNumeric: NumericFields = args.numeric;

interface CaseResult {
  readonly model: ModelName;
  readonly ids: Ids;
  readonly numeric: NumericFields;
  readonly optimizer: "dense-adam" | "lazy-adam";
  readonly millraceSamplesPerSecond: number;
  readonly torchDenseAdamSamplesPerSecond: number | null;
  readonly torchSparseAdamSamplesPerSecond: number | null;
  readonly ratioDenseAdam: number | null;
  readonly ratioSparseAdam: number | null;
  readonly millisecondsPerStep: number;
  readonly share: {
    readonly graph: number;
    readonly gather: number;
    readonly rowUpdate: number;
    readonly data: number;
  };
  readonly graphGflops: number;
  readonly gemmGflops: number;
}

const engine = await nativeEngine();
const peer = await LinePeer.start(fileURLToPath(new URL("./peer.py", import.meta.url)), [
  "--threads",
  String(threads),
]);
const results: CaseResult[] = [];
for (const model of modelNames) {
  for (const ids of ["uniform", "zipf"] as const) {
    const batches = makeBatches(ids);
    for (const optimizer of ["dense-adam", "lazy-adam"] as const) {
      const name = `${model}/${ids}/${optimizer}`;
      if (!name.includes(args.only)) continue;
      const result = await runCase(model, ids, optimizer, batches);
      results.push(result);
      const ratio = result.ratioDenseAdam ?? result.ratioSparseAdam;
      console.error(
        `${name.padEnd(26)} ${result.millisecondsPerStep.toFixed(1)} ms/step, ` +
          `${Math.round(result.millraceSamplesPerSecond)} samples/s, ratio ${ratio?.toFixed(2) ?? "-"}, ` +
          `graph ${result.graphGflops.toFixed(0)} of ${result.gemmGflops.toFixed(0)} GFLOP/s, share ${JSON.stringify(result.share)}`,
      );
    }
  }
}
peer?.stop();
const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
if (args.json) console.log(JSON.stringify({ machine, results }, null, 2));

async function runCase(
  model: ModelName,
  ids: Ids,
  optimizer: CaseResult["optimizer"],
  batches: readonly EncodedBatch[],
): Promise<CaseResult> {
  const lazy = optimizer === "lazy-adam";
  const numeric = numericFieldsOf(model, askedNumeric);
  const gather = await gatherMilliseconds(model, batches);
  const learner = await makeLearner(engine, model, lazy);
  const optimizerName = lazy ? "sparse-adam" : "adam";
  const peerJob = { model, ids, optimizer: optimizerName, numeric, steps, warmup: 2 } as const;
  const ours: number[] = [];
  const theirs: number[] = [];
  let next = 0;
  const turn = async (count: number): Promise<number> => {
    const start = performance.now();
    for (let s = 0; s < count; s++) await learner.step(batches[next++ % batches.length]);
    return (performance.now() - start) / count;
  };
  await turn(3);
  Object.assign(learner.spent, { feeds: 0, graph: 0, rows: 0, dense: 0 });
  for (let t = 0; t < turns; t++) {
    ours.push(await turn(steps));
    if (peer !== undefined) theirs.push((await peer.ask(peerJob)).samplesPerSecond);
  }
  const perStep = (total: number): number => total / (turns * steps);
  const milliseconds = median(ours);
  const graph = perStep(learner.spent.graph);
  const total = graph + perStep(learner.spent.feeds + learner.spent.rows + learner.spent.dense);
  const torch = peer === undefined ? null : median(theirs);
  const samplesPerSecond = (size.batch / milliseconds) * 1000;
  await learner.release();
  const share = (part: number): number => Math.round((part / total) * 1000) / 1000;
  return {
    model,
    ids,
    numeric,
    optimizer,
    millraceSamplesPerSecond: samplesPerSecond,
    torchDenseAdamSamplesPerSecond: lazy ? null : torch,
    torchSparseAdamSamplesPerSecond: lazy ? torch : null,
    ratioDenseAdam: lazy || torch === null ? null : samplesPerSecond / torch,
    ratioSparseAdam: !lazy || torch === null ? null : samplesPerSecond / torch,
    millisecondsPerStep: milliseconds,
    share: {
      graph: share(graph - gather),
      gather: share(gather),
      rowUpdate: share(perStep(learner.spent.rows + learner.spent.dense)),
      data: share(perStep(learner.spent.feeds)),
    },
    graphGflops: matrixFlops(model, numeric) / graph / 1e6,
    gemmGflops: await gemmGflops(inputWidth(numeric)),
  };
}

async function makeLearner(on: Engine, name: ModelName, lazy: boolean): Promise<Learner> {
  const map = featureMap();
  return Learner.create({
    engine: on,
    model: makeModel(name, map, numericFieldsOf(name, askedNumeric)),
    schema: map,
    layout,
    batchSize: size.batch,
    seed: 1,
    threads,
    objective: defaultObjective(map),
    optimizer: optimizerOptions.parse({ embeddingUpdate: lazy ? "lazy" : "dense", maxGradientNorm: null }),
  });
}

/** What the graph's `Gather` takes alone: the same look-up as a graph of its own. */
async function gatherMilliseconds(name: ModelName, batches: readonly EncodedBatch[]): Promise<number> {
  const learner = await makeLearner(engine, name, true);
  const [arena] = learner.weights.arenas.filter(({ dim }) => dim === size.dim);
  if (arena === undefined) {
    // Logistic regression looks up numbers of width one, which the graph's other parts outweigh.
    await learner.release();
    return 0;
  }
  const builder = new GraphBuilder();
  const table = builder.input("table", "float32", ["rows", size.dim]);
  const index = builder.input("index", "int32", ["batch", size.fields]);
  builder.output(
    "y",
    "float32",
    ["batch", size.fields, size.dim],
    builder.node("Gather", [table, index], { attributes: { axis: 0 } }),
  );
  const session = await engine.load(encodeModel(builder.finish()), { threads });
  const samples: number[] = [];
  for (const batch of batches.slice(0, 8)) {
    const data = new Int32Array(size.batch * size.fields);
    for (let f = 0; f < size.fields; f++) {
      const base = f * Math.floor(size.rows / size.fields);
      const ids = batch.columns[`c${f}`];
      for (let i = 0; i < size.batch; i++) data[i * size.fields + f] = (base + ids[i]) * arena.gatherFactor;
    }
    const feeds = {
      table: { dtype: "float32", dims: [arena.tensor.length / size.dim, size.dim], data: arena.tensor },
      index: { dtype: "int32", dims: [size.batch, size.fields], data },
    } as const;
    const start = performance.now();
    await session.run(feeds);
    samples.push(performance.now() - start);
  }
  await session.release();
  await learner.release();
  return median(samples);
}

/** Multiply-adds count two; a backward pass costs twice the forward one. */
function matrixFlops(name: ModelName, numeric: NumericFields): number {
  return 3 * 2 * size.batch * productsOf(name, numeric);
}

/** The rate of one large product on its own, the floor's measure. */
async function gemmGflops(n: number): Promise<number> {
  const builder = new GraphBuilder();
  const a = builder.input("a", "float32", [size.batch, n]);
  const b = builder.input("b", "float32", [n, n]);
  builder.output("y", "float32", [size.batch, n], builder.node("Gemm", [a, b]));
  const session = await engine.load(encodeModel(builder.finish()), { threads });
  const feeds = {
    a: { dtype: "float32", dims: [size.batch, n], data: new Float32Array(size.batch * n).fill(0.5) },
    b: { dtype: "float32", dims: [n, n], data: new Float32Array(n * n).fill(0.25) },
  } as const;
  const into = {
    y: { dtype: "float32", dims: [size.batch, n], data: new Float32Array(size.batch * n) },
  } as const;
  const samples: number[] = [];
  for (let k = 0; k < 20; k++) {
    const start = performance.now();
    await session.run(feeds, { into });
    samples.push(performance.now() - start);
  }
  await session.release();
  return (2 * size.batch * n * n) / median(samples) / 1e6;
}
