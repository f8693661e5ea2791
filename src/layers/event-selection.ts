/**
 * Taking some events of a history out of it: the highest scored, or the most recent. Histories are padded
 * behind; padding never comes before an event, and the mask of the selection says what is one. The choice has
 * no gradient, the chosen events have.
 */
import {
  broadcastTo,
  cast,
  expandDims,
  greater,
  maximum,
  relu,
  reshape,
  sub,
  sum,
  takeAlong,
  topKIndices,
  where,
} from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

export interface EventSelection {
  /** int64 `[..., k]`, positions in the history. */
  readonly index: Tensor;
  /** float32 `[..., k]`, 1 for events, 0 where the history had no more. */
  readonly mask: Tensor;
}

/**
 * The `k` events of highest score, best first, all of them where there are fewer.
 *
 * @param scores `[batch, length]` or `[batch, heads, length]`
 * @param mask float32 `[batch, length]`
 */
export function selectTopK(scores: Tensor, mask: Tensor, k: number): EventSelection {
  const spread = broadcastTo(scores.rank === 3 ? expandDims(mask, 1) : mask, scores.shape);
  // Not a large negative number: an event may score below any.
  const among = where(greater(spread, 0), scores, -Infinity);
  const index = topKIndices(among, Math.min(k, scores.shape[scores.rank - 1] as number));
  return { index, mask: takeAlong(spread, index) };
}

/**
 * The last `k` events, most recent first.
 *
 * @param mask float32 `[batch, length]`
 */
export function selectRecent(mask: Tensor, k: number): EventSelection {
  const [, length] = mask.shape;
  const back = Float32Array.from({ length: Math.min(k, length as number) }, (_, i) => i + 1);
  const position = sub(sum(mask, { axis: 1, keepDims: true }), constant(back)); // [batch, k]
  return { index: cast(relu(position), "int64"), mask: cast(greater(position, -0.5), "float32") };
}

/**
 * Events at selected positions.
 *
 * @param events `[batch, length, dim]`
 * @param index `[batch, k]` or `[batch, heads, k]`
 * @returns `[batch, k, dim]` or `[batch, heads, k, dim]`
 */
export function takeEvents(events: Tensor, index: Tensor): Tensor {
  const dim = events.shape[2];
  const [batch, ...chosen] = index.shape;
  const flat = reshape(index, [
    batch,
    chosen.reduce<number>((product, size) => product * Number(size), 1),
    1,
  ]);
  const taken = takeAlong(events, broadcastTo(flat, [batch, flat.shape[1], dim]), { axis: 1 });
  return reshape(taken, [batch, ...chosen, dim]);
}

/**
 * How far back each event lies: 1 for the most recent, 2 for the one before; 0 for padding.
 *
 * @param mask float32 `[batch, length]`
 * @returns int64 `[batch, length]`
 */
export function eventDistances(mask: Tensor): Tensor {
  const positions = constant(Float32Array.from({ length: mask.shape[1] as number }, (_, i) => i));
  return cast(maximum(sub(sum(mask, { axis: 1, keepDims: true }), positions), 0), "int64");
}
