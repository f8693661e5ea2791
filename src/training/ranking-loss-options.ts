/** How cross entropy is combined with a loss that orders the rows of a batch, as a configuration says it. */
import { z } from "zod";
import { rankingKinds } from "../losses/index.ts";

export const rankingLossOptions = z
  .strictObject({
    kind: z
      .enum(rankingKinds)
      .default("pair")
      .describe(
        "`pair`: RankNet over pairs of a positive and a negative; `list`: softmax of each positive against the " +
          "batch; `rcr`: the same of sigmoids; `jrc`: rows of both classes among their own; `contrastive`: each " +
          "positive against all negatives; `none`: cross entropy alone, with focal weights.",
      ),
    alpha: z
      .number()
      .min(0)
      .max(1)
      .default(0.9)
      .describe("Share of cross entropy: α BCE + (1-α) ranking. With 0 predictions are not calibrated."),
    within: z
      .enum(["batch", "group"])
      .default("batch")
      .describe(
        "Which rows are compared: all of the batch, or those of one `group`. Rows of a group must then come in " +
          "one batch: store them together and say `shuffle: false`.",
      ),
    pairs: z
      .number()
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe("`pair`: so many pairs are drawn from each batch in place of all of them; null: all."),
    focalGamma: z
      .number()
      .nonnegative()
      .default(0)
      .describe("γ of focal weights on the rows of cross entropy; 0: none."),
    labels: z.array(z.string()).optional().describe("Binary labels that it holds for. Default: all of them."),
  })
  .describe("Cross entropy of binary labels is combined with a ranking loss over the batch.");

export type RankingLossOptions = z.output<typeof rankingLossOptions>;
