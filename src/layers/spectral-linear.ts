/**
 * A linear layer whose spectral norm is bounded, so that inputs far apart stay apart behind it and it can tell
 * what it has not seen:
 *
 *     W̃ = W · c / max(c, σ),   σ = vᵀ W u,   v = W u / |W u|,   u ← Wᵀ v / |Wᵀ v|.
 *
 * u is running state, one power iteration a step; no gradient flows through u and v. Miyato et al., "Spectral
 * Normalization for Generative Adversarial Networks", ICLR 2018, arXiv:1802.05957, with the soft bound c of
 * Liu et al., "Simple and Principled Uncertainty Estimation with Deterministic Deep Learning via Distance
 * Awareness", NeurIPS 2020, arXiv:2006.10108.
 */
import { currentTrace, type Initializer, normalInit, State } from "../module/index.ts";
import {
  div,
  matmul,
  maximum,
  mul,
  reshape,
  sqrt,
  square,
  stopGradient,
  sum,
  transpose,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export interface SpectralLinearOptions {
  /** c, above 0: the largest norm the weight may have. @default 0.95 */
  readonly bound?: number;
  /** @default true */
  readonly bias?: boolean;
  /** @default Xavier normal */
  readonly init?: Initializer;
}

export class SpectralLinear extends Linear {
  /** u, `[outputs]`. */
  readonly direction: State;
  readonly bound: number;

  constructor(inputs: number, outputs: number, { bound = 0.95, ...options }: SpectralLinearOptions = {}) {
    super(inputs, outputs, options);
    this.direction = new State([outputs], { init: normalInit(1) });
    this.bound = bound;
  }

  protected override effectiveWeight(): Tensor {
    const { weight, bound } = this;
    const [inputs, outputs] = weight.shape;
    const fixed = stopGradient(weight);
    const v = unit(matmul(fixed, reshape(this.direction, [outputs, 1]))); // [inputs, 1]
    const u = unit(matmul(transpose(fixed), v)); // [outputs, 1]
    const { training, stateUpdates } = currentTrace();
    if (training) stateUpdates.set(this.direction, reshape(u, [outputs]));
    const [left, right] = [stopGradient(v), stopGradient(u)];
    const norm = sum(mul(matmul(reshape(left, [1, inputs]), weight), reshape(right, [1, outputs])));
    return mul(weight, div(bound, maximum(norm, bound)));
  }
}

function unit(x: Tensor): Tensor {
  return div(x, maximum(sqrt(sum(square(x))), 1e-12));
}
