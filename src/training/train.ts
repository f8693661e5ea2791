/** Training a model on a split, by whichever method the options ask for. */
import { ConfigError, parseOptions } from "../core/index.ts";
import { forkMerge } from "./fork-merge/fork-merge.ts";
import { streamTraining } from "./streaming/stream-training.ts";
import { defaultMonitor } from "./monitor.ts";
import { trainPhases } from "./phases/train-phases.ts";
import type { TrainInput, TrainResult } from "./train-input.ts";
import { trainingOptions } from "./training-options.ts";
import { TrainingRun } from "./training-run.ts";

/** @throws ConfigError for options that contradict each other or name what the model does not have */
export async function train(given: TrainInput): Promise<TrainResult> {
  const monitor = defaultMonitor(given.map, given.options ?? {});
  const options = parseOptions(
    trainingOptions,
    { ...given.options, monitor: given.options?.monitor ?? monitor },
    "train",
  );
  if (options.phases !== undefined && options.forkMerge !== undefined) {
    throw new ConfigError("training runs in phases or forks and merges, not both", {
      hint: "leave out training.phases or training.fork_merge",
    });
  }
  if (options.streaming !== undefined) return streamTraining(given, options, options.streaming);
  if (options.phases !== undefined) return trainPhases(given, options, options.phases);
  if (options.forkMerge !== undefined) return forkMerge(given, options, options.forkMerge);
  const run = await TrainingRun.start(given, options);
  await run.train();
  return run.result();
}
