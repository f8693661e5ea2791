/**
 * The training loop: epochs over a split, validation, early stopping and rate cuts, checkpoints. What
 * it computes is a function of data, options and seed; stopped and resumed anywhere, it gives the same
 * bytes as a run that was never stopped.
 */
import { ConfigError, hashKey, InterruptedError } from "../core/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import type { BatchSource } from "../schema/index.ts";
import { type CheckpointStore, type EpochRecord, MemoryCheckpoints, type Progress } from "./checkpoint.ts";
import { type Evaluation, measure, predictSplit } from "./evaluate.ts";
import { taskNames } from "./graphs.ts";
import { estimateMemory } from "./model-weights.ts";
import { checkMonitor, monitoredValue } from "./monitor.ts";
import { needsSeparateGradients } from "./multi-task/options.ts";
import { defaultObjective } from "./objective.ts";
import { PlateauSchedule } from "./schedule.ts";
import { restoreSnapshot, weightViews } from "./snapshot.ts";
import { Learner, optimizersOf, positionsFor, taskArenas } from "./step.ts";
import type { TrainInput, TrainResult } from "./train-input.ts";
import type { TrainingOptions } from "./training-options.ts";
import { restoreWeights, type WeightTree } from "./weight-tree.ts";

/** One of several runs of the loop on the same weights; its checkpoints say which. */
export interface TrainingStage {
  readonly index: number;
  readonly name: string;
  /** What the whole training's checkpoints are guarded by. */
  readonly fingerprint: string;
  /** Weights to begin with. @default those the model starts from, or the checkpoint's */
  readonly start?: WeightTree;
  /** Whether what it begins with counts as its best so far. */
  readonly observeStart: boolean;
  readonly stepsBefore: number;
  readonly secondsBefore: number;
  /** Records of the stages before. */
  readonly history: readonly EpochRecord[];
  /** Learn as evaluation sees the model. */
  readonly still: boolean;
  /** Groups of parameters that are one, by path. */
  readonly tied: readonly (readonly string[])[];
}

/** A learner by the options, after saying what it will take. */
export async function createLearner(
  given: TrainInput,
  options: TrainingOptions,
  stage?: Pick<TrainingStage, "still" | "tied">,
): Promise<Learner> {
  const { model, map, train: source, engine, onEvent } = given;
  const graphs = { model, schema: map, layout: source.layout };
  const objective = given.objective ?? defaultObjective(map, options);
  const positions = positionsFor(graphs, options.batchSize);
  const { multiTask } = options;
  const tasks =
    multiTask !== undefined && needsSeparateGradients(multiTask)
      ? taskNames({ ...graphs, objective }).length
      : 1;
  const lines = estimateMemory(model, {
    positions,
    ...optimizersOf(options),
    ...taskArenas(multiTask, tasks),
  });
  onEvent?.({ type: "memory", lines });
  return Learner.create({
    ...graphs,
    engine,
    objective,
    optimizer: options,
    batchSize: options.batchSize,
    seed: options.seed,
    multiTask,
    logitGradients: options.logitGradients,
    still: stage?.still,
    tied: stage?.tied,
  });
}

/** Metrics of the validation split. */
export async function validation(
  learner: Learner,
  { valid, map }: TrainInput,
  { batchSize, metrics }: TrainingOptions,
): Promise<Evaluation> {
  return measure(await predictSplit(learner, valid as BatchSource, { batchSize, schema: map }), metrics);
}

/** @throws ConfigError when a checkpoint comes from other data or options */
export function checkFingerprint(progress: Progress, fingerprint: string): void {
  if (progress.fingerprint === fingerprint) return;
  throw new ConfigError("the saved run was made with other data or options, so it cannot go on with these", {
    details: { saved: progress.fingerprint, now: fingerprint },
    hint: "resume with the same configuration, or start a new run in another directory",
  });
}

