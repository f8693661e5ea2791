/** Inference graphs on encoded batches of several sizes: what one process can serve. */
import { median } from "../core/index.ts";
import { modelNamed, OnnxPredictor } from "../run/index.ts";
import { batchLayout } from "../schema/index.ts";
import { defaultObjective, inferenceGraph, Learner, optimizerOptions } from "../training/index.ts";
import type { BenchContext, Benchmark, BenchRow } from "./benchmark.ts";
import { workloadBatches, workloadMap } from "./workload.ts";

const batchSizes = [1, 64, 1024] as const;
const RUNS = 40;

export const predictBatches: Benchmark = {
  name: "predict",
  summary: "probabilities of DCNv2 for batches of 1, 64 and 1024 encoded rows",
  run,
};

async function run({ engine, signal, onLine }: BenchContext): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const batch of batchSizes) {
    signal?.throwIfAborted();
    onLine(`predicting batches of ${batch}`);
    const size = { fields: 26, numeric: 13, values: 10_000, batch };
    const map = workloadMap(size);
    const model = modelNamed("DCNv2").create(map, {});
    const learner = await Learner.create({
      engine,
      model,
      schema: map,
      layout: batchLayout(map),
      batchSize: batch,
      seed: 1,
      objective: defaultObjective(map),
      optimizer: optimizerOptions.parse({}),
    });
    const { weights } = learner;
    const tables = model.namedTables();
    const graph = inferenceGraph({
      model,
      schema: map,
      tables: "stored",
      weights: {
        table: (path) => weights.table(tables.get(path)!),
        parameter: (path) => weights.parameter(weights.parameters.get(path)!),
        state: (path) => weights.state(weights.states.get(path)!),
      },
    });
    await learner.release();
    const predictor = await OnnxPredictor.load(engine, graph.model, [], graph.predictions);
    const batches = workloadBatches(size, 4);
    const samples: number[] = [];
    for (let k = 0; k < RUNS + 3; k++) {
      const start = performance.now();
      await predictor.predict(batches[k % batches.length]);
      if (k >= 3) samples.push(performance.now() - start);
    }
    await predictor.release();
    const milliseconds = median(samples);
    rows.push({
      case: `batch ${batch}`,
      rowsPerSecond: (batch / milliseconds) * 1000,
      milliseconds,
      unit: "call",
    });
  }
  return rows;
}
