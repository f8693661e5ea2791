/** Trains a configuration into its directory, unless that has been done: the unit of grids and recipes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, removePath } from "../core/node/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import { type Config, isSameConfig, parseConfig, storedConfig } from "./config.ts";
import { runFiles } from "./run-files.ts";
import { refuseHeldRun } from "./run-lock.ts";
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
  const configPath = join(directory, runFiles.config);
  const metricsPath = join(directory, runFiles.metrics);
  const stored = existsSync(configPath) ? readJson(configPath) : undefined;
  if (existsSync(metricsPath) && isSameConfig(stored, config, parseConfig)) {
    return { metrics: readJson(metricsPath) as RunMetrics, before: true };
  }
  refuseHeldRun(directory);
  // To the letter: a checkpoint knows the options that it was made with.
  const same = JSON.stringify(stored) === JSON.stringify(storedConfig(config));
  if (!same) removePath(directory);
  const prepared = await dataset?.();
  return { metrics: await trainRun(config, { ...options, dataset: prepared, resume: same }), before: false };
}
