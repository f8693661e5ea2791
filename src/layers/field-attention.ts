/**
 * AutoInt's interacting layer: every field looks at all fields, in several heads.
 *
 *     head h: A = softmax(Q_h K_hᵀ), O_h = A V_h        Q, K, V = E W_q, E W_k, E W_v, cut into heads
 *     out = ReLU([O_1 ; … ; O_H] + E W_res)             W_res only where the widths differ
 *
 * Without `scale` scores are not divided by √(width of a head), as in the paper; with `layerNorm` the sum is
 * normalised before the ReLU. Song et al., "AutoInt", CIKM 2019, arXiv:1810.11921.
 */
import { dropout, Module } from "../module/index.ts";
import { add, div, matmul, relu, softmax } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { evenHeadDim, mergeHeads, splitHeads } from "./multi-head-attention.ts";

export interface FieldAttentionOptions {
  /** Width D of the output, cut evenly into heads. */
  readonly width: number;
  /** @default 1 */
  readonly heads?: number;
  /** Share of attention weights dropped in training. @default 0 */
  readonly dropout?: number;
  /** @default false */
  readonly scale?: boolean;
  /** @default true */
  readonly residual?: boolean;
  /** @default false */
  readonly layerNorm?: boolean;
}

export class FieldAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly residual: { forward(x: Tensor): Tensor } | undefined;
  readonly norm: LayerNorm | undefined;
  readonly heads: number;
  readonly scale: number;
  readonly rate: number;

  /** @throws ConfigError when the heads do not divide the width */
  constructor(dim: number, options: FieldAttentionOptions) {
    super();
    const { width, heads = 1, residual = true } = options;
    const headDim = evenHeadDim(width, heads);
    this.query = new Linear(dim, width, { bias: false });
    this.key = new Linear(dim, width, { bias: false });
    this.value = new Linear(dim, width, { bias: false });
    const passed = dim === width ? { forward: (x: Tensor) => x } : new Linear(dim, width, { bias: false });
    this.residual = residual ? passed : undefined;
    this.norm = options.layerNorm ? new LayerNorm(width) : undefined;
    this.heads = heads;
    this.scale = options.scale ? Math.sqrt(headDim) : 1;
    this.rate = options.dropout ?? 0;
  }

  /** `[batch, fields, dim]` to `[batch, fields, width]`. */
  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((map) => splitHeads(map.forward(x), this.heads));
    const scores = matmul(q, k, { transposeB: true }); // [batch, heads, fields, fields]
    const weights = softmax(this.scale === 1 ? scores : div(scores, this.scale));
    const seen = mergeHeads(matmul(dropout(weights, this.rate), v)); // [batch, fields, width]
    const total = this.residual === undefined ? seen : add(seen, this.residual.forward(x));
    return relu(this.norm?.forward(total) ?? total);
  }
}
