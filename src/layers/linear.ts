import { Module, Parameter, type Initializer, xavierNormal } from "../module/index.ts";
import { add, addAll, affine, matmul, slice } from "../ops/index.ts";
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

  /** The weight as it is used, for kinds that bound it. */
  protected effectiveWeight(): Tensor {
    return this.weight;
  }

  forward(x: Tensor): Tensor {
    const weight = this.effectiveWeight();
    return this.bias === undefined ? matmul(x, weight) : affine(x, weight, this.bias);
  }

  /**
   * The same on inputs that would stand side by side, `forward(concat(parts))`, without making the wide
   * tensor: each part meets its rows of the weight.
   */
  forwardParts(parts: readonly Tensor[]): Tensor {
    const weight = this.effectiveWeight();
    let start = 0;
    const products = parts.map((part) => {
      const end = start + (part.shape[part.rank - 1] as number);
      const product = matmul(part, slice(weight, { axis: 0, start, end }));
      start = end;
      return product;
    });
    const total = addAll(products);
    return this.bias === undefined ? total : add(total, this.bias);
  }
}
