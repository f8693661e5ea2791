/** `metrics.json` read back: what reports and the studio rely on is checked, so that a torn file is named. */
import { join } from "node:path";
import { z } from "zod";
import { readChecked } from "../core/node/index.ts";
import { runFiles } from "./run-files.ts";
import type { RunMetrics } from "./train-run.ts";

/** Metrics by name. */
export const metricValues = z.record(z.string(), z.looseObject({ value: z.number().nullable() }));
const byLabel = z.record(z.string(), metricValues);
const evaluation = z.looseObject({ rows: z.number(), metrics: byLabel, oracle: byLabel });

/** One line of a run's history. */
const epoch = z.looseObject({
  epoch: z.number(),
  steps: z.number(),
  trainLoss: z.number(),
  learningRate: z.number(),
  seconds: z.number(),
  valid: z.record(z.string(), z.record(z.string(), z.number().nullable())).optional(),
});

/** What runs of every kind have measured. */
export const trainedMetrics = z.looseObject({
  model: z.string(),
  parameters: z.looseObject({ dense: z.number(), embedding: z.number() }),
  steps: z.number(),
  bestEpoch: z.number().nullable(),
  seconds: z.number(),
  history: z.array(epoch),
});

/** Of ranking runs. */
export const runMetrics = trainedMetrics.extend({
  rows: z.record(z.string(), z.number()),
  valid: evaluation.optional(),
  test: evaluation.optional(),
  testDomains: z.record(z.string(), evaluation).optional(),
});

/** @throws DataError naming the file and the field that is missing or of another type */
export function readRunMetrics(directory: string): RunMetrics {
  return readChecked(
    join(directory, runFiles.metrics),
    runMetrics,
    "the file is not as training wrote it: train the run again",
  ) as unknown as RunMetrics;
}
