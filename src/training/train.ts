/**
 * The training loop: epochs over a split, validation, early stopping and rate cuts, checkpoints. What
 * it computes is a function of data, options and seed; stopped and resumed anywhere, it gives the same
 * bytes as a run that was never stopped.
 */
import { z } from "zod";
import { ConfigError, hashKey, InterruptedError, parseOptions } from "../core/index.ts";
import type { Engine } from "../engine/index.ts";
import { binaryCrossEntropy, domainBalancedWeights, squaredError } from "../losses/index.ts";
import type { Model } from "../module/index.ts";
import { add, mul } from "../ops/index.ts";
import { type BatchSource, DOMAIN_ENCODER, type FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type CheckpointStore, type EpochRecord, MemoryCheckpoints, type Progress } from "./checkpoint.ts";
import { type Evaluation, measure, predictSplit } from "./evaluate.ts";
import type { TrainingListener } from "./events.ts";
import { isRealLabel, type Objective } from "./graphs.ts";
import { estimateMemory } from "./model-weights.ts";
import { checkMonitor, monitoredValue } from "./monitor.ts";
import { optimizerOptions } from "./optimizer-options.ts";
import { PlateauSchedule, scheduleOptions } from "./schedule.ts";
import { restoreSnapshot, weightViews } from "./snapshot.ts";
import { Learner, optimizersOf, positionsFor } from "./step.ts";

export const trainingOptions = z.strictObject({
  ...optimizerOptions.shape,
  ...scheduleOptions.shape,
  batchSize: z.number().int().positive().default(4096).describe("Rows of one step."),
  epochs: z.number().int().positive().default(10).describe("Most passes over the training split."),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(2024)
    .describe("Decides initial values, order of rows and dropout."),
  shuffle: z.boolean().default(true).describe("Visit rows in a new order each epoch."),
  domainBalance: z
    .boolean()
    .default(false)
    .describe("Each domain of a batch counts once in the loss, however many rows it has there."),
  metrics: z
    .array(z.string())
    .optional()
    .describe("Metrics to report. Default: AUC, log loss, NE, ECE, calibration, and gAUC with groups."),
  checkpointEverySteps: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "Also save in the middle of an epoch, after this many steps; null: at ends of epochs and on Ctrl-C.",
    ),
});

export type TrainingOptions = z.output<typeof trainingOptions>;

export interface TrainInput {
  readonly model: Model;
  readonly map: FeatureMap;
  readonly train: BatchSource;
  readonly valid?: BatchSource;
  readonly engine: Engine;
  readonly options?: z.input<typeof trainingOptions>;
  /** @default cross entropy of binary labels, squared error of real ones, summed */
  readonly objective?: Objective;
  /** @default in memory, which cannot be resumed */
  readonly checkpoints?: CheckpointStore;
  /** Go on from the stored checkpoint where there is one. @default false */
  readonly resume?: boolean;
  /** Anything else that decides the numbers, such as the data's hash; guards resuming. */
  readonly fingerprint?: string;
  readonly onEvent?: TrainingListener;
  /** Aborted: the step in hand is finished, a checkpoint saved, InterruptedError thrown. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  /** Holds the best weights by the monitored metric, or the last ones without validation. */
  readonly learner: Learner;
  readonly history: readonly EpochRecord[];
  readonly steps: number;
  readonly bestEpoch: number | null;
  /** Validation of the returned weights. */
  readonly valid: Evaluation | undefined;
  readonly seconds: number;
}

/**
 * Cross entropy of each binary label on its own logit, squared error of each real one; summed. Positive rows
 * weigh `positiveWeight` of their label times what the data say.
 *
 * @throws ConfigError when domains are to be balanced and the data have none
 */
