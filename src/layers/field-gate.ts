/**
 * FinalNet's field gate: every field times a gate that is, dimension by dimension, a linear function of all
 * fields; the fields and their gated copies side by side.
 *
 *     G[:, k] = W E[:, k] + b,   out = [E ; E ⊙ G]
 *
 * Starts as W = 0, b = 1: copies. Zhu et al., "FINAL: Factorized Interaction Layer for CTR Prediction",
 * SIGIR 2023, doi:10.1145/3539618.3591988.
 */
import { constantInit, Module, Parameter, zerosInit } from "../module/index.ts";
import { affine, concat, mul, swapAxes } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class FieldGate extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(fields: number) {
    super();
    this.weight = new Parameter([fields, fields], { init: zerosInit });
    this.bias = new Parameter([fields], { init: constantInit(1) });
  }

  /** `[batch, fields, dim]` to `[batch, 2·fields, dim]`. */
  forward(x: Tensor): Tensor {
    const gates = swapAxes(affine(swapAxes(x, 1, 2), this.weight, this.bias), 1, 2);
    return concat([x, mul(x, gates)], { axis: 1 });
  }
}
