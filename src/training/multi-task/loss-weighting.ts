/**
 * Factors on the tasks' losses. A weighting is asked for factors before a step and told afterwards what
 * the losses (and, where it wants them, the gradient norms) were; its whole memory is one array of
 * numbers, which checkpoints keep.
 */
import type { OptimizerOptions } from "../optimizer-options.ts";
import { DynamicWeightAverage } from "./dynamic-weight-average.ts";
import { GradNorm } from "./grad-norm.ts";
import type { MultiTaskOptions } from "./options.ts";
import { UncertaintyWeighting } from "./uncertainty.ts";

/** What a step showed. */
export interface ObservedStep {
  /** Each task's loss without factors. */
  readonly losses: readonly number[];
  /** Norm of each task's gradient without factors on the probed weights; empty unless asked for. */
  readonly norms: readonly number[];
  readonly learningRate: number;
}

export interface LossWeighting {
  /** Everything a later step depends on. */
  readonly state: Float64Array;
  /** Factors of the next step, in the order of the tasks. */
  factors(): readonly number[];
  observe(step: ObservedStep): void;
  endEpoch(): void;
}

export interface WeightedTask {
  readonly name: string;
  readonly kind: "binary" | "real";
}

/** The weighting the options ask for, without the fixed weights; undefined where factors never move. */
export function lossWeighting(
  options: MultiTaskOptions,
  tasks: readonly WeightedTask[],
  { beta1, beta2, epsilon }: OptimizerOptions,
): LossWeighting | undefined {
  switch (options.weighting) {
    case "uncertainty":
      return new UncertaintyWeighting(tasks, { beta1, beta2, epsilon });
    case "gradnorm":
      return new GradNorm(tasks.length, {
        alpha: options.gradnormAlpha,
        learningRate: options.gradnormLearningRate,
      });
    case "dwa":
      return new DynamicWeightAverage(tasks.length, options.dwaTemperature);
    case "fixed":
      return undefined;
  }
}
