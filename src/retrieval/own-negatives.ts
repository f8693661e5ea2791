/** Scores where each query has negatives of its own. */
import { assert } from "../core/index.ts";
import { div, mean, mul, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";

/** Scores of the positives, `[queries]`, and of each query's own negatives, `[queries, own]`. */
export function againstOwn({ model, users, positives, negatives, own }: Contest): {
  positive: Tensor;
  negative: Tensor;
} {
  assert(negatives !== undefined && own > 0, "the objective needs negatives of each query");
  return {
    positive: model.scorePairs(users, positives),
    negative: model.scoreOwn(users, negatives, own),
  };
}

/** `Σ wᵢ lᵢ / Σ wᵢ`, or the mean. */
export function weightedMean(each: Tensor, weights: Tensor | undefined): Tensor {
  return weights === undefined ? mean(each) : div(sum(mul(each, weights)), sum(weights));
}
