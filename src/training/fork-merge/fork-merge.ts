/**
 * ForkMerge: branches start from the same weights and train for some steps each, with loss weights of their
 * own; then all go on from the mixture of their weights that validates best for the target task.
 *
 *     θ - η(g_0 + λ g_1) = (1 - λ)[θ - η g_0] + λ[θ - η(g_0 + g_1)]
 *
 * so that after one step of plain SGD, choosing a mixture is choosing a loss weight after the fact.
 *
 * All branches see the same batches with the same dropout. What is returned is the best mixture over all
 * merges. Jiang et al., "ForkMerge: Mitigating Negative Transfer in Auxiliary-Task Learning", NeurIPS 2023,
 * arXiv:2301.12618.
 */
import { ConfigError, InterruptedError, nearestName } from "../../core/index.ts";
import { binaryMetrics, parseBinaryMetric } from "../../evaluation/index.ts";
import type { BatchSource } from "../../schema/index.ts";
import { type CheckpointStore, type EpochRecord, MemoryCheckpoints, type Progress } from "../checkpoint.ts";
import { measure, predictSplit } from "../evaluate.ts";
import { monitoredValue } from "../monitor.ts";
import { multiTaskOptions } from "../multi-task/options.ts";
import { PlateauSchedule } from "../schedule.ts";
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
import { cloneWeights, mixWeights, restoreWeights } from "../weight-tree.ts";
import { batchesFrom, type Position } from "./batches-from.ts";
import { type Branch, enter, mixSnapshots, packBranches, unpackBranch, withWeights } from "./branch-state.ts";
import { chooseMixture, type MergeChoice } from "./merge.ts";
import type { ForkMergeOptions } from "./options.ts";

/** @throws ConfigError without a validation split, or for unknown labels */
export async function forkMerge(
  given: TrainInput,
  options: TrainingOptions,
  settings: ForkMergeOptions,
): Promise<TrainResult> {
  if (given.valid === undefined) {
    throw new ConfigError("fork_merge chooses mixtures on a validation split, and there is none", {
      hint: "name data.valid, or take a part of the training data by data.split",
    });
  }
  const { lossWeights = {} } = options.multiTask ?? {};
  // Branches differ by loss weights alone, so one graph with fed factors serves all.
  const multiTask = { ...multiTaskDefaults, ...options.multiTask, lossWeights };
  const learner = await createLearner(given, { ...options, multiTask });
  const run = new ForkMergeRun(given, options, settings, learner);
  if (given.resume) run.resume();
  await run.train();
  return run.result();
}

const multiTaskDefaults = multiTaskOptions.parse({});

class ForkMergeRun {
  readonly #given: TrainInput;
  readonly #options: TrainingOptions;
  readonly #settings: ForkMergeOptions;
  readonly #learner: Learner;
  readonly #schedule: PlateauSchedule;
  readonly #checkpoints: CheckpointStore;
  readonly #fingerprint: string;
  readonly #target: string;
  readonly #sign: 1 | -1;
  /** A learner's state before any step, for states that start anew. */
  readonly #fresh: Snapshot;
  #branches: Branch[];
  #position: Position = { epoch: 0, batch: 0 };
  /** Steps each branch has taken. */
  #steps = 0;
  #history: EpochRecord[] = [];
  #finished = false;
  #secondsBefore = 0;
  readonly #began = performance.now();