export const defaultObjective = (
  map: FeatureMap,
  { domainBalance = false }: Partial<Pick<TrainingOptions, "domainBalance">> = {},
): Objective => {
  if (domainBalance && map.domain === undefined) {
    throw new ConfigError("domain_balance: the data have no domain", {
      hint: "name the domain's column as `domain` in the configuration",
    });
  }
  return (logits, batch) => {
    const given = map.weight === undefined ? undefined : batch.scalar("@weight");
    const weights = domainBalance
      ? domainBalancedWeights(batch.scalar("@domain"), map.encoders[DOMAIN_ENCODER].size, given)
      : given;
    const losses = Object.entries(logits).map(([name, logit]) => {
      const label = batch.scalar(name);
      if (isRealLabel(map, name)) return [name, squaredError(logit, label, weights)];
      const { positiveWeight = 1 } = map.labels.find((known) => known.name === name) ?? {};
      return [name, binaryCrossEntropy(logit, label, weighPositives(label, positiveWeight, weights))];
    });
    return Object.fromEntries(losses);
  };
};

function weighPositives(
  label: Tensor,
  positiveWeight: number,
  weights: Tensor | undefined,
): Tensor | undefined {
  if (positiveWeight === 1) return weights;
  const own = add(mul(label, positiveWeight - 1), 1);
  return weights === undefined ? own : mul(own, weights);
}

export async function train(given: TrainInput): Promise<TrainResult> {
  const run = await TrainingRun.start(given);
  return run.finish();
}

class TrainingRun {
  readonly #given: TrainInput;
  readonly #options: TrainingOptions;
  readonly #learner: Learner;
  readonly #schedule: PlateauSchedule;
  readonly #checkpoints: CheckpointStore;
  readonly #fingerprint: string;
  #epoch = 0;
  #batch = 0;
  #lossSum = 0;
  #lossRows = 0;
  #history: EpochRecord[] = [];
  #finished = false;
  /** Seconds of earlier sittings, and when this one began. */
  #secondsBefore = 0;
  #began = performance.now();

  private constructor(given: TrainInput, options: TrainingOptions, learner: Learner) {
    this.#given = given;
    this.#options = options;
    this.#learner = learner;
    this.#schedule = new PlateauSchedule(options);
    this.#checkpoints = given.checkpoints ?? new MemoryCheckpoints();
    this.#fingerprint = fingerprintOf(given, options);
  }

  static async start(given: TrainInput): Promise<TrainingRun> {
    const options = parseOptions(trainingOptions, given.options ?? {}, "train");
    if (given.valid !== undefined) checkMonitor(given.map, options);
    const { model, map, train: source, engine, onEvent } = given;
    const graphs = { model, schema: map, layout: source.layout };
    const positions = positionsFor(graphs, options.batchSize);
    onEvent?.({ type: "memory", lines: estimateMemory(model, { positions, ...optimizersOf(options) }) });
    const learner = await Learner.create({
      ...graphs,
      engine,
      objective: given.objective ?? defaultObjective(map, options),
      optimizer: options,
      batchSize: options.batchSize,
      seed: options.seed,
    });
    const run = new TrainingRun(given, options, learner);
    if (given.resume) run.#resume();
    return run;
  }

