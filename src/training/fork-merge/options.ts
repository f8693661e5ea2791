/** Forking and merging, as the configuration says it. */
import { z } from "zod";

export const forkMergeOptions = z
  .strictObject({
    target: z
      .string()
      .optional()
      .describe(
        "The task whose validation metric chooses the mixture. Default: `monitor_label`, or the first label.",
      ),
    branches: z
      .array(z.record(z.string(), z.number().nonnegative()))
      .min(1)
      .optional()
      .describe(
        "Loss weights of each branch, by label; labels that are not named have 0. Default: the target alone, and " +
          "the target with each other task.",
      ),
    mergeEverySteps: z.number().int().positive().describe("Steps each branch takes between two merges."),
    gridSteps: z
      .number()
      .int()
      .positive()
      .default(5)
      .describe("Mixture weights that are tried: 0, 1/n, …, 1."),
    search: z
      .enum(["greedy", "exhaustive"])
      .default("greedy")
      .describe("`greedy`: branch after branch, best first; `exhaustive`: every mixture on the grid."),
    optimizerState: z
      .enum(["keep", "reset", "average"])
      .default("keep")
      .describe(
        "What becomes of the branches' optimizer states when they are merged: each keeps its own, all start anew, " +
          "or they are mixed as the weights are.",
      ),
    keepBranches: z
      .number()
      .int()
      .positive()
      .optional()
      .describe(
        "After the first merge, go on with this many of the branches that had a share in it, the largest shares " +
          "first. Default: with all.",
      ),
  })
  .describe("train branches with different loss weights and merge them by validation (ForkMerge)");

export type ForkMergeOptions = z.output<typeof forkMergeOptions>;
