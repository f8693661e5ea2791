/**
 * Early stopping and learning-rate cuts on a monitored metric, as FuxiCTR does: each validation that
 * does not improve by more than `minDelta` cuts the rate and counts; enough of them in a row end training.
 */
import { z } from "zod";
import { binaryMetrics, type MetricValue, parseBinaryMetric } from "../evaluation/index.ts";
import { ConfigError } from "../core/index.ts";

export const scheduleOptions = z.strictObject({
  monitor: z
    .string()
    .default("auc")
    .describe(
      "Validation metric that decides which epoch is best; of real labels alone the default is `rmse`.",
    ),
  monitorLabel: z
    .string()
    .optional()
    .describe("Label whose metric is monitored. Default: the mean over all labels that have it."),
  monitorMode: z.enum(["max", "min"]).optional().describe("Default: the direction the metric is better in."),
  earlyStopPatience: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(2)
    .describe("Stop at this many validations in a row without improvement; null: never."),
  reduceLrOnPlateau: z
    .boolean()
    .default(true)
    .describe("Cut the learning rate when a validation does not improve."),
  lrDecay: z.number().gt(0).lt(1).default(0.1).describe("Factor of a cut."),
  minLearningRate: z.number().nonnegative().default(1e-6).describe("The rate is never cut below this."),
  minDelta: z.number().nonnegative().default(1e-6).describe("Smaller improvements do not count."),
});

export type ScheduleOptions = z.output<typeof scheduleOptions>;

export interface ScheduleState {
  /** Best monitored value so far, as it was measured. */
  best: number | null;
  bestEpoch: number | null;
  /** Validations in a row without improvement. */
  failures: number;
}

export interface ScheduleDecision {
  readonly improved: boolean;
  readonly learningRate: number;
  readonly stop: boolean;
}

export class PlateauSchedule {
  readonly state: ScheduleState = { best: null, bestEpoch: null, failures: 0 };
  readonly #options: ScheduleOptions;
  readonly #sign: 1 | -1;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    const { higherIsBetter } = binaryMetrics[parseBinaryMetric(options.monitor).family];
    const mode =
      options.monitorMode ?? (higherIsBetter === undefined ? undefined : higherIsBetter ? "max" : "min");
    if (mode === undefined) {
      throw new ConfigError(`monitor: ${options.monitor} has no direction of its own`, {
        hint: "say monitor_mode: max or min, or monitor another metric",
      });
    }
    this.#sign = mode === "max" ? 1 : -1;
  }

  /** Takes a validation's value; an undefined metric counts as no improvement. */
  observe(value: MetricValue, epoch: number, learningRate: number): ScheduleDecision {
    const { state } = this;
    const { minDelta, earlyStopPatience, reduceLrOnPlateau, lrDecay, minLearningRate } = this.#options;
    const gain =
      value.value === null ? -1 : state.best === null ? 1 : this.#sign * (value.value - state.best);
    if (gain > minDelta) {
      Object.assign(state, { best: value.value, bestEpoch: epoch, failures: 0 });
      return { improved: true, learningRate, stop: false };
    }
    state.failures++;
    const cut = reduceLrOnPlateau ? Math.max(minLearningRate, learningRate * lrDecay) : learningRate;
    const stop = earlyStopPatience !== null && state.failures >= earlyStopPatience;
    return { improved: false, learningRate: Math.min(cut, learningRate), stop };
  }
}
