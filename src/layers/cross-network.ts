import { repeat } from "../core/index.ts";
import { Module } from "../module/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

/**
 * `x_{l+1} = x₀ ⊙ (W_l x_l + b_l) + x_l`, `depth` times; `[batch, width]` to `[batch, width]`.
 * Wang et al., "DCN V2", The Web Conference 2021, arXiv:2008.13535.
 */
export class CrossNetwork extends Module {
  readonly layers: readonly Linear[];

  constructor(width: number, { depth }: { depth: number }) {
    super();
    this.layers = repeat(depth, () => new Linear(width, width));
  }

  forward(x0: Tensor): Tensor {
    return this.layers.reduce((x, layer) => x0.mul(layer.forward(x)).add(x), x0);
  }
}
