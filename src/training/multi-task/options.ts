/** How the losses of several tasks become one step, as the configuration says it. */
import { z } from "zod";

const perTask = (what: string) => z.record(z.string(), z.number().nonnegative()).describe(what);

export const multiTaskOptions = z
  .strictObject({
    lossWeights: perTask(
      "Factor on each task's loss, by label; labels that are not named have 1.",
    ).optional(),
    weighting: z
      .enum(["fixed", "uncertainty", "gradnorm", "dwa"])
      .default("fixed")
      .describe(
        "How factors move: not at all; learned as task uncertainties; so that gradient norms are balanced; by how " +
          "fast losses fall from epoch to epoch.",
      ),
    gradients: z
      .enum(["sum", "pcgrad", "mgda", "cagrad", "imtl", "nash", "gcs"])
      .default("sum")
      .describe(
        "How the tasks' gradients on shared weights become one direction; all but `sum` run a backward pass a task.",
      ),
    optimizerState: z
      .enum(["shared", "per-task"])
      .default("shared")
      .describe(
        "`per-task` is AdaTask: each task has its own moments and accumulators on every weight and row, and the " +
          "tasks' steps are added.",
      ),
    stepScale: z
      .enum(["sum", "mean"])
      .default("sum")
      .describe("With per-task states: add the tasks' steps, as AdaTask does, or average them."),
    priorities: perTask(
      "With per-task states: factor on each task's step. Loss weights cancel there.",
    ).optional(),
    mainTask: z
      .string()
      .optional()
      .describe("The task that `gcs` protects from the others. Default: the first label."),
    shared: z
      .array(z.string())
      .optional()
      .describe(
        "Paths of weights and tables that count as shared (`bottom`, `experts.*`). Default: what the losses of at " +
          "least two tasks reach.",
      ),
    gradnormAlpha: z
      .number()
      .nonnegative()
      .default(1.5)
      .describe("GradNorm: how strongly tasks that learn slowly are helped; 0 only equalises norms."),
    gradnormLearningRate: z
      .number()
      .positive()
      .default(0.025)
      .describe("GradNorm: rate of the factors' Adam."),
    dwaTemperature: z.number().positive().default(2).describe("DWA: larger is nearer to equal factors."),
    cagradC: z
      .number()
      .min(0)
      .lt(1)
      .default(0.4)
      .describe("CAGrad: radius around the mean gradient, as a share of its norm; 0 is the plain sum."),
    measure: z
      .boolean()
      .default(false)
      .describe(
        "Record per epoch the cosine between tasks' gradients and each task's share of the squared updates of " +
          "every shared weight (AdaTask's rAU). Runs a backward pass a task.",
      ),
    dominanceDecay: z.number().gt(0).lt(1).default(0.99).describe("Decay of the average of squared updates."),
  })
  .describe("losses of several tasks: weights, gradient surgery, optimizer states");

export type MultiTaskOptions = z.output<typeof multiTaskOptions>;

/** Whether the step needs each task's gradients apart. */
export function needsSeparateGradients(options: MultiTaskOptions): boolean {
  return options.gradients !== "sum" || options.optimizerState === "per-task" || options.measure;
}

/** Whether the losses' factors are fed to the graph. */
export function needsFedWeights({ weighting, lossWeights }: MultiTaskOptions): boolean {
  return weighting !== "fixed" || lossWeights !== undefined;
}
