import { Module, type Initializer, normalInit, Parameter } from "../module/index.ts";
import { gather, slice } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { eventDistances } from "./event-selection.ts";

/**
 * A learned vector for each place, counted back from the candidate: row 0 is the candidate's own, row 1 the
 * most recent event's. What a place means then does not depend on how long the history is. Padding reads row 0.
 */
export class PositionalEmbedding extends Module {
  readonly weight: Parameter;
  readonly dim: number;

  constructor(maxLength: number, dim: number, { init = normalInit(0.02) }: { init?: Initializer } = {}) {
    super();
    this.dim = dim;
    this.weight = new Parameter([maxLength + 1, dim], { init });
  }

  /** Of a history's events: from its mask `[batch, length]`, `[batch, length, dim]`. */
  forward(mask: Tensor): Tensor {
    return gather(this.weight, eventDistances(mask));
  }

  /** Of the candidate: `[1, dim]`. */
  candidate(): Tensor {
    return slice(this.weight, { axis: 0, end: 1 });
  }
}
