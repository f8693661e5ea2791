/**
 * GDCN's crosses, each with a gate that decides how much of it passes:
 *
 *     x_{l+1} = x₀ ⊙ (W_l x_l + b_l) ⊙ sigmoid(G_l x_l) + x_l
 *
 * Biases start uniform in [0, 1) as in FuxiCTR. Wang et al., "Towards Deeper, Lighter and Interpretable Cross
 * Network for CTR Prediction", CIKM 2023, arXiv:2311.04635.
 */
import { repeat } from "../core/index.ts";
import { type Initializer, Module, Parameter } from "../module/index.ts";
import { add, affine, matmul, mul, sigmoid } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

const fromZeroToOne: Initializer = (values, _, random) => {
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(i);
};

export class GatedCrossNetwork extends Module {
  readonly layers: readonly GatedCross[];

  constructor(width: number, { depth }: { depth: number }) {
    super();
    this.layers = repeat(depth, () => new GatedCross(width));
  }

  /** `[batch, width]` to the same. */
  forward(x0: Tensor): Tensor {
    return this.layers.reduce((x, layer) => add(mul(x0, layer.forward(x)), x), x0);
  }
}

/** `(W x + b) ⊙ sigmoid(G x)`. */
class GatedCross extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly gate: Parameter;

  constructor(width: number) {
    super();
    this.weight = new Parameter([width, width]);
    this.bias = new Parameter([width], { init: fromZeroToOne });
    this.gate = new Parameter([width, width]);
  }

  forward(x: Tensor): Tensor {
    return mul(affine(x, this.weight, this.bias), sigmoid(matmul(x, this.gate)));
  }
}
