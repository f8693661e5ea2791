/**
 * Binary cross entropy of what came next against drawn items, as SASRec is trained in its paper (one
 * negative a position):
 *
 *     loss = mean over queries of [ -ln σ(s⁺) - Σ over its negatives of ln(1 - σ(s⁻)) ]
 *
 * Kang and McAuley, ICDM 2018, arXiv:1808.09781, equation 6.
 */
import { z } from "zod";
import { add, neg, softplus, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";
import { distributionOption } from "./distribution.ts";
import { againstOwn, weightedMean } from "./own-negatives.ts";

export const binaryOptions = z.strictObject({
  name: z.literal("binary"),
  negatives: z.number().int().positive().default(1).describe("Items drawn for each positive."),
  distribution: distributionOption,
});

export function binaryLoss(contest: Contest): { [name: string]: Tensor } {
  const { positive, negative } = againstOwn(contest);
  const each = add(softplus(neg(positive)), sum(softplus(negative), { axis: 1 }));
  return { binary: weightedMean(each, contest.weights) };
}
