/** How a model is trained, as the configuration says it: optimizer, schedule, loop, methods. */
import { z } from "zod";
import { forkMergeOptions } from "./fork-merge/options.ts";
import { multiTaskOptions } from "./multi-task/options.ts";
import { optimizerOptions } from "./optimizer-options.ts";
import { phaseOptions } from "./phases/options.ts";
import { rankingLossOptions } from "./ranking-loss-options.ts";
import { scheduleOptions } from "./schedule.ts";

import { streamingOptions } from "./streaming/options.ts";

export const trainingOptions = z.strictObject({
  ...optimizerOptions.shape,
  ...scheduleOptions.shape,
  batchSize: z
    .number()
    .int()
    .positive()
    .max(2 ** 20, "at most 1048576 rows: a batch and its activations are held in memory")
    .default(4096)
    .describe("Rows of one step."),
  epochs: z.number().int().positive().default(10).describe("Most passes over the training split."),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(2024)
    .describe("Decides initial values, order of rows and dropout."),
  shuffle: z.boolean().default(true).describe("Visit rows in a new order each epoch."),
  domainBalance: z
    .boolean()
    .default(false)
    .describe("Each domain of a batch counts once in the loss, however many rows it has there."),
  rankingLoss: rankingLossOptions.optional(),
  logitGradients: z
    .boolean()
    .default(false)
    .describe(
      "Record the mean size of the loss's gradient on the logits of positives and of negatives, epoch by epoch.",
    ),
  multiTask: multiTaskOptions.optional(),
  phases: z
    .array(phaseOptions)
    .min(1)
    .optional()
    .describe("Train in phases, one after the other; `epochs` is then said for each."),
  forkMerge: forkMergeOptions.optional(),
  streaming: streamingOptions.optional(),
  metrics: z
    .array(z.string())
    .optional()
    .describe(
      "Metrics to report. Default: AUC, log loss, NE, ECE, calibration, and gAUC with groups; RMSE and MAE of real labels.",
    ),
  checkpointEverySteps: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "Also save in the middle of an epoch, after this many steps; null: at ends of epochs and on Ctrl-C.",
    ),
});

export type TrainingOptions = z.output<typeof trainingOptions>;
