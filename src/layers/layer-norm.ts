import { constantInit, Module, Parameter, zerosInit } from "../module/index.ts";
import { add, div, mean, mul, sqrt, square, sub } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * Layer normalisation over the last axis: `γ (x - μ) / √(σ² + ε) + β` with the biased variance; with
 * `fields`, each index of the axis before it has a γ and β of its own. Ba, Kiros and Hinton, arXiv:1607.06450.
 */
export class LayerNorm extends Module {
  readonly scale: Parameter;
  readonly shift: Parameter;
  readonly epsilon: number;

  constructor(width: number, { epsilon = 1e-5, fields }: { epsilon?: number; fields?: number } = {}) {
    super();
    const shape = fields === undefined ? [width] : [fields, width];
    this.scale = new Parameter(shape, { init: constantInit(1) });
    this.shift = new Parameter(shape, { init: zerosInit });
    this.epsilon = epsilon;
  }

  /** `[..., width]` to the same. */
  forward(x: Tensor): Tensor {
    const centred = sub(x, mean(x, { axis: -1, keepDims: true }));
    const variance = mean(square(centred), { axis: -1, keepDims: true });
    return add(mul(div(centred, sqrt(add(variance, this.epsilon))), this.scale), this.shift);
  }
}