  async finish(): Promise<TrainResult> {
    while (!this.#finished && this.#epoch < this.#options.epochs) await this.#runEpoch();
    const { valid, map } = this.#given;
    const { batchSize, metrics } = this.#options;
    const best = valid === undefined ? undefined : this.#checkpoints.loadBest();
    if (best !== undefined) restoreSnapshot(this.#learner.weights, best);
    const evaluation =
      valid === undefined
        ? undefined
        : measure(await predictSplit(this.#learner, valid, { batchSize, schema: map }), metrics);
    return {
      learner: this.#learner,
      history: this.#history,
      steps: this.#learner.steps,
      bestEpoch: this.#schedule.state.bestEpoch,
      valid: evaluation,
      seconds: this.#seconds(),
    };
  }

  async #runEpoch(): Promise<void> {
    const { train: source, onEvent } = this.#given;
    const { batchSize, seed, shuffle, epochs, checkpointEverySteps } = this.#options;
    const began = performance.now();
    let rowsNow = 0;
    const order = shuffle ? { seed, epoch: this.#epoch } : undefined;
    for await (const batch of source.batches({ batchSize, shuffle: order, skip: this.#batch })) {
      this.#stopIfAsked();
      const loss = await this.#learner.step(batch);
      this.#batch++;
      this.#lossSum += loss * batch.size;
      this.#lossRows += batch.size;
      rowsNow += batch.size;
      onEvent?.({
        type: "step",
        epoch: this.#epoch,
        epochs,
        step: this.#learner.steps,
        rows: this.#lossRows,
        epochRows: source.rows,
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
    const { valid, map, onEvent } = this.#given;
    const { batchSize, metrics, monitor, monitorLabel } = this.#options;
    const { learningRate, steps } = this.#learner;
    const record = {
      epoch: this.#epoch,
      steps,
      trainLoss: this.#lossSum / this.#lossRows,
      learningRate,
      seconds,
    };
    let evaluation: Evaluation | undefined;
    let improved = true;
    let stop = false;
    if (valid !== undefined) {
      const split = await predictSplit(this.#learner, valid, { batchSize, schema: map });
      evaluation = measure(split, metrics);
      const observed =
        monitoredValue(evaluation.metrics, map, this.#options) ??
        monitoredValue(measure(split, [monitor]).metrics, map, this.#options);
      if (observed === undefined) {
        const asked = monitorLabel ?? `with ${monitor}`;
        throw new ConfigError(`monitor: the model does not predict the label ${asked}`, {
          details: { monitorLabel, predicted: Object.keys(evaluation.metrics) },
          hint: "name one of the predicted labels as monitor_label",
        });
      }
      const decision = this.#schedule.observe(observed, this.#epoch, learningRate);
      ({ improved, stop } = decision);
      if (decision.learningRate !== learningRate) {
        onEvent?.({ type: "rate", from: learningRate, to: decision.learningRate });
        this.#learner.learningRate = decision.learningRate;
      }
      if (improved) this.#checkpoints.saveBest(steps, weightViews(this.#learner.weights));
    }
    this.#history.push(evaluation === undefined ? record : { ...record, valid: plainMetrics(evaluation) });
    onEvent?.({ type: "epoch", record: this.#history[this.#history.length - 1], improved, evaluation });
    this.#epoch++;
    this.#batch = 0;
    this.#lossSum = 0;
    this.#lossRows = 0;
    if (stop) {
      this.#finished = true;
      onEvent?.({
        type: "stopped",
        reason: `${monitor} has not improved for ${this.#schedule.state.failures} validations`,
      });
    }
    this.#save();
  }

  #stopIfAsked(): void {
    if (!this.#given.signal?.aborted) return;
    this.#save();
    throw new InterruptedError(`stopped at step ${this.#learner.steps}; progress is saved`, {
      details: { step: this.#learner.steps, epoch: this.#epoch },
      hint: "run the same command with --resume to go on",
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
      lossRows: this.#lossRows,
      schedule: { ...this.#schedule.state },
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
    this.#learner.learningRate = progress.learningRate;
    Object.assign(this.#schedule.state, progress.schedule);
    this.#epoch = progress.epoch;
    this.#batch = progress.batch;
    this.#lossSum = progress.lossSum;
    this.#lossRows = progress.lossRows;
    this.#history = [...progress.history];
    this.#finished = progress.finished;
    this.#secondsBefore = progress.seconds;
    this.#given.onEvent?.({ type: "resumed", epoch: this.#epoch, batch: this.#batch, steps: progress.steps });
  }

  #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }
}

/** Everything that decides the numbers, folded into a few hexadecimal digits. */
function fingerprintOf(
  { model, map, train: source, fingerprint = "" }: TrainInput,
  options: TrainingOptions,
): string {
  // How long to train and when to save may change between sittings.
  const { epochs, checkpointEverySteps, metrics, ...deciding } = options;
  const shapes = [...model.namedParameters()].map(([path, { shape }]) => [path, shape]);
  const tables = [...model.namedTables()].map(([path, { rows, dim }]) => [path, rows, dim]);
  const text = JSON.stringify([
    model.constructor.name,
    shapes,
    tables,
    map,
    source.rows,
    deciding,
    fingerprint,
  ]);
  return [1, 2].map((lane) => hashKey(lane, text).toString(16).padStart(8, "0")).join("");
}

function plainMetrics({ metrics }: Evaluation): NonNullable<EpochRecord["valid"]> {
  return Object.fromEntries(
    Object.entries(metrics).map(([label, values]) => [
      label,
      Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value])),
    ]),
  );
}
