/**
 * Bayesian personalised ranking: what a user took should score above what was drawn at random.
 *
 *     loss = mean over (u, i, j) of -ln σ(s_ui - s_uj)  +  λ/2 · mean over (u, i) of (‖u‖² + ‖i‖² + mean over j of ‖j‖²)
 *
 * Rendle et al., UAI 2009, arXiv:1205.2618. The penalty holds for the encodings of the batch, as in the
 * NGCF and LightGCN code. With `hardest`, only the drawn item that scores highest counts: uniform draws are soon too
 * easy to learn from (dynamic negative sampling, Zhang et al., SIGIR 2013).
 */
import { z } from "zod";
import { add, max, mean, mul, neg, softplus, square, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";
import { distributionOption } from "./distribution.ts";
import { againstOwn, weightedMean } from "./own-negatives.ts";

export const bprOptions = z.strictObject({
  name: z.literal("bpr"),
  negatives: z.number().int().positive().default(1).describe("Items drawn for each positive."),
  distribution: distributionOption,
  hardest: z.boolean().default(false).describe("Of its drawn items, compare with the highest scored alone."),
  l2: z.number().nonnegative().default(0).describe("λ of the penalty on the encodings of the batch."),
});

export type BPROptions = z.output<typeof bprOptions>;

export function bprLoss(
  contest: Contest,
  { l2, hardest }: Pick<BPROptions, "l2" | "hardest">,
): { [name: string]: Tensor } {
  const { users, positives, weights } = contest;
  const { positive, negative: drawn } = againstOwn(contest);
  const negative = hardest ? max(drawn, { axis: 1, keepDims: true }) : drawn; // [queries, own or 1]
  const each = mean(softplus(neg(sub(positive.expandDims(1), negative))), { axis: 1 }); // [queries]
  const loss = weightedMean(each, weights);
  if (l2 === 0) return { bpr: loss };
  const negatives = contest.negatives as Tensor;
  const own = squaredNorm(negatives).reshape([users.shape[0], contest.own]); // [queries, own]
  const norms = add(add(squaredNorm(users), squaredNorm(positives)), mean(own, { axis: 1 }));
  return { bpr: loss, l2: mul(weightedMean(norms, weights), l2 / 2) };
}

/** `‖x‖²` of each row. */
function squaredNorm(x: Tensor): Tensor {
  return sum(square(x), { axes: x.shape.map((_, axis) => axis).slice(1) });
}
