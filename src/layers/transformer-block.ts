/**
 * A transformer's encoder block with normalisation after each part:
 *
 *     S = LN(x + dropout(MHA(x))),   y = LN(S + dropout(LeakyReLU(S W_1 + b_1) W_2 + b_2))
 *
 * Vaswani et al., arXiv:1706.03762, with the slope of 0.01 as in BST (arXiv:1905.06874) and FuxiCTR.
 */
import { dropout, Module } from "../module/index.ts";
import { add, leakyRelu } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { MultiHeadAttention } from "./multi-head-attention.ts";

export interface TransformerBlockOptions {
  /** @default 1 */
  readonly heads?: number;
  /** Width of the row-wise network's hidden layer. @default dim */
  readonly hidden?: number;
  /** @default false */
  readonly causal?: boolean;
  /** Share of each part's output dropped in training. @default 0 */
  readonly dropout?: number;
  /** Share of attention weights dropped in training. @default 0 */
  readonly attentionDropout?: number;
}

export class TransformerBlock extends Module {
  readonly attention: MultiHeadAttention;
  readonly norms: readonly [LayerNorm, LayerNorm];
  readonly rowwise: readonly [Linear, Linear];
  readonly rate: number;

  constructor(dim: number, options: TransformerBlockOptions = {}) {
    super();
    const { heads, hidden = dim, causal, attentionDropout } = options;
    this.attention = new MultiHeadAttention(dim, { heads, causal, dropout: attentionDropout });
    this.norms = [new LayerNorm(dim), new LayerNorm(dim)];
    this.rowwise = [new Linear(dim, hidden), new Linear(hidden, dim)];
    this.rate = options.dropout ?? 0;
  }

  /** `[batch, length, dim]` to the same; positions whose mask `[batch, length]` is 0 are not attended to. */
  forward(x: Tensor, mask?: Tensor): Tensor {
    const [first, second] = this.rowwise;
    const s = this.norms[0].forward(add(x, dropout(this.attention.forward(x, x, mask), this.rate)));
    const inner = second.forward(leakyRelu(first.forward(s), 0.01));
    return this.norms[1].forward(add(s, dropout(inner, this.rate)));
  }
}
