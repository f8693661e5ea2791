/** Whole training steps in memory: forward, backward, rows and weights moved. Reading data is not part of it. */
import { median } from "../core/index.ts";
import { modelNamed } from "../run/index.ts";
import { batchLayout } from "../schema/index.ts";
import { defaultObjective, Learner, optimizerOptions } from "../training/index.ts";
import type { BenchContext, Benchmark, BenchRow } from "./benchmark.ts";
import { workloadBatches, workloadMap, workloadModels } from "./workload.ts";

const size = { fields: 26, numeric: 13, values: 10_000, batch: 4096 } as const;
const STEPS = 20;

export const trainSteps: Benchmark = {
  name: "train",
  summary:
    "training steps of LR, DeepFM and DCNv2: 26 fields, 13 numbers, dimension 16, batch 4096, lazy Adam",
  run,
};

async function run({ engine, signal, onLine }: BenchContext): Promise<BenchRow[]> {
  const map = workloadMap(size);
  const batches = workloadBatches(size, 8);
  const rows: BenchRow[] = [];
  for (const { name, options } of workloadModels) {
    signal?.throwIfAborted();
    onLine(`training ${name}`);
    const learner = await Learner.create({
      engine,
      model: modelNamed(name).create(map, options),
      schema: map,
      layout: batchLayout(map),
      batchSize: size.batch,
      seed: 1,
      objective: defaultObjective(map),
      optimizer: optimizerOptions.parse({ embeddingUpdate: "lazy" }),
    });
    const samples: number[] = [];
    for (let step = 0; step < STEPS + 3; step++) {
      const start = performance.now();
      await learner.step(batches[step % batches.length]);
      // The first steps allocate and are left out.
      if (step >= 3) samples.push(performance.now() - start);
    }
    await learner.release();
    const milliseconds = median(samples);
    rows.push({
      case: name,
      rowsPerSecond: (size.batch / milliseconds) * 1000,
      milliseconds,
      unit: `step of ${size.batch} rows`,
    });
  }
  return rows;
}
