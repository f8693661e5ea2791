/**
 * The training loop of retrieval models: epochs over generated batches, full-ranking validation, early
 * stopping, checkpoints. As everywhere, the result is a function of data, options and seed; stopped and
 * resumed anywhere, it gives the same bytes as a run that was never stopped.
 */
import { z } from "zod";
import { ConfigError, DataError, hashKey, InterruptedError, parseOptions } from "../core/index.ts";
import type { Engine } from "../engine/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import {
  type CheckpointStore,
  type EpochRecord,
  estimateMemory,
  Learner,
  MemoryCheckpoints,
  optimizerOptions,
  optimizersOf,
  positionsFor,
  type Progress,
  restoreSnapshot,
  type TrainingEvent,
  weightViews,
} from "../training/index.ts";
import type { Catalogue } from "./catalogue.ts";
import { evaluateRetrieval, type RetrievalTask } from "./evaluate-retrieval.ts";
import type { RetrievalObjective } from "./objective.ts";
import type { RetrievalModel } from "./retrieval-model.ts";
import { LiveTowers } from "./towers.ts";
import type { TrainingBatches } from "./training-batches.ts";
import { trainingSource } from "./training-source.ts";
import { weightSourceOf } from "./weight-source.ts";

export const retrievalTrainingOptions = z.strictObject({
  ...optimizerOptions.shape,
  epochs: z.number().int().positive().default(50).describe("Most passes over the training data."),
  learningRateDecay: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe(
      "Factor on the learning rate after each epoch; smaller steps at the end settle what noise moves.",
    ),
  learningRateHoldEpochs: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("Epochs at the full learning rate, before it begins to fall."),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(2024)
    .describe("Decides initial values, order, negatives and dropout."),
  metrics: z
    .array(z.string())
    .min(1)
    .default(["recall@20", "ndcg@20"])
    .describe("Full-ranking metrics to report; the first decides which epoch is best."),
  validateEveryEpochs: z.number().int().positive().default(1).describe("Epochs between validations."),
  validationUsers: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Validate on a random part of the users; null: on all."),
  earlyStopPatience: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(5)
    .describe("Stop at this many validations in a row without improvement; null: never."),
  checkpointEverySteps: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Also save in the middle of an epoch, after this many steps; null: at ends of epochs."),
});

export type RetrievalTrainingOptions = z.output<typeof retrievalTrainingOptions>;

export type RetrievalEvent =
  | Exclude<TrainingEvent, { type: "epoch" | "rate" }>
  | {
      readonly type: "epoch";
      readonly record: EpochRecord;
      readonly improved: boolean;
      /** Absent where the epoch was not validated. */
      readonly metrics?: { readonly [name: string]: MetricValue };
    };

export interface TrainRetrievalInput {
  readonly model: RetrievalModel;
  readonly map: FeatureMap;
  readonly catalogue: Catalogue;
  readonly batches: TrainingBatches;
  readonly objective: RetrievalObjective;
  /** Absent: the last epoch's weights are kept. */
  readonly valid?: RetrievalTask;
  readonly engine: Engine;
  readonly options?: z.input<typeof retrievalTrainingOptions>;
  /** @default in memory, which cannot be resumed */
  readonly checkpoints?: CheckpointStore;
  /** Go on from the stored checkpoint where there is one. @default false */
  readonly resume?: boolean;
  readonly onEvent?: (event: RetrievalEvent) => void;
  /** Aborted: the step in hand is finished, a checkpoint saved, InterruptedError thrown. */
  readonly signal?: AbortSignal;
  /** Asked after each epoch: true ends training there, as if it had been the last. */
  readonly stopAfterEpoch?: () => boolean;
}

export interface TrainRetrievalResult {
  /** Holds the best weights by the first metric, or the last ones without validation. */
  readonly learner: Learner;
  readonly towers: LiveTowers;
  readonly history: readonly EpochRecord[];
  readonly steps: number;
  /** Counted from 0. */
  readonly bestEpoch: number | null;
  /** Validation of the returned weights. */
  readonly valid: { readonly [name: string]: MetricValue } | undefined;
  readonly seconds: number;
}

/**
 * @throws ConfigError when a saved run was made with other data or options; InterruptedError when stopped;
 *   MillraceError when the loss is not finite
 */
export async function trainRetrieval(given: TrainRetrievalInput): Promise<TrainRetrievalResult> {
  const run = await RetrievalRun.start(given);
  return run.finish();
}

/** Label of ranking metrics in histories. */
const RANKING = "ranking";

