/**
 * Multi-head scaled dot-product attention:
 *
 *     head_i = softmax(Q_i K_iᵀ / √d_h) V_i,   Q = x W_q + b_q, K = y W_k + b_k, V = y W_v + b_v
 *     out    = [head_1 ; … ; head_H] W_o + b_o
 *
 * Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv:1706.03762. Self-attention is the case
 * `x = y`; with `causal`, position t sees positions up to t.
 */
import { ConfigError } from "../core/index.ts";
import { dropout, Module, xavierUniform } from "../module/index.ts";
import { add, expandDims, matmul, max, mul, reshape, softmax, transpose } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";
import { maskBias } from "./masked-softmax.ts";

export interface MultiHeadAttentionOptions {
  /** @default 1 */
  readonly heads?: number;
  /** Width of one head. @default dim / heads */
  readonly headDim?: number;
  /** Width of what is attended to. @default dim */
  readonly eventDim?: number;
  /** Position t of the queries sees entries up to t. @default false */
  readonly causal?: boolean;
  /** Share of attention weights dropped in training. @default 0 */
  readonly dropout?: number;
  /** Biases in the four projections. @default true */
  readonly bias?: boolean;
}

export class MultiHeadAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly rate: number;

  /**
   * @param dim width of the queries and of the output
   * @throws ConfigError when the heads do not divide `dim` and no `headDim` is given
   */
  constructor(dim: number, options: MultiHeadAttentionOptions = {}) {
    super();
    const { heads = 1, eventDim = dim, causal = false, bias = true } = options;
    const headDim = options.headDim ?? evenHeadDim(dim, heads);
    const width = heads * headDim;
    const linear = { bias, init: xavierUniform };
    this.query = new Linear(dim, width, linear);
    this.key = new Linear(eventDim, width, linear);
    this.value = new Linear(eventDim, width, linear);
    this.output = new Linear(width, dim, linear);
    this.heads = heads;
    this.headDim = headDim;
    this.causal = causal;
    this.rate = options.dropout ?? 0;
  }

  /**
   * @param queries `[batch, queries, dim]`; `[1, queries, dim]` is shared by all rows
   * @param events `[batch, length, eventDim]`; the queries themselves for self-attention
   * @param mask float32 `[batch, length]`, 1 for events, 0 for padding, or `[batch, queries, length]`, what each
   *   query may see; absent: all are events
   * @returns `[batch, queries, dim]`; rows without any event give the output's bias
   */
  forward(queries: Tensor, events: Tensor = queries, mask?: Tensor): Tensor {
    const { heads, headDim } = this;
    const q = splitHeads(this.query.forward(queries), heads); // [batch, heads, queries, headDim]
    const k = splitHeads(this.key.forward(events), heads); // [batch, heads, length, headDim]
    const v = splitHeads(this.value.forward(events), heads);
    let scores = mul(matmul(q, k, { transposeB: true }), 1 / Math.sqrt(headDim)); // [batch, heads, queries, length]
    const among =
      mask === undefined ? undefined : expandDims(mask.rank === 3 ? mask : expandDims(mask, 1), 1); // [batch, 1, 1 or queries, length]
    if (among !== undefined) scores = add(scores, maskBias(among));
    if (this.causal) scores = add(scores, causalBias(queries.shape[1] as number, events.shape[1] as number));
    const attended = matmul(dropout(softmax(scores), this.rate), v); // [batch, heads, queries, headDim]
    // Where nothing can be attended to, softmax has spread itself over padding.
    const kept = among === undefined ? attended : mul(attended, max(among, { axis: -1, keepDims: true }));
    return this.output.forward(mergeHeads(kept));
  }
}

/** @throws ConfigError when it is no whole number */
export function evenHeadDim(dim: number, heads: number): number {
  if (dim % heads === 0) return dim / heads;
  throw new ConfigError(`${heads} attention heads do not divide the width of attention, which is ${dim}`, {
    details: { heads, dim },
    hint: `choose another number of heads, or embeddings that make the width a multiple of ${heads}`,
  });
}

/** `[batch, length, heads · dim]` to `[batch, heads, length, dim]`. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape;
  return transpose(reshape(x, [batch, length, heads, (width as number) / heads]), [0, 2, 1, 3]);
}

/** `[batch, heads, length, dim]` to `[batch, length, heads · dim]`. */
export function mergeHeads(x: Tensor): Tensor {
  const [batch, heads, length, dim] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, (heads as number) * (dim as number)]);
}

/** `[queries, length]`: 0 where an entry is not later than the query, else -1e9. */
function causalBias(queries: number, length: number): Tensor {
  const bias = Float32Array.from({ length: queries * length }, (_, i) =>
    i % length <= Math.floor(i / length) ? 0 : -1e9,
  );
  return constant(bias, { shape: [queries, length] });
}
