/** Activations by the names that configurations use. Those with parameters are small modules. */
import { constantInit, Module, Parameter } from "../module/index.ts";
import { add, gelu, leakyRelu, mul, relu, sigmoid, silu, sub, tanh } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { BatchNorm } from "./batch-norm.ts";

export type ActivationName = "relu" | "sigmoid" | "tanh" | "gelu" | "silu" | "prelu" | "dice" | "none";

export interface ActivationLayer {
  forward(x: Tensor): Tensor;
}

/**
 * `x` where positive, else `slope · x` with one learned slope, 0.25 at the start as in PyTorch unless told
 * otherwise. He et al., arXiv:1502.01852.
 */
export class PReLU extends Module implements ActivationLayer {
  readonly slope: Parameter;

  constructor({ slope = 0.25 }: { readonly slope?: number } = {}) {
    super();
    this.slope = new Parameter([1], { init: constantInit(slope) });
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }
}

/**
 * Dice: `p = sigmoid(BN(x))`, `y = p x + α (1 - p) x`, with α learned for each unit from 0.
 * Zhou et al., "Deep Interest Network", KDD 2018, arXiv:1706.06978; BN without affine, momentum 0.01,
 * ε 1e-9 as in FuxiCTR.
 */
export class Dice extends Module implements ActivationLayer {
  readonly norm: BatchNorm;
  readonly slope: Parameter;

  constructor(width: number) {
    super();
    this.norm = new BatchNorm(width, { affine: false, momentum: 0.01, epsilon: 1e-9 });
    this.slope = new Parameter([width]);
  }

  /** `[rows, width]` to the same. */
  forward(x: Tensor): Tensor {
    const p = sigmoid(this.norm.forward(x));
    return add(mul(p, x), mul(mul(this.slope, sub(1, p)), x));
  }
}

const plain: { readonly [name: string]: (x: Tensor) => Tensor } = {
  relu,
  sigmoid,
  tanh,
  gelu,
  silu,
  none: (x) => x,
};

export interface ActivationOptions {
  /** What PReLU's slope starts from. @default 0.25 */
  readonly preluSlope?: number;
}

/** The activation of a layer of `width` units. */
export function activation(
  name: ActivationName,
  width: number,
  { preluSlope }: ActivationOptions = {},
): ActivationLayer {
  if (name === "prelu") return new PReLU({ slope: preluSlope });
  if (name === "dice") return new Dice(width);
  return { forward: plain[name] };
}
