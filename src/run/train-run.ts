/**
 * From a configuration to a finished run directory: data prepared, model trained, validation and test
 * measured, everything written. The one path behind `millrace train`, the quickstart and the recipes.
 */
import { join } from "node:path";
import { ConfigError, median } from "../core/index.ts";
import { writeJsonAtomic } from "../core/node/index.ts";
import { type DataProgress, type PreparedDataset, prepareDataset } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import { CrossDistil, UncertaintyModel } from "../models/index.ts";
import { countParameters, type Model, type ParameterCounts } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import {
  type EpochRecord,
  type Evaluation,
  measure,
  measureDomains,
  predictSplit,
  train,
  type TrainingEvent,
  type TrainingListener,
} from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import { claimDirectory } from "./claim-directory.ts";
import { type Config, dataConfigOf, modelNamed, storedConfig } from "./config.ts";
import { EventLog } from "./event-log.ts";
import { holdRun } from "./run-lock.ts";
import { StatusFile } from "./run-status.ts";
import { checkStreamTimes, encodingOf, startOf } from "./stream-start.ts";
import { applyTableSettings } from "./table-settings.ts";
import { writeBundle } from "./run-directory.ts";
import { runFiles } from "./run-files.ts";

export interface TrainRunOptions {
  /** Where the run is written. */
  readonly directory: string;
  /** Go on with what the directory holds. @default false */
  readonly resume?: boolean;
  /** @default native where installed, else WASM */
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent?: TrainingListener;
  /** Progress of reading and encoding. */
  readonly onData?: (progress: DataProgress) => void;
  /** Data that is prepared already; it must come from the same configuration. */
  readonly dataset?: PreparedDataset;
}

/** `metrics.json`. */
export interface RunMetrics {
  readonly version: 1;
  readonly model: string;
  readonly parameters: ParameterCounts;
  readonly rows: PreparedDataset["counts"];
  readonly steps: number;
  readonly bestEpoch: number | null;
  readonly seconds: number;
  /** Seconds of one epoch's training, median. */
  readonly secondsPerEpoch: number | null;
  readonly history: readonly EpochRecord[];
  readonly valid?: Evaluation;
  readonly test?: Evaluation;
  /** The test split by domain, where the data have domains. */
  readonly testDomains?: { readonly [domain: string]: Evaluation };
}

/** A model as the configuration names it. */
export function buildModel(config: Config, map: FeatureMap): Model {
  const { name, ...options } = config.model;
  const description = modelNamed(name);
  const create = (schema: FeatureMap): Model => description.create(schema, options);
  if (config.crossDistil !== undefined) return new CrossDistil(map, create, config.crossDistil);
  return config.uncertainty === undefined
    ? create(map)
    : new UncertaintyModel(map, create, config.uncertainty);
}

export async function trainRun(config: Config, options: TrainRunOptions): Promise<RunMetrics> {
  const letGo = holdRun(options.directory);
  try {
    return await trainHeld(config, options);
  } finally {
    letGo();
  }
}

