/**
 * MaskNet's block: a hidden vector is multiplied by a mask made from the row's embeddings, then goes through
 * a linear layer.
 *
 *     mask = W_p ReLU(W_a v_emb + b_a) + b_p,   out = act(LN(W (mask ⊙ v_hid)))
 *
 * Wang et al., "MaskNet", DLP-KDD 2021, arXiv:2102.07619.
 */
import { dropout, Module } from "../module/index.ts";
import { mul, relu } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type ActivationLayer, type ActivationName, activation } from "./activation.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";

export interface MaskBlockOptions {
  /** Width of `v_emb`. */
  readonly embedding: number;
  /** Width of `v_hid`. */
  readonly hidden: number;
  readonly output: number;
  /** Width of the mask's inner layer over that of `v_hid`. @default 1 */
  readonly reductionRatio?: number;
  /** @default "relu" */
  readonly activation?: ActivationName;
  /** @default true */
  readonly layerNorm?: boolean;
  /** @default 0 */
  readonly dropout?: number;
}

export class MaskBlock extends Module {
  readonly aggregate: Linear;
  readonly project: Linear;
  readonly linear: Linear;
  readonly norm: LayerNorm | undefined;
  readonly activation: ActivationLayer;
  readonly rate: number;

  constructor(options: MaskBlockOptions) {
    super();
    const { embedding, hidden, output, reductionRatio = 1, layerNorm = true } = options;
    const inner = Math.max(1, Math.floor(hidden * reductionRatio));
    this.aggregate = new Linear(embedding, inner);
    this.project = new Linear(inner, hidden);
    this.linear = new Linear(hidden, output, { bias: false });
    this.norm = layerNorm ? new LayerNorm(output) : undefined;
    this.activation = activation(options.activation ?? "relu", output);
    this.rate = options.dropout ?? 0;
  }

  /**
   * @param embedding `[batch, embedding]`, as it comes from the tables
   * @param hidden `[batch, hidden]`
   * @returns `[batch, output]`
   */
  forward(embedding: Tensor, hidden: Tensor): Tensor {
    const mask = this.project.forward(relu(this.aggregate.forward(embedding))); // [batch, hidden]
    const linear = this.linear.forward(mul(mask, hidden)); // [batch, output]
    return dropout(this.activation.forward(this.norm?.forward(linear) ?? linear), this.rate);
  }
}
