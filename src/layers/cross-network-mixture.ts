/**
 * DCN-V2's cross network as a mixture of K low-rank experts:
 *
 *     E_k(x) = x₀ ⊙ (U_k tanh(C_k tanh(V_kᵀ x)) + b)
 *     x_{l+1} = x_l + Σ_k softmax(G x_l)_k E_k(x_l)
 *
 * The weights of a softmax add up to 1, so b stands outside the sum and the experts' last products are one.
 * The gate G is shared by all layers, as in FuxiCTR. Wang et al., "DCN V2", The Web Conference 2021,
 * arXiv:2008.13535.
 */
import { repeat } from "../core/index.ts";
import { Module, normalInit, Parameter } from "../module/index.ts";
import { add, expandDims, matmul, mul, reshape, softmax, swapAxes, tanh } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export interface CrossNetworkMixtureOptions {
  readonly depth: number;
  readonly experts: number;
  readonly rank: number;
}

export class CrossNetworkMixture extends Module {
  readonly layers: readonly MixtureLayer[];
  readonly gate: Linear;

  constructor(width: number, { depth, experts, rank }: CrossNetworkMixtureOptions) {
    super();
    this.layers = repeat(depth, () => new MixtureLayer(width, experts, rank));
    this.gate = new Linear(width, experts, { bias: false });
  }

  /** `[batch, width]` to the same. */
  forward(x0: Tensor): Tensor {
    return this.layers.reduce((x, layer) => {
      const shares = softmax(this.gate.forward(x)); // [batch, experts]
      return add(x, mul(x0, layer.forward(x, shares)));
    }, x0);
  }
}

/** `Σ_k share_k U_k tanh(C_k tanh(V_kᵀ x)) + b`; `[batch, width]` to the same. */
class MixtureLayer extends Module {
  /** The V_k side by side: `[width, experts · rank]`. */
  readonly down: Parameter;
  /** The C_k, transposed: `[experts, rank, rank]`. */
  readonly core: Parameter;
  /** The U_kᵀ one below the other: `[experts · rank, width]`. */
  readonly up: Parameter;
  readonly bias: Parameter;

  constructor(width: number, experts: number, rank: number) {
    super();
    // Xavier normal as in FuxiCTR: fans counted over all experts.
    const outer = normalInit(Math.sqrt(2 / (rank * (width + experts))));
    this.down = new Parameter([width, experts * rank], { init: outer });
    this.core = new Parameter([experts, rank, rank], {
      init: normalInit(Math.sqrt(2 / (rank * (rank + experts)))),
    });
    this.up = new Parameter([experts * rank, width], { init: outer });
    this.bias = new Parameter([width]);
  }

  forward(x: Tensor, shares: Tensor): Tensor {
    const [experts, rank] = this.core.shape;
    const low = reshape(tanh(matmul(x, this.down)), [x.shape[0], experts, rank]);
    const turned = tanh(matmul(swapAxes(low, 0, 1), this.core)); // [experts, batch, rank]
    const shared = mul(swapAxes(turned, 0, 1), expandDims(shares, -1)); // [batch, experts, rank]
    return add(matmul(reshape(shared, [x.shape[0], experts * rank]), this.up), this.bias);
  }
}