  constructor(given: TrainInput, options: TrainingOptions, settings: ForkMergeOptions, learner: Learner) {
    this.#given = given;
    this.#options = options;
    this.#settings = settings;
    this.#learner = learner;
    this.#schedule = new PlateauSchedule(options);
    this.#checkpoints = given.checkpoints ?? new MemoryCheckpoints();
    this.#fingerprint = fingerprintOf(given, options);
    const { tasks } = learner.graph;
    this.#target = known(settings.target ?? options.monitorLabel ?? tasks[0], tasks, "target");
    const { higherIsBetter = true } = binaryMetrics[parseBinaryMetric(options.monitor).family];
    this.#sign = (options.monitorMode ?? (higherIsBetter ? "max" : "min")) === "max" ? 1 : -1;
    this.#fresh = takeSnapshot(learner.weights);
    this.#branches = this.#lossWeights().map((lossWeights, number) => ({
      number,
      lossWeights,
      snapshot: this.#fresh,
    }));
  }

  /** By branch, in the order of the tasks. */
  #lossWeights(): number[][] {
    const { tasks } = this.#learner.graph;
    const { branches } = this.#settings;
    if (branches === undefined) {
      const others = tasks.filter((task) => task !== this.#target);
      return [undefined, ...others].map((other) =>
        tasks.map((task) => (task === this.#target || task === other ? 1 : 0)),
      );
    }
    for (const branch of branches) for (const task of Object.keys(branch)) known(task, tasks, "branches");
    return branches.map((branch) => tasks.map((task) => branch[task] ?? 0));
  }

  async train(): Promise<void> {
    while (!this.#finished && this.#position.epoch < this.#options.epochs) {
      await this.#round();
      if (stopsHere(this.#given)) break;
    }
    const best = this.#schedule.state.bestEpoch === null ? undefined : this.#checkpoints.loadBest();
    if (best !== undefined) restoreSnapshot(this.#learner.weights, best);
  }

  async result(): Promise<TrainResult> {
    return {
      learner: this.#learner,
      history: this.#history,
      steps: this.#steps,
      bestEpoch: this.#schedule.state.bestEpoch,
      valid: await validation(this.#learner, this.#given, this.#options),
      seconds: this.#seconds(),
    };
  }

  async #round(): Promise<void> {
    const began = performance.now();
    const learner = this.#learner;
    const { train } = this.#given;
    const { mergeEverySteps } = this.#settings;
    const branches = this.#branches.map(({ number }) => number);
    const from = { steps: learner.steps, position: this.#position };
    let loss = 0;
    let rows = 0;
    for (const [b, branch] of this.#branches.entries()) {
      learner.steps = from.steps;
      enter(learner, branch);
      for await (const { batch, next } of batchesFrom(train, this.#options, from.position, mergeEverySteps)) {
        this.#stopIfAsked();
        const own = await learner.step(batch);
        this.#position = next;
        if (b > 0) continue;
        loss += own * batch.size;
        rows += batch.size;
        this.#tell(own, learner.steps - from.steps);
      }
      branch.snapshot = takeSnapshot(learner.weights);
    }
    const steps = learner.steps - from.steps;
    const choice = await this.#merge();
    const seconds = (performance.now() - began) / 1000;
    await this.#endRound(choice, { trainLoss: loss / rows, seconds, steps, branches });
  }

  #tell(loss: number, stepsOfRound: number): void {
    const { train, onEvent } = this.#given;
    const { batchSize, epochs } = this.#options;
    const { epoch, batch } = this.#position;
    onEvent?.({
      type: "step",
      epoch: Math.min(epoch, epochs - 1),
      epochs,
      step: this.#steps + stepsOfRound,
      rows: Math.min(train.rows, batch * batchSize),
      epochRows: train.rows,
      loss,
      samplesPerSecond: 0,
      learningRate: this.#learner.learningRate,
    });
  }

  /** Mixes the branches; all of them, and the learner, then hold the mixture. */
  async #merge(): Promise<MergeChoice> {
    const learner = this.#learner;
    const branches = this.#branches;
    const trees = branches.map((branch) => {
      enter(learner, branch);
      return cloneWeights(learner.weights);
    });
    const choice = await chooseMixture(trees.length, this.#settings, async (coefficients) => {
      restoreWeights(learner.weights, mixWeights(trees, coefficients));
      const { value } = (await this.#observe()).observed;
      return value === null ? Number.NEGATIVE_INFINITY : this.#sign * value;
    });
    const merged = mixWeights(trees, choice.coefficients);
    const { optimizerState } = this.#settings;
    const snapshots = branches.map(({ snapshot }) => snapshot);
    const averaged = optimizerState === "average" ? mixSnapshots(snapshots, choice.coefficients) : undefined;
    for (const branch of branches) {
      if (optimizerState === "reset") branch.snapshot = this.#fresh;
      branch.snapshot = averaged ?? withWeights(learner, branch, merged);
    }
    if (optimizerState === "reset") learner.steps = 0;
    if (this.#history.length === 0) this.#branches = this.#kept(choice.coefficients);
    enter(learner, this.#branches[0]);
    return choice;
  }

  /** The branches that go on after the first merge. */
  #kept(coefficients: readonly number[]): Branch[] {
    const { keepBranches } = this.#settings;
    if (keepBranches === undefined) return this.#branches;
    const ranked = this.#branches
      .map((branch, b) => ({ branch, share: coefficients[b] }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share || a.branch.number - b.branch.number);
    return ranked
      .slice(0, keepBranches)
      .map(({ branch }) => branch)
      .sort((a, b) => a.number - b.number);
  }

  /** The target's metric of what the learner holds. */
  async #observe() {
    const { map, valid } = this.#given;
    const { batchSize, monitor, metrics } = this.#options;
    const split = await predictSplit(this.#learner, valid as BatchSource, { batchSize, schema: map });
    const monitored = { monitor, monitorLabel: this.#target };
    const observed = monitoredValue(measure(split, [monitor]).metrics, map, monitored);
    if (observed === undefined) {
      throw new ConfigError(`fork_merge: ${this.#target} has no metric ${monitor}`, {
        details: { target: this.#target, monitor },
        hint: "choose another `monitor`, or another `target`",
      });
    }
    return { observed, evaluation: () => measure(split, metrics) };
  }

  async #endRound(choice: MergeChoice, { trainLoss, seconds, steps, branches }: RoundFigures): Promise<void> {
    const { onEvent } = this.#given;
    const { learningRate } = this.#learner;
    const round = this.#history.length;
    this.#steps += steps;
    const { observed, evaluation } = await this.#observe();
    const finite = (score: number): number | null => (Number.isFinite(score) ? this.#sign * score : null);
    const valid = evaluation();
    const record: EpochRecord = {
      epoch: round,
      steps: this.#steps,
      trainLoss,
      learningRate,
      seconds,
      valid: plainMetrics(valid),
      merge: {
        branches,
        coefficients: choice.coefficients,
        branchScores: choice.branchScores.map(finite),
        score: finite(choice.score),
      },
    };
    const decision = this.#schedule.observe(observed, round, learningRate);
    if (decision.learningRate !== learningRate) {
      onEvent?.({ type: "rate", from: learningRate, to: decision.learningRate });
      this.#learner.learningRate = decision.learningRate;
    }
    if (decision.improved) this.#checkpoints.saveBest(this.#steps, weightViews(this.#learner.weights));
    this.#history.push(record);
    onEvent?.({ type: "epoch", record, improved: decision.improved, evaluation: valid });
    if (decision.stop) {
      this.#finished = true;
      const { failures } = this.#schedule.state;
      onEvent?.({
        type: "stopped",
        reason: `${this.#options.monitor} has not improved for ${failures} validations`,
      });
    }
    this.#save();
  }

  /** A round that was begun is begun again on resuming, so there is nothing to save in its middle. */
  #stopIfAsked(): void {
    if (!this.#given.signal?.aborted) return;
    throw new InterruptedError(`stopped after ${this.#history.length} merges; progress is saved`, {
      details: { merges: this.#history.length },
      hint: "run the same command with --resume to go on",
    });
  }

  #save(): void {
    const { epoch, batch } = this.#position;
    const progress: Progress = {
      version: 1,
      fingerprint: this.#fingerprint,
      steps: this.#steps,
      branches: this.#branches.map(({ number }) => number),
      epoch,
      batch,
      learningRate: this.#learner.learningRate,
      lossSum: 0,
      lossRows: 0,
      schedule: { ...this.#schedule.state },
      history: this.#history,
      finished: this.#finished,
      seconds: this.#seconds(),
    };
    this.#checkpoints.saveCurrent(progress, packBranches(this.#branches));
    this.#given.onEvent?.({ type: "checkpoint", step: this.#steps });
  }

  resume(): void {
    const saved = this.#checkpoints.loadCurrent();
    if (saved === undefined) return;
    const { progress, weights } = saved;
    checkFingerprint(progress, this.#fingerprint);
    this.#branches = this.#branches
      .filter(({ number }) => progress.branches?.includes(number))
      .map((branch) => ({ ...branch, snapshot: unpackBranch(weights, branch.number) }));
    this.#steps = progress.steps;
    this.#learner.steps = this.#settings.optimizerState === "reset" ? 0 : progress.steps;
    this.#learner.learningRate = progress.learningRate;
    Object.assign(this.#schedule.state, progress.schedule);
    this.#position = { epoch: progress.epoch, batch: progress.batch };
    this.#history = [...progress.history];
    this.#finished = progress.finished;
    this.#secondsBefore = progress.seconds;
    enter(this.#learner, this.#branches[0]);
    this.#given.onEvent?.({
      type: "resumed",
      epoch: progress.epoch,
      batch: progress.batch,
      steps: this.#steps,
    });
  }

  #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }
}

interface RoundFigures {
  /** Of the first branch. */
  readonly trainLoss: number;
  readonly seconds: number;
  /** Steps each branch took. */
  readonly steps: number;
  /** Numbers of the branches that were merged. */
  readonly branches: readonly number[];
}

/** @throws ConfigError with the nearest task */
function known(task: string, tasks: readonly string[], option: string): string {
  if (tasks.includes(task)) return task;
  const near = nearestName(task, tasks);
  throw new ConfigError(`training.fork_merge.${option}: the model has no task "${task}"`, {
    details: { task, tasks },
    hint: near === undefined ? `its tasks are ${tasks.join(", ")}` : `did you mean ${near}?`,
  });
}
