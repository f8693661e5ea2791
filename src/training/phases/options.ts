/** One phase of training, as the configuration says it. */
import { z } from "zod";

const paths = (what: string) => z.array(z.string()).min(1).optional().describe(what);

export const phaseOptions = z
  .strictObject({
    name: z.string().min(1).describe("What the phase is called in the history."),
    epochs: z.number().int().nonnegative().describe("Most passes over its rows."),
    learningRateFactor: z
      .number()
      .positive()
      .default(1)
      .describe("Step size at its start, as a multiple of the whole training's."),
    lossWeights: z
      .record(z.string(), z.number().nonnegative())
      .optional()
      .describe("Factor on each task's loss in this phase, by label. Default: those of `multi_task`."),
    earlyStopPatience: z
      .number()
      .int()
      .positive()
      .nullable()
      .optional()
      .describe("Validations in a row without improvement that end it. Default: that of the whole training."),
    train: paths(
      "Paths of weights and tables that move, all others standing still; `*` is any one step of a path, " +
        "`{domain}` the domain's number with `each_domain`.",
    ),
    freeze: paths("Paths of weights and tables that stand still."),
    tie: paths(
      "Paths of weights that are one in this phase, such as `heads.towers.click.*`: what the last `*` stands for is " +
        "tied.",
    ),
    domains: paths("Values of the domain column whose rows are learned from. Default: all."),
    eachDomain: z
      .boolean()
      .default(false)
      .describe("Once for each domain, on its rows alone, stopping by its own validation rows."),
    still: z
      .boolean()
      .optional()
      .describe(
        "No dropout, and batch norm reads its running statistics without changing them. Default: where something " +
          "is frozen.",
      ),
  })
  .describe("one phase");

export type PhaseOptions = z.output<typeof phaseOptions>;