export class TrainingRun {
  readonly #given: TrainInput;
  readonly #options: TrainingOptions;
  readonly #learner: Learner;
  readonly #stage: TrainingStage | undefined;
  readonly #schedule: PlateauSchedule;
  readonly #checkpoints: CheckpointStore;
  readonly #fingerprint: string;
  #epoch = 0;
  #batch = 0;
  #lossSum = 0;
  #lossRows = 0;
  #history: EpochRecord[] = [];
  #finished = false;
  #stopped = false;
  /** Seconds of earlier sittings, and when this one began. */
  #secondsBefore = 0;
  #began = performance.now();

  private constructor(
    given: TrainInput,
    options: TrainingOptions,
    learner: Learner,
    stage: TrainingStage | undefined,
  ) {
    this.#given = given;
    this.#options = options;
    this.#learner = learner;
    this.#stage = stage;
    this.#history = [...(stage?.history ?? [])];
    this.#secondsBefore = stage?.secondsBefore ?? 0;
    this.#schedule = new PlateauSchedule(options);
    this.#checkpoints = given.checkpoints ?? new MemoryCheckpoints();
    this.#fingerprint = stage?.fingerprint ?? fingerprintOf(given, options);
  }

  static async start(
    given: TrainInput,
    options: TrainingOptions,
    stage?: TrainingStage,
  ): Promise<TrainingRun> {
    if (given.valid !== undefined) checkMonitor(given.map, options);
    const learner = await createLearner(given, options, stage);
    if (stage?.start !== undefined) restoreWeights(learner.weights, stage.start);
    learner.copyTied();
    const run = new TrainingRun(given, options, learner, stage);
    if (given.resume) run.#resume();
    return run;
  }

  get learner(): Learner {
    return this.#learner;
  }

  get history(): readonly EpochRecord[] {
    return this.#history;
  }

  get bestEpoch(): number | null {
    return this.#schedule.state.bestEpoch;
  }

