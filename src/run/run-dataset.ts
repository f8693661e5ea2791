/**
 * The data of a finished run, encoded as the run's model knows them. Encoders fitted anew give other ids where the
 * files have changed since, or where the run took its vocabularies from another one.
 */
import { type PrepareDatasetOptions, type PreparedDataset, prepareDataset } from "../data/index.ts";
import { dataConfigOf } from "./config.ts";
import type { OpenRun } from "./run-directory.ts";
import { historyBefore } from "./stream-start.ts";

/** @throws ConfigError, DataError where the data cannot be read or lack what the run's features need */
export async function datasetOfRun(
  { config, map }: Pick<OpenRun, "config" | "map">,
  options: Omit<PrepareDatasetOptions, "map" | "grow" | "history"> = {},
): Promise<PreparedDataset> {
  const data = dataConfigOf(config);
  if (config.training.streaming?.start === undefined) {
    // What training encoded is found again.
    const dataset = await prepareDataset(data, options);
    if (JSON.stringify(dataset.map) === JSON.stringify(map)) return dataset;
    await dataset.close();
  }
  return prepareDataset(data, { ...options, map, history: historyBefore(config) });
}
