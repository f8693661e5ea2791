/**
 * Bayesian personalised ranking: what a user took should score above what was drawn at random.
 *
 *     loss = mean over (u, i, j) of -ln σ(s_ui - s_uj)  +  λ/2 · mean over (u, i) of (‖u‖² + ‖i‖² + mean over j of ‖j‖²)
 *
 * Rendle et al., UAI 2009, arXiv:1205.2618. The penalty holds for the encodings of the batch, as in the
 * NGCF and LightGCN code. With `hardest`, only the drawn item that scores highest counts: uniform draws are soon too
 * easy to learn from (dynamic negative sampling, Zhang et al., SIGIR 2013).
 *
 * With `shared`, all users of a step are compared with the same drawn items: hundreds of them for each positive then
 * cost one matrix product. A query's own positive of this step is left out, and with `leaveOutTaken` whatever else its
 * user took, which is rare among many items.
 */
import { z } from "zod";
import {
  add,
  div,
  expandDims,
  max,
  maximum,
  mean,
  mul,
  neg,
  softplus,
  square,
  sub,
  sum,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";
import { distributionOption } from "./distribution.ts";
import { countLeft, leaveOutOption, withoutOwn } from "./leave-out.ts";
import { againstOwn, weightedMean } from "./own-negatives.ts";

export const bprOptions = z.strictObject({
  name: z.literal("bpr"),
  negatives: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("Items drawn for each positive, or in a step for all of them together."),
  shared: z
    .boolean()
    .default(false)
    .describe("All users of a step are compared with the same drawn items; rounded up as with `softmax`."),
  distribution: distributionOption,
  leaveOutTaken: leaveOutOption,
  hardest: z.boolean().default(false).describe("Of its drawn items, compare with the highest scored alone."),
  l2: z.number().nonnegative().default(0).describe("λ of the penalty on the encodings of the batch."),
});

export type BPROptions = z.output<typeof bprOptions>;

export function bprLoss(
  contest: Contest,
  { l2, hardest }: Pick<BPROptions, "l2" | "hardest">,
): { [name: string]: Tensor } {
  const { users, positives, weights, own } = contest;
  const loss = weightedMean(own > 0 ? ownLoss(contest, hardest) : sharedLoss(contest, hardest), weights);
  if (l2 === 0) return { bpr: loss };
  const drawn = squaredNorm(contest.negatives as Tensor);
  const negative = own > 0 ? mean(drawn.reshape([users.shape[0], own]), { axis: 1 }) : mean(drawn);
  const norms = add(add(squaredNorm(users), squaredNorm(positives)), negative); // [queries]
  return { bpr: loss, l2: mul(weightedMean(norms, weights), l2 / 2) };
}

/** `[queries]`, where each query has drawn items of its own. */
function ownLoss(contest: Contest, hardest: boolean): Tensor {
  const { positive, negative: drawn } = againstOwn(contest);
  const negative = hardest ? max(drawn, { axis: 1, keepDims: true }) : drawn; // [queries, own or 1]
  return mean(softplus(neg(sub(positive.expandDims(1), negative))), { axis: 1 });
}

/** `[queries]`, where all queries share the drawn items. */
function sharedLoss(contest: Contest, hardest: boolean): Tensor {
  const { model, users, positives, negatives } = contest;
  const positive = expandDims(model.scorePairs(users, positives), 1); // [queries, 1]
  const scores = withoutOwn(model.scoreAll(users, negatives as Tensor), contest); // [queries, negatives]
  if (hardest) return softplus(sub(max(scores, { axis: 1 }), positive.squeeze(1)));
  // Of those left out it is 0.
  const each = softplus(sub(scores, positive));
  return div(sum(each, { axes: [1] }), maximum(countLeft(scores).squeeze(1), 1));
}

/** `‖x‖²` of each row. */
function squaredNorm(x: Tensor): Tensor {
  return sum(square(x), { axes: x.shape.map((_, axis) => axis).slice(1) });
}