  /** Whether it ended because it was asked to. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Steps of this run and of the stages before. */
  get steps(): number {
    return (this.#stage?.stepsBefore ?? 0) + this.#learner.steps;
  }

  /** Trains to the end; the learner then holds the best weights, or the last ones without validation. */
  async train(): Promise<void> {
    const fresh = this.#epoch === 0 && this.#batch === 0 && this.#schedule.state.bestEpoch === null;
    // Named in the checkpoint before the first step, so that a stage that was begun is not taken for the last.
    if (this.#stage !== undefined && fresh && !this.#finished) this.#save();
    if (this.#stage?.observeStart && fresh && !this.#finished) await this.#observeStart();
    while (!this.#finished && !this.#stopped && this.#epoch < this.#options.epochs) {
      await this.#runEpoch();
      this.#stopped = !this.#finished && stopsHere(this.#given);
    }
    const found = this.#given.valid !== undefined && this.bestEpoch !== null;
    const best = found ? this.#checkpoints.loadBest() : undefined;
    if (best !== undefined) restoreSnapshot(this.#learner.weights, best);
  }

  /** What a stage begins with counts as its best until an epoch beats it. */
  async #observeStart(): Promise<void> {
    if (this.#given.valid === undefined) return;
    const { observed } = await this.#validate();
    this.#schedule.observe(observed, -1, this.#learner.learningRate);
    // A metric that is undefined counts as a failure in the loop, and is none here.
    this.#schedule.state.failures = 0;
    if (this.bestEpoch === -1) this.#checkpoints.saveBest(this.steps, weightViews(this.#learner.weights));
  }

  async result(): Promise<TrainResult> {
    const { valid } = this.#given;
    return {
      learner: this.#learner,
      history: this.#history,
      steps: this.steps,
      bestEpoch: this.bestEpoch,
      valid: valid === undefined ? undefined : await validation(this.#learner, this.#given, this.#options),
      seconds: this.seconds,
    };
  }

  async #validate(): Promise<{ evaluation: Evaluation; observed: MetricValue }> {
    const { valid, map } = this.#given;
    const { batchSize, metrics, monitor, monitorLabel } = this.#options;
    const split = await predictSplit(this.#learner, valid as BatchSource, { batchSize, schema: map });
    const evaluation = measure(split, metrics);
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
    return { evaluation, observed };
  }

  async #runEpoch(): Promise<void> {
    const { train: source, onEvent } = this.#given;
    const { batchSize, seed, shuffle, epochs, checkpointEverySteps } = this.#options;
    const began = performance.now();
    let rowsNow = 0;
    const order = shuffle ? { seed, epoch: this.#epoch } : undefined;
    if (this.#batch === 0) this.#learner.beforeEpoch();
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
        step: this.steps,
        rows: this.#lossRows,
        epochRows: source.rows,
        loss,
        samplesPerSecond: rowsNow / ((performance.now() - began) / 1000),
        learningRate: this.#learner.learningRate,
        logitGradients: this.#learner.logitGradients,
      });
      if (checkpointEverySteps !== null && this.#learner.steps % checkpointEverySteps === 0) this.#save();
    }
    this.#stopIfAsked();
    await this.#endEpoch((performance.now() - began) / 1000);
  }

  async #endEpoch(seconds: number): Promise<void> {
    const { valid, onEvent } = this.#given;
    const { learningRate } = this.#learner;
    const { steps } = this;
    this.#learner.afterEpoch();
    const tasks = this.#learner.endEpoch();
    const logitGradients = this.#learner.takeLogitGradients();
    const record = {
      epoch: this.#history.length,
      ...(this.#stage === undefined ? {} : { phase: this.#stage.name }),
      ...(tasks === undefined ? {} : { tasks }),
      ...(logitGradients === undefined ? {} : { logitGradients }),
      steps,
      trainLoss: this.#lossSum / this.#lossRows,
      learningRate,
      seconds,
    };
    let evaluation: Evaluation | undefined;
    let improved = true;
    let stop = false;
    if (valid !== undefined) {
      const validated = await this.#validate();
      evaluation = validated.evaluation;
      const { observed } = validated;
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
        reason: `${this.#options.monitor} has not improved for ${this.#schedule.state.failures} validations`,
      });
    }
    this.#save();
  }

  #stopIfAsked(): void {
    if (!this.#given.signal?.aborted) return;
    this.#save();
    throw new InterruptedError(`stopped at step ${this.steps}; progress is saved`, {
      details: { step: this.steps, epoch: this.#epoch },
      hint: "run the same command with --resume to go on",
    });
  }

  #save(): void {
    const progress: Progress = {
      version: 1,
      fingerprint: this.#fingerprint,
      steps: this.steps,
      ...(this.#stage === undefined
        ? {}
        : { stage: { index: this.#stage.index, stepsBefore: this.#stage.stepsBefore } }),
      epoch: this.#epoch,
      batch: this.#batch,
      learningRate: this.#learner.learningRate,
      lossSum: this.#lossSum,
      lossRows: this.#lossRows,
      schedule: { ...this.#schedule.state },
      history: this.#history,
      finished: this.#finished,
      seconds: this.seconds,
    };
    this.#checkpoints.saveCurrent(progress, weightViews(this.#learner.weights));
    this.#given.onEvent?.({ type: "checkpoint", step: this.steps });
  }

  #resume(): void {
    const saved = this.#checkpoints.loadCurrent();
    if (saved === undefined) return;
    const { progress, weights } = saved;
    checkFingerprint(progress, this.#fingerprint);
    if (progress.stage !== undefined && progress.stage.index !== this.#stage?.index) return;
    restoreSnapshot(this.#learner.weights, weights);
    this.#learner.steps = progress.steps - (this.#stage?.stepsBefore ?? 0);
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

  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }
}

/** Whether training should end with the epoch that is over; it can go on from there when resumed. */
export function stopsHere({
  stopAfterEpoch,
  onEvent,
}: Pick<TrainInput, "stopAfterEpoch" | "onEvent">): boolean {
  if (stopAfterEpoch?.() !== true) return false;
  onEvent?.({ type: "stopped", reason: "asked to stop after this epoch" });
  return true;
}

/** Everything that decides the numbers, folded into a few hexadecimal digits. */
export function fingerprintOf(
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

export function plainMetrics({ metrics }: Evaluation): NonNullable<EpochRecord["valid"]> {
  return Object.fromEntries(
    Object.entries(metrics).map(([label, values]) => [
      label,
      Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value])),
    ]),
  );
}
