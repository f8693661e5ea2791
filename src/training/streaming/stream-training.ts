/**
 * Training on a stream, test-then-train: one pass over the training split in order of time. Each window of time
 * is predicted with the weights of the windows before it (what is measured so has never been learned from:
 * prequential evaluation), then trained on. A record of the history is a window.
 *
 * A snapshot of the weights is kept from before the last window was trained on. When a window's log loss exceeds
 * the recent median by the alarm's factor, the snapshot predicts the window too; if that raises no alarm, the last
 * window spoiled the weights, and the snapshot comes back, optimizer state included. If it does, the data are not
 * what they were, and training goes on.
 *
 * What is computed is a function of data, options and seed; stopped anywhere and resumed, it gives the same bytes.
 */
import { ConfigError, InterruptedError, median } from "../../core/index.ts";
import type { EpochRecord, CheckpointStore, Progress } from "../checkpoint.ts";
import { MemoryCheckpoints } from "../checkpoint.ts";
import { type Evaluation, measure, type SplitPredictions } from "../evaluate.ts";
import { growSnapshot } from "../grow-snapshot.ts";
import { restoreSnapshot, type Snapshot, takeSnapshot, weightViews } from "../snapshot.ts";
import type { Learner } from "../step.ts";
import type { TrainInput, TrainResult } from "../train-input.ts";
import type { TrainingOptions } from "../training-options.ts";
import {
  checkFingerprint,
  createLearner,
  fingerprintOf,
  plainMetrics,
  stopsHere,
  validation,
} from "../training-run.ts";
import { type StreamingOptions, windowSeconds } from "./options.ts";
import { alarmLevel, WindowPredictions } from "./window-metrics.ts";
import { windowName, type WindowPiece, windowPieces } from "./window-pieces.ts";

/** How many windows the median must be of before there can be an alarm. */
const FEWEST_WINDOWS = 3;

/** What a window's record says beside its metrics. */
export interface StreamRecord {
  readonly rows: number;
  /** Log loss that the alarm watches. */
  readonly level: number | null;
  readonly alarm?: {
    /** The recent median. */
    readonly reference: number;
    /** The same window's log loss by the snapshot. */
    readonly before: number | null;
    readonly rolledBack: boolean;
  };
}

/** Where a stream stands; part of the progress that is saved. */
export interface StreamProgress {
  /** Rows learned from, and rows predicted: the ends of a piece and of a window. */
  readonly trained: number;
  readonly predicted: number;
  /** Of the window that is predicted and not yet trained on to its end. */
  readonly pending: Pending | null;
}

type Pending = StreamRecord & { readonly name: string; readonly valid: NonNullable<EpochRecord["valid"]> };

export async function streamTraining(
  given: TrainInput,
  options: TrainingOptions,
  streaming: StreamingOptions,
): Promise<TrainResult> {
  if (options.phases !== undefined || options.forkMerge !== undefined) {
    throw new ConfigError(
      "training on a stream is one pass, and neither runs in phases nor forks and merges",
      {
        hint: "leave out training.phases and training.fork_merge, or training.streaming",
      },
    );
  }
  const learner = await createLearner(given, options);
  const stream = new StreamTraining(given, options, streaming, learner);
  await stream.run();
  const valid = given.valid === undefined ? undefined : await validation(learner, given, options);
  const { history, seconds } = stream;
  return { learner, history, steps: learner.steps, bestEpoch: null, valid, seconds };
}

class StreamTraining {
  readonly #given: TrainInput;
  readonly #options: TrainingOptions;
  readonly #streaming: StreamingOptions;
  readonly #learner: Learner;
  readonly #checkpoints: CheckpointStore;
  readonly #fingerprint: string;
  #trained = 0;
  #predicted = 0;
  #pending: Pending | null = null;
  #lossSum = 0;
  #lossRows = 0;
  #secondsBefore = 0;
  readonly #began = performance.now();
  /** Weights from before the window that was trained on last, or is being trained on; absent without an alarm. */
  #snapshot: Snapshot | undefined;
  history: EpochRecord[] = [];

