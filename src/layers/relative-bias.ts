/**
 * What HSTU adds to the score of position i looking at position j of a history with the candidate behind it:
 *
 *     bias_ij = pos[i - j] + time[bucket(|c_{i+1} - c_j|)],   bucket(x) = ⌊ln(max(1, x)) / 0.301⌋, at most 128
 *
 * c are times in seconds; row i reads the *next* event's, which for the last event and the candidate is the
 * time of the request. The candidate stands behind the last event, wherever the padding ends. Zhai et al.,
 * ICML 2024, arXiv:2402.17152; constants as in facebookresearch/generative-recommenders. Only i ≥ j matters
 * (attention is causal), so there is a number for each distance from 0 to the greatest.
 */
import { Module, normalInit, Parameter } from "../module/index.ts";
import {
  abs,
  add,
  broadcastTo,
  cast,
  concat,
  expandDims,
  floor,
  gather,
  log,
  maximum,
  minimum,
  mul,
  pad,
  slice,
  sub,
  take,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { eventDistances } from "./event-selection.ts";

const timeBuckets = 128;

export class RelativeBias extends Module {
  /** `[maxLength + 1]`, by distance. */
  readonly position: Parameter;
  /** By bucket; absent where times are not known. */
  readonly time: Parameter | undefined;

  constructor(maxLength: number, { times }: { times: boolean }) {
    super();
    this.position = new Parameter([maxLength + 1], { init: normalInit(0.02) });
    this.time = times ? new Parameter([timeBuckets + 1], { init: normalInit(0.02) }) : undefined;
  }

  /**
   * @param mask float32 `[batch, length]`
   * @param ages seconds between each event and the request, `[batch, length]`, 0 at padding
   * @returns `[batch, length + 1, length + 1]`; entries of later or padded positions mean nothing
   */
  forward(mask: Tensor, ages?: Tensor): Tensor {
    const positions = this.#positions(mask);
    if (this.time === undefined || ages === undefined) return positions;
    // Ages count backwards: the request is 0, as is the padding that follows the last event.
    const looking = pad(slice(ages, { axis: 1, start: 1 }), { axis: 1, after: 2 });
    const lookedAt = pad(ages, { axis: 1, after: 1 });
    const apart = abs(sub(expandDims(looking, 2), expandDims(lookedAt, 1))); // [batch, length + 1, length + 1]
    const bucket = minimum(floor(mul(log(maximum(apart, 1)), 1 / 0.301)), timeBuckets);
    return add(positions, gather(this.time, cast(bucket, "int64")));
  }

  #positions(mask: Tensor): Tensor {
    const [batch, length] = mask.shape as [Tensor["shape"][number], number];
    const among = Array.from({ length: length * (length + 1) }, (_, at) =>
      Math.max(Math.floor(at / (length + 1)) - (at % (length + 1)), 0),
    );
    const events = take(this.position, among, { axis: 0 }).reshape([1, length, length + 1]);
    const own = gather(this.position, eventDistances(mask)); // [batch, length]
    const candidate = concat([own, broadcastTo(slice(this.position, { axis: 0, end: 1 }), [batch, 1])]);
    return concat([broadcastTo(events, [batch, length, length + 1]), expandDims(candidate, 1)], { axis: 1 });
  }
}
