/**
 * A linear layer in star topology: what all domains share, multiplied by what each has of its own:
 *
 *     y = x (W ⊙ W_d) + b + b_d
 *
 * W_d starts at 1 and b_d at 0, so that training begins with one network for all. Sheng et al., CIKM 2021,
 * arXiv:2101.11427.
 */
import { constantInit, Module, Parameter } from "../module/index.ts";
import { add, expandDims, matmul, mul, sum, transpose } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class StarLinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly domainWeight: Parameter;
  readonly domainBias: Parameter;

  constructor(inputs: number, outputs: number, { domains }: { readonly domains: number }) {
    super();
    this.weight = new Parameter([inputs, outputs]);
    this.bias = new Parameter([outputs]);
    this.domainWeight = new Parameter([domains, inputs, outputs], { init: constantInit(1) });
    this.domainBias = new Parameter([domains, outputs], { init: constantInit(0) });
  }

  /**
   * @param x `[batch, inputs]`
   * @param weights `[batch, domains]`, the row's domain
   * @returns `[batch, outputs]`
   */
  forward(x: Tensor, weights: Tensor): Tensor {
    const each = matmul(x, mul(this.domainWeight, this.weight)); // [domains, batch, outputs]
    const own = sum(mul(each, expandDims(transpose(weights), 2)), { axis: 0 });
    return add(own, add(this.bias, matmul(weights, this.domainBias)));
  }
}
