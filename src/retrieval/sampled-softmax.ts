/**
 * Softmax over a sample of the items: the query's own positive against C, the other positives of the batch
 * (`inBatch`), drawn items that all queries share, or both mixed.
 *
 *     loss = -ln [ e^{s⁺} / (e^{s⁺} + Σ_{j ∈ C} e^{s_j}) ],   s = score / temperature - log Q(item)
 *
 * `log Q` is the logarithm of how often the item is expected among the candidates: without it, popular items,
 * which stand in every batch, are pushed down. Yi et al., RecSys 2019 (in-batch with correction); Yang et
 * al., WWW 2020 Companion (in-batch mixed with uniform). A candidate that is the query's own positive once
 * more is left out, and with `leaveOutTaken` every drawn item that its user took.
 */
import { z } from "zod";
import { assert } from "../core/index.ts";
import { concat, equal, expandDims, logSumExp, mul, or, softplus, sub, where } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";
import { distributionOption } from "./distribution.ts";
import { isPositive, LEFT_OUT, leaveOutOption, withoutOwn } from "./leave-out.ts";
import { weightedMean } from "./own-negatives.ts";

export const softmaxOptions = z.strictObject({
  name: z.literal("softmax"),
  inBatch: z.boolean().default(false).describe("The batch's other positives are negatives."),
  negatives: z
    .number()
    .int()
    .nonnegative()
    .default(256)
    .describe(
      "Items drawn in a step, shared by all its queries; rounded up to a multiple of the batch size.",
    ),
  distribution: distributionOption,
  leaveOutTaken: leaveOutOption,
  logQ: z
    .boolean()
    .default(true)
    .describe("Correct scores for how often an item is expected among the candidates."),
  temperature: z.number().positive().default(1).describe("Scores are divided by it."),
});

export type SoftmaxOptions = z.output<typeof softmaxOptions>;

export function sampledSoftmaxLoss(
  contest: Contest,
  { inBatch, logQ, temperature }: Pick<SoftmaxOptions, "inBatch" | "logQ" | "temperature">,
): { [name: string]: Tensor } {
  const { model, users, positives, negatives, weights } = contest;
  const shifted = (scores: Tensor, correction: () => Tensor): Tensor => {
    const scaled = temperature === 1 ? scores : mul(scores, 1 / temperature);
    return logQ ? sub(scaled, correction()) : scaled;
  };
  const parts: Tensor[] = []; // [queries, 1] each
  if (negatives !== undefined) {
    const scores = shifted(model.scoreAll(users, negatives), contest.negativeCorrection); // [queries, negatives]
    parts.push(logSumExp(withoutOwn(scores, contest), { keepDims: true }));
  }
  if (inBatch) {
    const scores = shifted(model.scoreAll(users, positives), contest.positiveCorrection); // [queries, queries]
    const own = isPositive(contest, contest.positiveNumbers());
    const out = weights === undefined ? own : or(own, expandDims(equal(weights, 0), 0));
    parts.push(logSumExp(where(out, constant(LEFT_OUT), scores), { keepDims: true }));
  }
  assert(parts.length > 0, "a softmax needs negatives");
  const rest = parts.length === 1 ? parts[0].squeeze(1) : logSumExp(concat(parts, { axis: 1 }), { axis: 1 });
  const positive = shifted(model.scorePairs(users, positives), contest.positiveCorrection);
  return { softmax: weightedMean(softplus(sub(rest, positive)), weights) };
}
