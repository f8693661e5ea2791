/**
 * Factors on the tasks' losses. A weighting is asked for factors before a step and told afterwards what
 * the losses (and, where it wants them, the gradient norms) were; its whole memory is one array of
 * numbers, which checkpoints keep.
 */
import type { OptimizerOptions } from "../optimizer-options.ts";
import { AutoLambda } from "./auto-lambda.ts";
import { AuxiliaryReweighting } from "./auxiliary-reweighting.ts";
import { DynamicWeightAverage } from "./dynamic-weight-average.ts";
import { GradNorm } from "./grad-norm.ts";
import type { Products } from "./gradient-mixing.ts";
import { ImpartialLosses } from "./impartial-losses.ts";
import { OnlineAuxiliary } from "./online-auxiliary.ts";
import type { MultiTaskOptions } from "./options.ts";
import { UncertaintyWeighting } from "./uncertainty.ts";

/** What a step showed. */
export interface ObservedStep {
  /** Each task's loss without factors. */
  readonly losses: readonly number[];
  /** Norm of each task's gradient without factors on the probed weights; empty unless asked for. */
  readonly norms: readonly number[];
  /** Inner products of the tasks' gradients without factors, on shared weights; empty unless asked for. */
  readonly products: Products;
  /**
   * Inner product of each task's gradient of the step before with the main task's of this one, without
   * factors; empty unless asked for, and in the first step.
   */
  readonly ahead: readonly number[];
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

/**
 * The weighting the options ask for, without the fixed weights; undefined where factors never move.
 *
 * @param main position of the task that others are weighed for
 */
export function lossWeighting(
  options: MultiTaskOptions,
  { tasks, main }: { readonly tasks: readonly WeightedTask[]; readonly main: number },
  { beta1, beta2, epsilon }: OptimizerOptions,
): LossWeighting | undefined {
  const { weightingRate: rate, weightingEverySteps: everySteps } = options;
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
    case "imtl":
      return new ImpartialLosses(tasks.length, { beta1, beta2, epsilon });
    case "ol-aux":
      return new OnlineAuxiliary(tasks.length, { main, rate, everySteps });
    case "arml":
      return new AuxiliaryReweighting(tasks.length, { main, rate, everySteps });
    case "auto-lambda":
      return new AutoLambda(tasks.length, { rate });
    case "fixed":
      return undefined;
  }
}
