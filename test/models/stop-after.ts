/** Runs training again and again, each time stopped after some steps, until it comes to its end. */
import { InterruptedError } from "../../src/core/index.ts";
import type { TrainResult, TrainingListener } from "../../src/training/index.ts";
import { RecordedCheckpoints } from "./recorded-checkpoints.ts";

export interface Sitting {
  readonly checkpoints: RecordedCheckpoints;
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: TrainingListener;
}

/** @param steps events of a sitting until it is stopped; one entry a sitting, the last one being allowed to end */
export async function inSittings(
  steps: readonly number[],
  run: (sitting: Sitting) => Promise<TrainResult>,
): Promise<TrainResult> {
  const checkpoints = new RecordedCheckpoints();
  for (const most of steps) {
    const controller = new AbortController();
    let seen = 0;
    const onEvent: TrainingListener = ({ type }) => {
      if (type === "step" && ++seen === most) controller.abort();
    };
    try {
      return await run({ checkpoints, resume: true, signal: controller.signal, onEvent });
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
    }
  }
  return run({ checkpoints, resume: true, signal: new AbortController().signal, onEvent: () => {} });
}
