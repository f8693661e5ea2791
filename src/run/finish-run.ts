/** Trains a configuration into its directory, unless that has been done: the unit of grids and recipes. */
import { join } from "node:path";
import { readJson } from "../core/node/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import { type Config, parseConfig } from "./config.ts";
import { runFiles } from "./run-files.ts";
import { runBefore } from "./run-before.ts";
import { type RunMetrics, trainRun, type TrainRunOptions } from "./train-run.ts";

export interface FinishedRun {
  readonly metrics: RunMetrics;
  /** It was there already, with the same configuration. */
  readonly before: boolean;
}

export interface FinishRunOptions extends Omit<TrainRunOptions, "resume" | "dataset"> {
  /** Prepared data, asked for only where there is something to train. */
  readonly dataset?: () => Promise<PreparedDataset>;
}

/**
 * A finished run of the same configuration counts, an interrupted one goes on, and one of another
 * configuration is replaced.
 */
export async function finishRun(
  config: Config,
  { dataset, ...options }: FinishRunOptions,
): Promise<FinishedRun> {
  const { directory } = options;
  const state = runBefore(directory, config, parseConfig);
  if (state === "finished") {
    return { metrics: readJson(join(directory, runFiles.metrics)) as RunMetrics, before: true };
  }
  const prepared = await dataset?.();
  const resume = state === "begun";
  return { metrics: await trainRun(config, { ...options, dataset: prepared, resume }), before: false };
}
