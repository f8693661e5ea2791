/** Shared negatives without those that are none: the query's own positive, and with `leaveOutTaken` whatever its user took. */
import { z } from "zod";
import { addAlong, equal, expandDims, less, sum, where } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import type { Contest } from "./contest.ts";

export const leaveOutOption = z
  .boolean()
  .default(false)
  .describe(
    "A drawn item that all queries share is no negative of a query whose user took it in training, not only where it is " +
      "the positive of this step.",
  );

/** Far below any score, so that its exponential is 0. */
export const LEFT_OUT = -1e9;

/**
 * @param scores of the drawn items, `[queries, negatives]`
 * @returns the scores, those left out far below all others
 */
export function withoutOwn(scores: Tensor, contest: Contest): Tensor {
  const places = contest.takenPlaces?.();
  if (places === undefined)
    return where(isPositive(contest, contest.negativeNumbers()), constant(LEFT_OUT), scores);
  // The positive is one of the items that the user took.
  const none = less(places, constant(0, { dtype: "int32" }));
  const added = where(none, constant(0), constant(LEFT_OUT));
  return addAlong(scores, where(none, constant(0, { dtype: "int32" }), places), added, { axis: 1 });
}

/** Whether an item is the query's own positive, `[queries, items]`. */
export function isPositive({ positiveNumbers }: Contest, numbers: Tensor): Tensor {
  return equal(expandDims(positiveNumbers(), 1), expandDims(numbers, 0));
}

/** How many scores of each query count, `[queries, 1]`. */
export function countLeft(scores: Tensor): Tensor {
  const out = less(scores, constant(LEFT_OUT / 2));
  return sum(where(out, constant(0), constant(1)), { axes: [1], keepDims: true });
}
