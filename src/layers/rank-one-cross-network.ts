/**
 * The cross network of the first DCN, whose layers have one weight vector each:
 *
 *     x_{l+1} = x₀ (w_l · x_l) + b_l + x_l
 *
 * By induction x_l = s_l x₀ + c_l with a number s_l a row and a vector c_l that no row changes, so that the
 * whole network is one product x₀ [w_1 … w_L] and a few numbers a row:
 *
 *     s_{l+1} = s_l (1 + w_l · x₀) + w_l · c_l,   c_l = Σ_{k<l} b_k,   s_0 = 1
 *
 * Wang et al., "Deep & Cross Network for Ad Click Predictions", ADKDD 2017, arXiv:1708.05123.
 */
import { Module, normalInit, Parameter, zerosInit } from "../module/index.ts";
import { add, matmul, mul, slice, sum } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";

export class RankOneCrossNetwork extends Module {
  /** Column l is w_l: `[width, depth]`. */
  readonly weight: Parameter;
  /** Row l is b_l: `[depth, width]`. */
  readonly bias: Parameter;
  readonly depth: number;

  constructor(width: number, { depth }: { depth: number }) {
    super();
    this.depth = depth;
    this.weight = new Parameter([width, depth], { init: normalInit(Math.sqrt(2 / (width + 1))) });
    this.bias = new Parameter([depth, width], { init: zerosInit });
  }

  /** `[batch, width]` to the same. */
  forward(x0: Tensor): Tensor {
    const { depth } = this;
    if (depth === 0) return x0;
    const products = matmul(x0, this.weight); // [batch, depth], w_l · x₀
    // Entry (k, l) is b_k · w_l; those with k < l make w_l · c_l.
    const before = Float32Array.from({ length: depth * depth }, (_, at) =>
      Math.floor(at / depth) < at % depth ? 1 : 0,
    );
    const crossed = mul(matmul(this.bias, this.weight), constant(before, { shape: [depth, depth] }));
    const offsets = sum(crossed, { axis: 0, keepDims: true }); // [1, depth]
    const column = (x: Tensor, l: number): Tensor => slice(x, { axis: 1, start: l, end: l + 1 });
    let scale: Tensor = add(column(products, 0), 1); // [batch, 1]
    for (let l = 1; l < depth; l++) {
      scale = add(mul(scale, add(column(products, l), 1)), column(offsets, l));
    }
    return add(mul(x0, scale), sum(this.bias, { axis: 0 }));
  }
}
