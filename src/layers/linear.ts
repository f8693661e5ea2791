import { Module, Parameter, type Initializer, xavierNormal } from "../module/index.ts";
import { affine, matmul } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export interface LinearOptions {
  /** @default true */
  readonly bias?: boolean;
  /** @default Xavier normal */
  readonly init?: Initializer;
}

/** `x W + b` over the last axis; `[..., in]` to `[..., out]`. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(inputs: number, outputs: number, { bias = true, init = xavierNormal }: LinearOptions = {}) {
    super();
    this.weight = new Parameter([inputs, outputs], { init });
    this.bias = bias ? new Parameter([outputs]) : undefined;
  }

  forward(x: Tensor): Tensor {
    return this.bias === undefined ? matmul(x, this.weight) : affine(x, this.weight, this.bias);
  }
}
