import { constantInit, Module, Parameter } from "../module/index.ts";
import { add, div, mean, mul, sqrt, square, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Layer normalisation over the last axis: `γ (x - μ) / √(σ² + ε) + β` with the biased variance.
 * Ba, Kiros and Hinton, arXiv:1607.06450.
 */
export class LayerNorm extends Module {
  readonly scale: Parameter;
  readonly shift: Parameter;
  readonly epsilon: number;

  constructor(width: number, { epsilon = 1e-5 }: { epsilon?: number } = {}) {
    super();
    this.scale = new Parameter([width], { init: constantInit(1) });
    this.shift = new Parameter([width]);
    this.epsilon = epsilon;
  }

  /** `[..., width]` to the same. */
  forward(x: Tensor): Tensor {
    const centred = sub(x, mean(x, { axis: -1, keepDims: true }));
    const variance = mean(square(centred), { axis: -1, keepDims: true });
    return add(mul(div(centred, sqrt(add(variance, this.epsilon))), this.scale), this.shift);
  }
}
