/**
 * AFM's attention over the products of all pairs of fields:
 *
 *     p_fg = e_f ⊙ e_g,  a = softmax over pairs of hᵀ relu(W p_fg + b),  out = Σ_{f<g} a_fg p_fg
 *
 * Xiao et al., "Attentional Factorization Machines", IJCAI 2017, arXiv:1708.04617.
 */
import { dropout, Module } from "../module/index.ts";
import { mul, relu, softmax, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { elementwiseProducts } from "./field-pairs.ts";
import { Linear } from "./linear.ts";

export interface PairAttentionOptions {
  /** Width of the attention network's hidden layer. */
  readonly hidden: number;
  /** Share of the attention weights dropped in training. @default 0 */
  readonly dropout?: number;
}

export class PairAttention extends Module {
  readonly hidden: Linear;
  readonly score: Linear;
  readonly rate: number;

  constructor(dim: number, { hidden, dropout: rate = 0 }: PairAttentionOptions) {
    super();
    this.hidden = new Linear(dim, hidden);
    this.score = new Linear(hidden, 1, { bias: false });
    this.rate = rate;
  }

  /** `[batch, fields, dim]` to `[batch, dim]`. */
  forward(e: Tensor): Tensor {
    const products = elementwiseProducts(e); // [batch, pairs, dim]
    const scores = this.score.forward(relu(this.hidden.forward(products))); // [batch, pairs, 1]
    const weights = dropout(softmax(scores, { axis: 1 }), this.rate);
    return sum(mul(products, weights), { axis: 1 });
  }
}