  constructor(given: TrainInput, options: TrainingOptions, streaming: StreamingOptions, learner: Learner) {
    this.#given = given;
    this.#options = options;
    this.#streaming = streaming;
    this.#learner = learner;
    this.#checkpoints = given.checkpoints ?? new MemoryCheckpoints();
    this.#fingerprint = fingerprintOf(given, options);
    if (given.start !== undefined) {
      const { snapshot, map, steps } = given.start;
      growSnapshot(learner.weights, snapshot, { from: map, to: given.map });
      learner.steps = steps;
    } else learner.beforeEpoch();
    if (given.resume) this.#resume();
  }

  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }

  async run(): Promise<void> {
    const ahead = this.#pieces(this.#predicted);
    const behind = this.#pieces(this.#trained);
    try {
      let next = await ahead.next();
      let learned = await behind.next();
      for (;;) {
        if (this.#pending === null) {
          if (next.done) return;
          next = await this.#test(ahead, next.value);
        }
        const began = performance.now();
        while (!learned.done && learned.value.end <= this.#predicted) {
          await this.#learn(learned.value, began);
          learned = await behind.next();
        }
        this.#stopIfAsked();
        await this.#endWindow((performance.now() - began) / 1000);
        if (stopsHere(this.#given)) return;
      }
    } finally {
      await ahead.return(undefined);
      await behind.return(undefined);
    }
  }

  #pieces(from: number): AsyncGenerator<WindowPiece> {
    const { batchSize } = this.#options;
    const seconds = windowSeconds(this.#streaming);
    return windowPieces(this.#given.train, { batchSize, windowSeconds: seconds, from });
  }

  /** Predicts one window. @returns the first piece of the next */
  async #test(ahead: AsyncGenerator<WindowPiece>, first: WindowPiece): Promise<IteratorResult<WindowPiece>> {
    const { map, train } = this.#given;
    const { window } = first;
    const from = this.#predicted;
    const predictions = new WindowPredictions(map, train.layout);
    let next: IteratorResult<WindowPiece> = { value: first, done: false };
    while (!next.done && next.value.window === window) {
      await predictions.add(this.#learner, next.value.batch);
      this.#predicted = next.value.end;
      next = await ahead.next();
    }
    const split = predictions.split();
    const level = alarmLevel(split);
    const alarm = await this.#alarm(level, { from, window });
    this.#pending = {
      name: windowName(window, windowSeconds(this.#streaming)),
      rows: split.rows,
      level,
      ...(alarm === undefined ? {} : { alarm }),
      valid: plainMetrics(this.#measure(split)),
    };
    if (this.#streaming.alarm !== null) this.#snapshot = takeSnapshot(this.#learner.weights);
    return next;
  }

  #measure(split: SplitPredictions): Evaluation {
    return measure(split, this.#options.metrics);
  }

  /** Compares a window's level with the recent ones, and rolls back where that helps. */
  async #alarm(
    level: number | null,
    { from, window }: { readonly from: number; readonly window: number },
  ): Promise<StreamRecord["alarm"]> {
    const { alarm, alarmWindows } = this.#streaming;
    const recent = this.history
      // Of a window that spoiled weights predicted the level says nothing; a new level of the data is one.
      .flatMap(({ stream }) => (stream?.alarm?.rolledBack === true ? [] : (stream?.level ?? [])))
      .slice(-alarmWindows);
    if (alarm === null || level === null || recent.length < Math.min(FEWEST_WINDOWS, alarmWindows)) return;
    const reference = median(recent);
    if (level <= alarm * reference) return;
    if (this.#snapshot === undefined) return { reference, before: null, rolledBack: false };
    const current = takeSnapshot(this.#learner.weights);
    restoreSnapshot(this.#learner.weights, this.#snapshot);
    const predictions = new WindowPredictions(this.#given.map, this.#given.train.layout);
    for await (const piece of this.#pieces(from)) {
      if (piece.window !== window) break;
      await predictions.add(this.#learner, piece.batch);
    }
    const before = alarmLevel(predictions.split());
    const rolledBack = before !== null && before <= alarm * reference;
    if (!rolledBack) restoreSnapshot(this.#learner.weights, current);
    return { reference, before, rolledBack };
  }

  async #learn({ batch, end }: WindowPiece, began: number): Promise<void> {
    this.#stopIfAsked();
    const loss = await this.#learner.step(batch);
    this.#trained = end;
    this.#lossSum += loss * batch.size;
    this.#lossRows += batch.size;
    const { train, onEvent } = this.#given;
    const { checkpointEverySteps } = this.#options;
    onEvent?.({
      type: "step",
      epoch: 0,
      epochs: 1,
      step: this.#learner.steps,
      rows: this.#trained,
      epochRows: train.rows,
      loss,
      samplesPerSecond: this.#lossRows / ((performance.now() - began) / 1000),
      learningRate: this.#learner.learningRate,
      logitGradients: this.#learner.logitGradients,
    });
    if (checkpointEverySteps !== null && this.#learner.steps % checkpointEverySteps === 0) this.#save();
  }

  async #endWindow(seconds: number): Promise<void> {
    const { name, valid, ...stream } = this.#pending as Pending;
    this.#pending = null;
    this.#learner.afterEpoch();
    const tasks = this.#learner.endEpoch();
    const logitGradients = this.#learner.takeLogitGradients();
    const record: EpochRecord = {
      epoch: this.history.length,
      phase: name,
      ...(tasks === undefined ? {} : { tasks }),
      ...(logitGradients === undefined ? {} : { logitGradients }),
      steps: this.#learner.steps,
      trainLoss: this.#lossSum / this.#lossRows,
      learningRate: this.#learner.learningRate,
      seconds,
      valid,
      stream,
    };
    this.history.push(record);
    this.#lossSum = 0;
    this.#lossRows = 0;
    this.#given.onEvent?.({ type: "epoch", record, improved: false });
    this.#save();
  }

  #stopIfAsked(): void {
    if (!this.#given.signal?.aborted) return;
    this.#save();
    throw new InterruptedError(`stopped at step ${this.#learner.steps}; progress is saved`, {
      details: { step: this.#learner.steps, window: this.history.length },
      hint: "run the same command with --resume to go on",
    });
  }

  #save(): void {
    const progress: Progress = {
      version: 1,
      fingerprint: this.#fingerprint,
      steps: this.#learner.steps,
      epoch: 0,
      batch: 0,
      stream: { trained: this.#trained, predicted: this.#predicted, pending: this.#pending },
      learningRate: this.#learner.learningRate,
      lossSum: this.#lossSum,
      lossRows: this.#lossRows,
      schedule: { best: null, bestEpoch: null, failures: 0 },
      history: this.history,
      finished: this.#trained === this.#given.train.rows && this.#pending === null,
      seconds: this.seconds,
    };
    this.#checkpoints.saveCurrent(progress, weightViews(this.#learner.weights), this.#snapshot);
    this.#given.onEvent?.({ type: "checkpoint", step: this.#learner.steps });
  }

  #resume(): void {
    const saved = this.#checkpoints.loadCurrent();
    if (saved === undefined) return;
    const { progress, weights, before } = saved;
    checkFingerprint(progress, this.#fingerprint);
    restoreSnapshot(this.#learner.weights, weights);
    if (this.#streaming.alarm !== null) this.#snapshot = before;
    this.#learner.steps = progress.steps;
    this.#learner.learningRate = progress.learningRate;
    this.#trained = progress.stream?.trained ?? 0;
    this.#predicted = progress.stream?.predicted ?? 0;
    this.#pending = progress.stream?.pending ?? null;
    this.#lossSum = progress.lossSum;
    this.#lossRows = progress.lossRows;
    this.history = [...progress.history];
    this.#secondsBefore = progress.seconds;
    this.#given.onEvent?.({ type: "resumed", epoch: this.history.length, batch: 0, steps: progress.steps });
  }
}
