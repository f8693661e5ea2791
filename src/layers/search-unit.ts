/**
 * SIM's general search unit: how related each event of a long history is to the candidate,
 * `r_t = (a W_a)·(h_t W_b)`, computed as `h_t·(W_b W_aᵀ a)` so that events are not projected one by one.
 * Pi et al., "Search-based User Interest Modeling", CIKM 2020, arXiv:2006.05639.
 */
import { Module } from "../module/index.ts";
import { expandDims, matmul, squeeze } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export class SearchUnit extends Module {
  readonly target: Linear;
  readonly event: Linear;

  constructor(targetDim: number, eventDim: number, { width }: { width: number }) {
    super();
    this.target = new Linear(targetDim, width, { bias: false });
    this.event = new Linear(eventDim, width, { bias: false });
  }

  /** `[batch, targetDim]` and `[batch, length, eventDim]` to `[batch, length]`. */
  forward(target: Tensor, events: Tensor): Tensor {
    const folded = matmul(this.target.forward(target), this.event.weight, { transposeB: true }); // [batch, eventDim]
    return squeeze(matmul(events, expandDims(folded, 2)), 2);
  }
}