class RetrievalRun {
  readonly #given: TrainRetrievalInput;
  readonly #options: RetrievalTrainingOptions;
  readonly #learner: Learner;
  readonly #towers: LiveTowers;
  readonly #checkpoints: CheckpointStore;
  readonly #fingerprint: string;
  readonly #schedule: { best: number | null; bestEpoch: number | null; failures: number } = {
    best: null,
    bestEpoch: null,
    failures: 0,
  };
  #epoch = 0;
  #batch = 0;
  #lossSum = 0;
  #history: EpochRecord[] = [];
  #finished = false;
  #secondsBefore = 0;
  readonly #began = performance.now();

  private constructor(
    given: TrainRetrievalInput,
    options: RetrievalTrainingOptions,
    learner: Learner,
    towers: LiveTowers,
  ) {
    this.#given = given;
    this.#options = options;
    this.#learner = learner;
    this.#towers = towers;
    this.#checkpoints = given.checkpoints ?? new MemoryCheckpoints();
    this.#fingerprint = fingerprintOf(given, options);
  }

  static async start(given: TrainRetrievalInput): Promise<RetrievalRun> {
    const options = parseOptions(retrievalTrainingOptions, given.options ?? {}, "training");
    const { model, map, batches, engine, onEvent } = given;
    const source = trainingSource(given);
    const learner = await Learner.create({
      ...source,
      engine,
      optimizer: options,
      batchSize: batches.batchSize,
      seed: options.seed,
    });
    const positions = positionsFor(source, batches.batchSize);
    onEvent?.({ type: "memory", lines: estimateMemory(model, { positions, ...optimizersOf(options) }) });
    const weights = weightSourceOf(model, learner.weights);
    const towers = await LiveTowers.create(model, { schema: map, weights, engine });
    const run = new RetrievalRun(given, options, learner, towers);
    if (given.resume) run.#resume();
    return run;
  }

  async finish(): Promise<TrainRetrievalResult> {
    while (!this.#finished && this.#epoch < this.#options.epochs) {
      await this.#runEpoch();
      if (this.#given.stopAfterEpoch?.() !== true) continue;
      this.#given.onEvent?.({ type: "stopped", reason: "asked to stop after this epoch" });
      break;
    }
    const best = this.#given.valid === undefined ? undefined : this.#checkpoints.loadBest();
    if (best !== undefined) restoreSnapshot(this.#learner.weights, best);
    return {
      learner: this.#learner,
      towers: this.#towers,
      history: this.#history,
      steps: this.#learner.steps,
      bestEpoch: this.#schedule.bestEpoch,
      valid: await this.#validate(),
      seconds: this.#seconds(),
    };
  }

  async #runEpoch(): Promise<void> {
    const { batches, onEvent } = this.#given;
    const { seed, epochs, checkpointEverySteps } = this.#options;
    this.#learner.learningRate = rateAt(this.#epoch, this.#options);
    const began = performance.now();
    const epoch = batches.epoch({ seed, epoch: this.#epoch, skip: this.#batch });
    if (epoch.batches === 0) {
      throw new DataError("the training interactions hold nothing to learn from", {
        details: { expected: "a user with an item and a next one", received: 0 },
        hint: "next-item models need two training items of a user; leave_one_out takes the last two of users with three or more away",
      });
    }
    let rowsNow = 0;
    for (const batch of epoch) {
      this.#stopIfAsked();
      const loss = await this.#learner.step(batch);
      this.#batch++;
      this.#lossSum += loss;
      rowsNow += batch.size * batches.positivesPerRow;
      onEvent?.({
        type: "step",
        epoch: this.#epoch,
        epochs,
        step: this.#learner.steps,
        rows: this.#batch,
        epochRows: epoch.batches,
        loss,
        samplesPerSecond: rowsNow / ((performance.now() - began) / 1000),
        learningRate: this.#learner.learningRate,
      });
      if (checkpointEverySteps !== null && this.#learner.steps % checkpointEverySteps === 0) this.#save();
    }
    this.#stopIfAsked();
    await this.#endEpoch((performance.now() - began) / 1000);
  }

  async #endEpoch(seconds: number): Promise<void> {
    const { onEvent } = this.#given;
    const { epochs, validateEveryEpochs, earlyStopPatience, metrics: names } = this.#options;
    const { steps, learningRate } = this.#learner;
    const last = this.#epoch + 1 === epochs;
    const metrics =
      last || (this.#epoch + 1) % validateEveryEpochs === 0 ? await this.#validate() : undefined;
    const improved = metrics === undefined || this.#observe(Object.values(metrics)[0].value);
    if (metrics !== undefined && improved)
      this.#checkpoints.saveBest(steps, weightViews(this.#learner.weights));
    const record: EpochRecord = {
      epoch: this.#epoch,
      steps,
      trainLoss: this.#lossSum / this.#batch,
      learningRate,
      seconds,
      ...(metrics === undefined ? {} : { valid: { [RANKING]: plainValues(metrics) } }),
    };
    this.#history.push(record);
    onEvent?.({ type: "epoch", record, improved, ...(metrics === undefined ? {} : { metrics }) });
    this.#epoch++;
    this.#batch = 0;
    this.#lossSum = 0;
    if (earlyStopPatience !== null && this.#schedule.failures >= earlyStopPatience) {
      this.#finished = true;
      onEvent?.({
        type: "stopped",
        reason: `${names[0]} has not improved for ${this.#schedule.failures} validations`,
      });
    }
    this.#save();
  }

  /** Whether a validation is the best so far. */
  #observe(value: number | null): boolean {
    const schedule = this.#schedule;
    if (value === null || (schedule.best !== null && value <= schedule.best)) {
      schedule.failures++;
      return false;
    }
    Object.assign(schedule, { best: value, bestEpoch: this.#epoch, failures: 0 });
    return true;
  }

  async #validate(): Promise<{ [name: string]: MetricValue } | undefined> {
    this.#towers.refresh();
    const { valid, catalogue } = this.#given;
    if (valid === undefined) return undefined;
    const { metrics, seed, validationUsers } = this.#options;
    return evaluateRetrieval(this.#towers, catalogue, valid, {
      metrics,
      seed,
      users: validationUsers ?? undefined,
    });
  }

  #stopIfAsked(): void {
    if (!this.#given.signal?.aborted) return;
    this.#save();
    throw new InterruptedError(`stopped at step ${this.#learner.steps}; progress is saved`, {
      details: { step: this.#learner.steps, epoch: this.#epoch },
      hint: "start the same run again with `resume`",
    });
  }

  #save(): void {
    const progress: Progress = {
      version: 1,
      fingerprint: this.#fingerprint,
      steps: this.#learner.steps,
      epoch: this.#epoch,
      batch: this.#batch,
      learningRate: this.#learner.learningRate,
      lossSum: this.#lossSum,
      lossRows: this.#batch,
      schedule: { ...this.#schedule },
      history: this.#history,
      finished: this.#finished || this.#epoch >= this.#options.epochs,
      seconds: this.#seconds(),
    };
    this.#checkpoints.saveCurrent(progress, weightViews(this.#learner.weights));
    this.#given.onEvent?.({ type: "checkpoint", step: this.#learner.steps });
  }

  #resume(): void {
    const saved = this.#checkpoints.loadCurrent();
    if (saved === undefined) return;
    const { progress, weights } = saved;
    if (progress.fingerprint !== this.#fingerprint) {
      throw new ConfigError(
        "the saved run was made with other data or options, so it cannot go on with these",
        {
          details: { saved: progress.fingerprint, now: this.#fingerprint },
          hint: "resume with the same configuration, or start a new run in another directory",
        },
      );
    }
    restoreSnapshot(this.#learner.weights, weights);
    this.#learner.steps = progress.steps;
    Object.assign(this.#schedule, progress.schedule);
    this.#epoch = progress.epoch;
    this.#batch = progress.batch;
    this.#lossSum = progress.lossSum;
    this.#history = [...progress.history];
    this.#finished = progress.finished;
    this.#secondsBefore = progress.seconds;
    this.#given.onEvent?.({ type: "resumed", epoch: this.#epoch, batch: this.#batch, steps: progress.steps });
  }

  #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }
}

function rateAt(
  epoch: number,
  { learningRate, learningRateDecay, learningRateHoldEpochs }: RetrievalTrainingOptions,
): number {
  return learningRate * learningRateDecay ** Math.max(0, epoch + 1 - learningRateHoldEpochs);
}

/** Everything that decides the numbers, folded into a few hexadecimal digits. */
function fingerprintOf(
  { model, map, batches }: TrainRetrievalInput,
  options: RetrievalTrainingOptions,
): string {
  // How long to train and when to save may change between sittings.
  const { epochs, checkpointEverySteps, metrics, ...deciding } = options;
  const shapes = [...model.namedParameters()].map(([path, { shape }]) => [path, shape]);
  const tables = [...model.namedTables()].map(([path, { rows, dim }]) => [path, rows, dim]);
  const text = JSON.stringify([
    model.constructor.name,
    shapes,
    tables,
    map.features,
    batches.fingerprint,
    deciding,
  ]);
  return [1, 2].map((lane) => hashKey(lane, text).toString(16).padStart(8, "0")).join("");
}

function plainValues(metrics: { readonly [name: string]: MetricValue }): { [name: string]: number | null } {
  return Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value]));
}
