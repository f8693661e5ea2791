/** What training on a stream goes on from: a finished run's checkpoint, and its vocabularies for the new data. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import { type PrepareDatasetOptions, type SourceSpec, sourceSpecOf } from "../data/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { TrainInput } from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import { type Config, keysToCamelCase, parseConfig } from "./config.ts";
import { runFiles } from "./run-files.ts";

/** How a configuration's data are encoded: by a map fitted on them, or by that of the run a stream starts from. */
export function encodingOf(config: Config): Pick<PrepareDatasetOptions, "map" | "grow" | "history"> {
  const { start, grow } = config.training.streaming ?? {};
  if (start === undefined) return {};
  const path = join(start, runFiles.featureMap);
  if (!existsSync(path)) throw noRun(start);
  return {
    map: readJson(path) as FeatureMap,
    ...(grow ? { grow: {} } : {}),
    history: historyBefore(config),
  };
}

/**
 * Rows that a run was trained on, those of the runs it went on from first: counts over the past go on from them.
 *
 * @throws ConfigError where a run that it went on from is gone, and the features count over the past
 */
export function historyOf(config: Config): SourceSpec[] {
  return [...historyBefore(config), sourceSpecOf(config.data.train, config.data, config.data.joins)];
}

/** Rows of the runs that a run went on from; none is looked for where nothing counts over the past. */
export function historyBefore({ derived = [], training }: Config): SourceSpec[] {
  const { start } = training.streaming ?? {};
  if (start === undefined || !derived.some(({ kind }) => kind === "count")) return [];
  const path = join(start, runFiles.config);
  if (!existsSync(path)) throw noRun(start);
  return historyOf(parseConfig(keysToCamelCase(readJson(path))));
}

/** The weights a stream starts from, as training takes them; undefined for a fresh start. */
export function startOf({ training }: Config): TrainInput["start"] {
  const { start } = training.streaming ?? {};
  if (start === undefined) return undefined;
  const checkpoints = new DirectoryCheckpoints(join(start, runFiles.checkpoint));
  const current = checkpoints.loadCurrent();
  if (current === undefined) throw noRun(start);
  // A run's best weights, or its last ones where it had no validation or was a stream itself.
  const best = current.progress.stream === undefined ? checkpoints.loadBest() : undefined;
  return {
    snapshot: best ?? current.weights,
    map: readJson(join(start, runFiles.featureMap)) as FeatureMap,
    steps: current.progress.steps,
  };
}

/**
 * Refuses a stream over rows that have no times, before anything is written.
 *
 * @throws ConfigError when the data are encoded without a timestamp, or the start holds no run
 */
export function checkStreamTimes(config: Config): void {
  const { streaming } = config.training;
  if (streaming === undefined) return;
  const { map = config } = encodingOf(config);
  if (map.timestamp !== undefined) return;
  const { start } = streaming;
  throw start === undefined
    ? new ConfigError("streaming: the configuration names no timestamp", {
        hint: "name the column of the rows' times as `timestamp`",
      })
    : new ConfigError(`streaming: ${start} was trained without a timestamp, and a stream goes by time`, {
        details: { start },
        hint: "train that run again with `timestamp` in its configuration, the column of the rows' times",
      });
}

function noRun(directory: string): ConfigError {
  return new ConfigError(`streaming.start: ${directory} holds no run with a checkpoint`, {
    details: { directory },
    hint: "name the directory of a run that `millrace train` finished",
  });
}
