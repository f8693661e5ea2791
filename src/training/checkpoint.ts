/** What is kept of a run's progress, and the store interface; `training/node` keeps it in directories. */
import type { MergeRecord } from "./fork-merge/merge.ts";
import type { LogitGradients } from "./logit-gradients.ts";
import type { TaskRecord } from "./multi-task/task-meter.ts";
import type { ScheduleState } from "./schedule.ts";
import type { StreamProgress, StreamRecord } from "./streaming/stream-training.ts";
import type { Snapshot } from "./snapshot.ts";

/** One line of a run's history: an epoch's training loss and validation. */
export interface EpochRecord {
  readonly epoch: number;
  /** Which phase it belongs to, where there are several. */
  readonly phase?: string;
  /** How the losses of several tasks were weighed, and what the tasks did to each other. */
  readonly tasks?: TaskRecord;
  /** Mean size of the loss's gradients on the logits by label, where it is recorded. */
  readonly logitGradients?: { readonly [label: string]: LogitGradients };
  /** What became of the branches, where training forks and merges. */
  readonly merge?: MergeRecord;
  readonly steps: number;
  readonly trainLoss: number;
  readonly learningRate: number;
  readonly seconds: number;
  /** Validation metrics by label and name; on a stream, those of the window before it was trained on. */
  readonly valid?: { readonly [label: string]: { readonly [metric: string]: number | null } };
  /** Of a window, where training is on a stream. */
  readonly stream?: StreamRecord;
}

/** Where training stands; plain JSON. */
export interface Progress {
  readonly version: 1;
  /** Hash of everything that decides the numbers; another one cannot resume. */
  readonly fingerprint: string;
  readonly steps: number;
  /** Which of several phases this is. */
  readonly stage?: { readonly index: number; readonly stepsBefore: number };
  /** Branches that are still trained, where training forks and merges. */
  readonly branches?: readonly number[];
  readonly epoch: number;
  /** Batches of this epoch already learned from. */
  readonly batch: number;
  /** Where a stream stands. */
  readonly stream?: StreamProgress;
  readonly learningRate: number;
  /** Sum of loss times rows, and rows, of this epoch so far. */
  readonly lossSum: number;
  readonly lossRows: number;
  readonly schedule: ScheduleState;
  readonly history: readonly EpochRecord[];
  /** Early stopping ended it; a run at its last epoch goes on when `epochs` is raised. */
  readonly finished: boolean;
  readonly seconds: number;
}

export interface Checkpoint {
  readonly progress: Progress;
  readonly weights: Snapshot;
  /** What a stream rolls back to, where it can. */
  readonly before?: Snapshot;
}

/** Keeps checkpoints in memory (library use without a directory) or in a run directory. */
export interface CheckpointStore {
  /** All of it or nothing: a stream resumed must find the snapshot that belongs to its weights. */
  saveCurrent(progress: Progress, weights: Snapshot, before?: Snapshot): void;
  loadCurrent(): Checkpoint | undefined;
  saveBest(step: number, weights: Snapshot): void;
  loadBest(): Snapshot | undefined;
}

/** Only the best weights, copied; a run without a directory cannot be resumed. */
export class MemoryCheckpoints implements CheckpointStore {
  #best: Snapshot | undefined;

  saveCurrent(_progress?: Progress, _weights?: Snapshot, _before?: Snapshot): void {}

  loadCurrent(): Checkpoint | undefined {
    return undefined;
  }

  saveBest(_: number, weights: Snapshot): void {
    this.#best = new Map([...weights].map(([name, bytes]) => [name, bytes.slice()]));
  }

  loadBest(): Snapshot | undefined {
    return this.#best;
  }
}
