/**
 * A layer of the hierarchical sequential transduction unit: attention point by point, without softmax, so that
 * how much there is to attend to is not normalised away.
 *
 *     [U, V, Q, K] = SiLU(LN(x) W)          by heads
 *     A = SiLU(Q Kᵀ + bias) ⊙ allowed / N,   O = A V
 *     y = x + dropout(U ⊙ LN(O)) W_o + b_o
 *
 * What is not allowed contributes exactly 0, since it is taken out after SiLU. N is a constant of the layer, not
 * the number of events: changing it changes the function. LN is without affine. Zhai et al., "Actions Speak
 * Louder than Words", ICML 2024, arXiv:2402.17152; facebookresearch/generative-recommenders.
 */
import { dropout, Module, normalInit } from "../module/index.ts";
import {
  add,
  div,
  expandDims,
  matmul,
  mean,
  mul,
  silu,
  split,
  sqrt,
  square,
  sub,
  transpose,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";
import { mergeHeads, splitHeads } from "./multi-head-attention.ts";

export interface HSTULayerOptions {
  /** N, what sums over the history are divided by. */
  readonly normalizer: number;
  /** @default 1 */
  readonly heads?: number;
  /** Width of queries and keys in one head. @default dim / heads, rounded up */
  readonly queryDim?: number;
  /** Width of values in one head. @default as of queries */
  readonly valueDim?: number;
  /** @default 0 */
  readonly dropout?: number;
}

export class HSTULayer extends Module {
  /** `[dim, heads (2 valueDim + 2 queryDim)]`: U, V, Q, K. */
  readonly input: Linear;
  readonly output: Linear;
  readonly heads: number;
  readonly queryDim: number;
  readonly valueDim: number;
  readonly normalizer: number;
  readonly rate: number;

  constructor(dim: number, options: HSTULayerOptions) {
    super();
    const { normalizer, heads = 1, queryDim = Math.ceil(dim / heads), valueDim = queryDim } = options;
    const width = 2 * heads * (valueDim + queryDim);
    this.input = new Linear(dim, width, { bias: false, init: normalInit(0.02) });
    this.output = new Linear(heads * valueDim, dim);
    this.heads = heads;
    this.queryDim = queryDim;
    this.valueDim = valueDim;
    this.normalizer = normalizer;
    this.rate = options.dropout ?? 0;
  }

  /**
   * @param x `[batch, length, dim]`
   * @param allowed float32 `[batch, length, length]`, 1 where row i may look at column j
   * @param bias `[batch, length, length]`, shared by the heads
   * @returns `[batch, length, dim]`
   */
  forward(x: Tensor, allowed: Tensor, bias?: Tensor): Tensor {
    const { heads, queryDim, valueDim } = this;
    const mixed = silu(this.input.forward(normalized(x)));
    const [u, v, q, k] = split(
      mixed,
      [valueDim, valueDim, queryDim, queryDim].map((dim) => heads * dim),
    );
    const scores = matmul(splitHeads(q, heads), transpose(splitHeads(k, heads), [0, 1, 3, 2]));
    const biased = bias === undefined ? scores : add(scores, expandDims(bias, 1));
    const weights = mul(silu(biased), expandDims(mul(allowed, 1 / this.normalizer), 1)); // [batch, heads, length, length]
    const pooled = mergeHeads(matmul(weights, splitHeads(v, heads))); // [batch, length, heads · valueDim]
    return add(x, this.output.forward(dropout(mul(u, normalized(pooled)), this.rate)));
  }
}

/** Layer normalisation without scale and shift, ε 1e-6. */
function normalized(x: Tensor): Tensor {
  const centred = sub(x, mean(x, { axis: -1, keepDims: true }));
  return div(centred, sqrt(add(mean(square(centred), { axis: -1, keepDims: true }), 1e-6)));
}
