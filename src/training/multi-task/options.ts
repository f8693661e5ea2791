/** How the losses of several tasks become one step, as the configuration says it. */
import { z } from "zod";

const perTask = (what: string) => z.record(z.string(), z.number().nonnegative()).describe(what);

export const multiTaskOptions = z
  .strictObject({
    lossWeights: perTask(
      "Factor on each task's loss, by label; labels that are not named have 1.",
    ).optional(),
    weighting: z
      .enum(["fixed", "uncertainty", "gradnorm", "dwa", "imtl", "ol-aux", "arml", "auto-lambda"])
      .default("fixed")
      .describe(
        "How factors move: not at all; learned as task uncertainties; so that gradient norms are balanced; by how " +
          "fast losses fall from epoch to epoch; so that weighted losses are equal (IMTL-L); and, in favour of " +
          "`main_task`, by how other tasks' gradients agree with its own: summed over steps (`ol-aux`), as the mixture " +
          "nearest to it (`arml`), or by what a step did to its loss on the next batch (`auto-lambda`).",
      ),
    weightingRate: z
      .number()
      .positive()
      .optional()
      .describe(
        "How fast factors move. Default: 0.1 (`ol-aux`), 0.05 (`arml`), 0.0001 (`auto-lambda`, of factors that start " +
          "at 0.1).",
      ),
    weightingEverySteps: z
      .number()
      .int()
      .positive()
      .optional()
      .describe("Steps between two moves of the factors of `ol-aux` (default: 5) and `arml` (default: 1)."),
    gradients: z
      .enum(["sum", "pcgrad", "mgda", "cagrad", "imtl", "nash", "gcs"])
      .default("sum")
      .describe(
        "How the tasks' gradients on shared weights become one direction; all but `sum` run a backward pass a task.",
      ),
    optimizerState: z
      .enum(["shared", "per-task", "mtadam"])
      .default("shared")
      .describe(
        "`per-task` is AdaTask: each task has its own moments and accumulators on every weight and row, and the " +
          "tasks' steps are added. `mtadam`: moments of their own, of gradients scaled to the first task's norm in " +
          "each weight and table, and one denominator, the largest.",
      ),
    stepScale: z
      .enum(["sum", "mean"])
      .default("sum")
      .describe("With per-task states and `mtadam`: add the tasks' steps, as both do, or average them."),
    priorities: perTask(
      "With per-task states: factor on each task's step; with `mtadam`: on each task's scaled gradient. Loss weights " +
        "cancel there.",
    ).optional(),
    mainTask: z
      .string()
      .optional()
      .describe(
        "The task that `gcs` protects from the others, and that `ol-aux`, `arml` and `auto-lambda` weigh them for. " +
          "Default: the first label.",
      ),
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
  return (
    options.gradients !== "sum" ||
    options.optimizerState !== "shared" ||
    options.measure ||
    needsProducts(options) ||
    looksAhead(options)
  );
}

/** Whether factors move by inner products of the tasks' gradients in one step. */
export function needsProducts({ weighting }: MultiTaskOptions): boolean {
  return weighting === "ol-aux" || weighting === "arml";
}

/** Whether factors move by inner products of one step's gradients with the next one's. */
export function looksAhead({ weighting }: MultiTaskOptions): boolean {
  return weighting === "auto-lambda";
}

/** Whether the losses' factors are fed to the graph. */
export function needsFedWeights({ weighting, lossWeights }: MultiTaskOptions): boolean {
  return weighting !== "fixed" || lossWeights !== undefined;
}
