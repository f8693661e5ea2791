/**
 * FiBiNET's SENET: each field is weighed by what all fields' means say.
 *
 *     z_f = mean of e_f,   a = σ₂(W₂ ReLU(W₁ z)),   out_f = a_f e_f
 *
 * W₁ narrows the fields by the reduction ratio, W₂ widens them again; neither has a bias.
 * Huang, Zhang and Zhang, "FiBiNET", RecSys 2019, arXiv:1905.09433; after Hu et al., CVPR 2018.
 */
import { Module } from "../module/index.ts";
import { expandDims, mean, mul, relu, sigmoid } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export interface SqueezeExcitationOptions {
  /** Fields a unit of the narrow layer stands for. @default 3 */
  readonly reductionRatio?: number;
  /** σ₂. @default "relu" */
  readonly activation?: "relu" | "sigmoid";
}

export class SqueezeExcitation extends Module {
  readonly squeeze: Linear;
  readonly excite: Linear;
  readonly activation: "relu" | "sigmoid";

  constructor(fields: number, { reductionRatio = 3, activation = "relu" }: SqueezeExcitationOptions = {}) {
    super();
    const narrow = Math.max(1, Math.floor(fields / reductionRatio));
    this.squeeze = new Linear(fields, narrow, { bias: false });
    this.excite = new Linear(narrow, fields, { bias: false });
    this.activation = activation;
  }

  /** `[batch, fields, dim]` to the same. */
  forward(x: Tensor): Tensor {
    const means = mean(x, { axis: -1 }); // [batch, fields]
    const excited = this.excite.forward(relu(this.squeeze.forward(means)));
    const weights = this.activation === "relu" ? relu(excited) : sigmoid(excited);
    return mul(x, expandDims(weights, -1));
  }
}
