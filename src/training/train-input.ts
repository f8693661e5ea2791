/** What training is given, and what comes of it. */
import type { z } from "zod";
import type { Engine } from "../engine/index.ts";
import type { Model } from "../module/index.ts";
import type { BatchSource, FeatureMap } from "../schema/index.ts";
import type { CheckpointStore, EpochRecord } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { TrainingListener } from "./events.ts";
import type { Objective } from "./graphs.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Learner } from "./step.ts";
import type { trainingOptions } from "./training-options.ts";

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
  /** What training on a stream goes on from: weights with optimizer state, and the map they were learned with. */
  readonly start?: { readonly snapshot: Snapshot; readonly map: FeatureMap; readonly steps: number };
  /** Anything else that decides the numbers, such as the data's hash; guards resuming. */
  readonly fingerprint?: string;
  readonly onEvent?: TrainingListener;
  /** Aborted: the step in hand is finished, a checkpoint saved, InterruptedError thrown. */
  readonly signal?: AbortSignal;
  /** Asked after each epoch (each merge, where branches are merged): true ends training there, as if it had been the last. */
  readonly stopAfterEpoch?: () => boolean;
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
