/**
 * FinalMLP's fusion of two streams by H heads:
 * `logit = w_x·x + w_y·y + Σ_h x^(h)ᵀ W_h y^(h) + b`, both vectors cut evenly into heads.
 *
 * Mao et al., "FinalMLP", AAAI 2023, arXiv:2304.00902.
 */
import { ConfigError } from "../core/index.ts";
import { Module, normalInit, Parameter } from "../module/index.ts";
import { matmul, mul, reshape, sum, swapAxes } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export class BilinearFusion extends Module {
  readonly left: Linear;
  readonly right: Linear;
  readonly weight: Parameter;
  readonly heads: number;

  constructor(leftWidth: number, rightWidth: number, { heads }: { heads: number }) {
    super();
    if (leftWidth % heads !== 0 || rightWidth % heads !== 0) {
      throw new ConfigError(`the number of heads must divide both streams' widths`, {
        details: { heads, leftWidth, rightWidth },
        hint: "choose the last widths of both MLPs as multiples of the number of heads",
      });
    }
    this.heads = heads;
    this.left = new Linear(leftWidth, 1);
    this.right = new Linear(rightWidth, 1, { bias: false });
    const shape = [heads, leftWidth / heads, rightWidth / heads];
    // One long column as in the authors' code, so the fans are all weights and 1.
    const init = normalInit(Math.sqrt(2 / (shape[0] * shape[1] * shape[2] + 1)));
    this.weight = new Parameter(shape, { init });
  }

  /** `[batch, leftWidth]` and `[batch, rightWidth]` to `[batch]`. */
  forward(x: Tensor, y: Tensor): Tensor {
    const [, leftPart, rightPart] = this.weight.shape;
    const left = swapAxes(reshape(x, [x.shape[0], this.heads, leftPart]), 0, 1); // [heads, batch, leftPart]
    const right = swapAxes(reshape(y, [y.shape[0], this.heads, rightPart]), 0, 1); // [heads, batch, rightPart]
    const products = mul(matmul(left, this.weight), right); // [heads, batch, rightPart]
    const bilinear = sum(products, { axes: [0, 2] }); // [batch]
    return this.left.forward(x).add(this.right.forward(y)).squeeze(1).add(bilinear);
  }
}
