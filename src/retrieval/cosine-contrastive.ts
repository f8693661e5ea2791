/**
 * Cosine contrastive loss: positives are pulled to a cosine of 1, drawn items pushed away only where they lie above a
 * margin, so that the many easy ones do not outvote the few hard ones.
 *
 *     loss = mean over (u, i) of [ 1 - s_ui + w · mean over drawn j of max(0, s_uj - m) ],   s = cosine
 *
 * Mao et al. ("SimpleX"), CIKM 2021, arXiv:2109.12613, equation 1. All users of a step share the drawn items, where the
 * paper draws them for each positive; a query's own positive is left out, and with `leaveOutTaken` whatever its user
 * took.
 */
import { z } from "zod";
import { add, div, maximum, mul, squeeze, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";
import { distributionOption } from "./distribution.ts";
import { countLeft, leaveOutOption, withoutOwn } from "./leave-out.ts";
import { weightedMean } from "./own-negatives.ts";

export const cosineContrastiveOptions = z.strictObject({
  name: z.literal("cosine_contrastive"),
  negatives: z
    .number()
    .int()
    .positive()
    .default(800)
    .describe("Items drawn in a step, shared by all its queries; rounded up as with `softmax`."),
  distribution: distributionOption,
  leaveOutTaken: leaveOutOption,
  margin: z.number().min(-1).lt(1).default(0.9).describe("Cosine up to which a drawn item costs nothing."),
  negativeWeight: z.number().positive().default(150).describe("Weight of the mean over the drawn items."),
});

export type CosineContrastiveOptions = z.output<typeof cosineContrastiveOptions>;

/** @param contest its model scores by cosine, undivided */
export function cosineContrastiveLoss(
  contest: Contest,
  { margin, negativeWeight }: Pick<CosineContrastiveOptions, "margin" | "negativeWeight">,
): { [name: string]: Tensor } {
  const { model, users, positives, negatives, weights } = contest;
  const scores = withoutOwn(model.scoreAll(users, negatives as Tensor), contest); // [queries, negatives]
  const above = sum(maximum(sub(scores, margin), 0), { axes: [1], keepDims: true });
  const drawn = squeeze(div(above, maximum(countLeft(scores), 1)), 1);
  const positive = sub(1, model.scorePairs(users, positives));
  return { cosine_contrastive: weightedMean(add(positive, mul(drawn, negativeWeight)), weights) };
}
