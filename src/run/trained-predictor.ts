/**
 * Predictions as the trainer makes them: the model built again from the run's configuration, its evaluation
 * graph with the weights of the checkpoint, rows encoded by the data layer as training data were. Of what was
 * exported it reads the feature map alone, which holds the encoders; so it can judge the rest.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import { encodeForMap, type SourceSpec, sourceSpecOf } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import { defaultObjective, Learner, predictRows, restoreSnapshot, type Snapshot } from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import { type Config, keysToCamelCase, parseConfig } from "./config.ts";
import { runFiles } from "./run-files.ts";
import { readRunMetrics } from "./run-metrics.ts";
import { applyTableSettings } from "./table-settings.ts";
import { buildModel } from "./train-run.ts";

const BATCH_ROWS = 1024;

export interface TrainedPredictor {
  readonly config: Config;
  readonly map: FeatureMap;
  /** Predictions by label of a source's rows, in their order. @throws DataError for rows that cannot be encoded */
  predict(source: SourceSpec): Promise<{ readonly [label: string]: Float32Array }>;
  release(): Promise<void>;
}

/** @throws DataError when the directory has no finished training, or its checkpoint is gone */
export async function openTrainedPredictor(directory: string, engine: Engine): Promise<TrainedPredictor> {
  for (const file of [runFiles.config, runFiles.featureMap, runFiles.metrics]) {
    if (existsSync(join(directory, file))) continue;
    throw new DataError(`${directory} holds no finished run: ${file} is missing`, {
      details: { directory, missing: file },
      hint: "name a directory that `millrace train --out` wrote",
    });
  }
  const config = parseConfig(keysToCamelCase(readJson(join(directory, runFiles.config))));
  const map = readJson(join(directory, runFiles.featureMap)) as FeatureMap;
  const weights = weightsOfTraining(directory);
  const { data, training, tables } = config;
  const model = buildModel(config, map);
  await applyTableSettings(model, map, tables, training.seed);
  const learner = await Learner.create({
    model,
    schema: map,
    layout: batchLayout(map),
    engine,
    objective: defaultObjective(map, training),
    optimizer: training,
    batchSize: BATCH_ROWS,
    seed: training.seed,
    multiTask: training.multiTask,
  });
  restoreSnapshot(learner.weights, weights, { methods: false });
  return {
    config,
    map,
    async predict(source) {
      const history = [sourceSpecOf(data.train, data, data.joins)];
      const encoded = await encodeForMap(map, source, { cacheDir: data.cacheDir, history });
      try {
        return await predictRows(learner, encoded, { batchSize: BATCH_ROWS });
      } finally {
        await encoded.close();
      }
    },
    release: () => learner.release(),
  };
}

/** What training ended with: the best weights by validation, or the last ones where there was none. */
function weightsOfTraining(directory: string): Snapshot {
  const { bestEpoch } = readRunMetrics(directory);
  const checkpoints = new DirectoryCheckpoints(join(directory, runFiles.checkpoint));
  const weights = bestEpoch === null ? checkpoints.loadCurrent()?.weights : checkpoints.loadBest();
  if (weights !== undefined) return weights;
  throw new DataError(`${directory} has no checkpoint of the weights that training ended with`, {
    details: { directory, bestEpoch },
    hint: "a copy without checkpoint/ has nothing to be compared with: take the run where it was trained",
  });
}
