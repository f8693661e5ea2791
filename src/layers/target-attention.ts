/**
 * DIN's attention unit: how much each event of a history matters for one candidate.
 *
 *     w_t = MLP([a ; h_t ; a - h_t ; a ⊙ h_t]) · mask_t,   out = Σ_t w_t h_t
 *
 * Without softmax by default: the sum keeps how strong an interest is. Zhou et al., KDD 2018, arXiv:1706.06978.
 */
import { Module, observe } from "../module/index.ts";
import { broadcastTo, concat, expandDims, mul, reshape, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { ActivationName } from "./activation.ts";
import { maskedSoftmax } from "./masked-softmax.ts";
import { MLP } from "./mlp.ts";

export interface TargetAttentionOptions {
  /** Hidden widths of the attention unit. @default [64] */
  readonly hidden?: readonly number[];
  /** @default "dice" */
  readonly activation?: ActivationName;
  readonly dropout?: number;
  /** Normalise the weights over the history. @default false */
  readonly softmax?: boolean;
}

export class TargetAttention extends Module {
  readonly unit: MLP;
  readonly softmax: boolean;

  constructor(dim: number, options: TargetAttentionOptions = {}) {
    super();
    this.unit = new MLP(4 * dim, options.hidden ?? [64], {
      activation: options.activation ?? "dice",
      dropout: options.dropout,
      output: 1,
    });
    this.softmax = options.softmax ?? false;
  }

  /**
   * @param target `[batch, dim]`
   * @param history `[batch, length, dim]`
   * @param mask float32 `[batch, length]`, 1 for events, 0 for padding
   * @returns `[batch, dim]`
   */
  forward(target: Tensor, history: Tensor, mask: Tensor): Tensor {
    const weights = this.weights(target, history, mask);
    observe("weights of events", weights);
    return sum(mul(history, expandDims(weights, -1)), { axis: 1 });
  }

  /** What `forward` weighs the events with, 0 at padding: `[batch, length]`. */
  weights(target: Tensor, history: Tensor, mask: Tensor): Tensor {
    const [batch, length, dim] = history.shape;
    const repeated = broadcastTo(expandDims(target, 1), [batch, length, dim]);
    const pairs = concat([repeated, history, sub(repeated, history), mul(repeated, history)]); // [batch, length, 4 dim]
    const scores = this.unit.forward(reshape(pairs, [-1, 4 * (dim as number)])); // [batch·length, 1]
    const masked = mul(reshape(scores, [batch, length]), mask); // [batch, length]
    return this.softmax ? maskedSoftmax(masked, mask) : masked;
  }
}