async function trainHeld(config: Config, options: TrainRunOptions): Promise<RunMetrics> {
  const { directory, resume = false, signal, onEvent } = options;
  if (config.labels.length === 0) {
    throw new ConfigError("training needs a label", {
      hint: "name one under `labels` in the configuration, or pass --label COLUMN",
    });
  }
  checkStreamTimes(config);
  const takeOver = claimDirectory(directory, {
    stored: storedConfig(config),
    bundle: runFiles.bundle,
    resume,
  });
  const dataset =
    options.dataset ??
    (await prepareDataset(dataConfigOf(config), { onProgress: options.onData, ...encodingOf(config) }));
  const { map, splits } = dataset;
  const engine = options.engine ?? (await createEngine("auto"));
  const model = buildModel(config, map);
  await applyTableSettings(model, map, config.tables, config.training.seed);
  const checkpoints = new DirectoryCheckpoints(join(directory, runFiles.checkpoint));
  const resumeStep = resume ? checkpoints.loadCurrent()?.progress.steps : undefined;
  const log = new EventLog(directory, { resumeStep: resumeStep ?? 0 });
  const status = new StatusFile(directory);
  try {
    const result = await train({
      model,
      map,
      train: splits.train,
      valid: splits.valid,
      engine,
      options: config.training,
      checkpoints,
      resume,
      start: startOf(config),
      fingerprint: [dataset.encodingReport.fingerprint, config.tables, config.crossDistil, config.uncertainty]
        .flatMap((part) => (part === undefined ? [] : typeof part === "string" ? part : JSON.stringify(part)))
        .join(" "),
      signal,
      stopAfterEpoch: status.stopAsked,
      onEvent: (event) => {
        // The memory estimate comes before the checkpoint is looked at, everything else behind it.
        if (event.type !== "memory") {
          takeOver();
          status.event(event);
        }
        logEvent(log, event);
        onEvent?.(event);
      },
    });
    takeOver();
    const { batchSize, metrics } = config.training;
    const { learner } = result;
    const predicted =
      splits.test === undefined
        ? undefined
        : await predictSplit(learner, splits.test, { batchSize, schema: map });
    const test = predicted && measure(predicted, metrics);
    writeBundle(directory, { model, map, weights: learner.weights });
    const measured: RunMetrics = {
      version: 1,
      model: config.model.name,
      parameters: countParameters(model),
      rows: dataset.counts,
      steps: result.steps,
      bestEpoch: result.bestEpoch,
      seconds: result.seconds,
      secondsPerEpoch:
        result.history.length === 0 ? null : median(result.history.map(({ seconds }) => seconds)),
      history: result.history,
      valid: result.valid,
      test,
      testDomains: predicted && measureDomains(predicted, map, metrics),
    };
    writeJsonAtomic(join(directory, runFiles.encoding), dataset.encodingReport);
    writeJsonAtomic(join(directory, runFiles.metrics), measured);
    for (const [split, evaluation] of Object.entries({ validation: result.valid, test })) {
      if (evaluation !== undefined) log.scalars(result.steps, scalarsOf(`best_${split}`, evaluation.metrics));
    }
    await learner.release();
    status.finished();
    return measured;
  } catch (error) {
    status.failed(error);
    throw error;
  } finally {
    log.close();
    if (options.dataset === undefined) await dataset.close();
  }
}

/** Steps at which the loss goes into the event file: all of the first hundred, then every tenth. */
function logEvent(log: EventLog, event: TrainingEvent): void {
  if (event.type === "step" && (event.step <= 100 || event.step % 10 === 0)) {
    log.scalars(event.step, {
      "train/loss": event.loss,
      "train/samples_per_second": event.samplesPerSecond,
      "train/learning_rate": event.learningRate,
    });
  }
  if (event.type === "epoch") {
    const { record, evaluation } = event;
    log.scalars(record.steps, { "train/epoch_loss": record.trainLoss });
    log.scalars(record.steps, scalarsOf("logit_gradient", record.logitGradients));
    // Of a stream's window before it was trained on.
    if (record.stream !== undefined) log.scalars(record.steps, scalarsOf("window", record.valid));
    if (evaluation !== undefined) log.scalars(record.steps, scalarsOf("validation", evaluation.metrics));
  }
  if (event.type === "checkpoint") log.flush();
}

/** `<prefix>/<label>/<name>` for every number that is defined. */
function scalarsOf(
  prefix: string,
  labels: { readonly [label: string]: object } = {},
): { [tag: string]: number } {
  const scalars: { [tag: string]: number } = {};
  for (const [label, values] of Object.entries(labels)) {
    for (const [name, entry] of Object.entries(values) as [string, number | null | MetricValue][]) {
      const value = typeof entry === "object" ? entry?.value : entry;
      if (typeof value === "number") scalars[`${prefix}/${label}/${name}`] = value;
    }
  }
  return scalars;
}
