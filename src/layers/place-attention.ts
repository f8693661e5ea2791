/**
 * Attention by place, where what a place says is the same for every row: scores of an event's distance from
 * the candidate, and a weighted sum of places' vectors, without a vector for each event of the batch. A place
 * is the distance: 1 for the most recent event (`eventDistances`), row 0 of a table being the candidate's.
 */
import { broadcastTo, expandDims, gather, matmul, mul, slice, takeAlong } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { eventDistances, selectRecent } from "./event-selection.ts";

/**
 * Each event's score by its place.
 *
 * @param scores by place, `[length + 1]`
 * @param mask float32 `[batch, length]`
 * @returns `[batch, length]`; padding has the score of row 0
 */
export function placeScores(scores: Tensor, mask: Tensor): Tensor {
  return gather(scores, eventDistances(mask));
}

/**
 * `Σ_t w_t · places[distance of t]`. The weights are put in the order of places first, so that the sum is one
 * product with the table.
 *
 * @param weights `[batch, n, length]`, 0 at padding
 * @param mask float32 `[batch, length]`
 * @param places `[length + 1, dim]`
 * @returns `[batch, n, dim]`
 */
export function poolPlaces(weights: Tensor, mask: Tensor, places: Tensor): Tensor {
  const recent = selectRecent(mask, mask.shape[1] as number); // position of each place
  const index = broadcastTo(expandDims(recent.index, 1), weights.shape);
  const byPlace = mul(takeAlong(weights, index), expandDims(recent.mask, 1)); // [batch, n, length]
  return matmul(byPlace, slice(places, { axis: 0, start: 1 }));
}
