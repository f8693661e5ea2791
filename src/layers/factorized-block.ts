/**
 * FinalNet's factorized interaction layers, in place of an MLP: each layer's linear map is cut into two
 * halves that meet, so that L layers reach degree 2^L.
 *
 *     [u ; v] = W x + b,   out = [u ; u ⊙ v]  (concat)   or   u + u ⊙ v  (sum)
 *
 * Then batch norm, activation and dropout, as in an MLP. Zhu et al., "FINAL: Factorized Interaction Layer
 * for CTR Prediction", SIGIR 2023, doi:10.1145/3539618.3591988.
 */
import { ConfigError, repeat } from "../core/index.ts";
import { dropout, Module } from "../module/index.ts";
import { add, concat, mul, split } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type ActivationLayer, type ActivationName, activation } from "./activation.ts";
import { BatchNorm } from "./batch-norm.ts";
import { Linear } from "./linear.ts";

export interface FactorizedBlockOptions {
  /** @default "relu" */
  readonly activation?: ActivationName;
  /** @default 0 */
  readonly dropout?: number;
  /** @default false */
  readonly batchNorm?: boolean;
  /** How a layer's two halves are joined. @default "concat" */
  readonly residual?: "concat" | "sum";
}

export class FactorizedBlock extends Module {
  readonly layers: readonly Linear[];
  readonly norms: readonly BatchNorm[];
  readonly activations: readonly ActivationLayer[];
  readonly residual: "concat" | "sum";
  readonly rate: number;
  /** Width of the output. */
  readonly width: number;

  /** @throws ConfigError when halves are to stand side by side in an odd width */
  constructor(inputs: number, hidden: readonly number[], options: FactorizedBlockOptions = {}) {
    super();
    this.residual = options.residual ?? "concat";
    const odd = hidden.find((width) => width % 2 !== 0);
    if (this.residual === "concat" && odd !== undefined) {
      throw new ConfigError("a factorized layer's halves need an even width", {
        details: { width: odd, hidden },
        hint: `take ${odd + 1}, or residual: sum`,
      });
    }
    const widths = [inputs, ...hidden];
    const linearWidths = hidden.map((width) => (this.residual === "concat" ? width : 2 * width));
    this.layers = repeat(hidden.length, (l) => new Linear(widths[l], linearWidths[l]));
    this.norms = options.batchNorm ? hidden.map((width) => new BatchNorm(width)) : [];
    this.activations = hidden.map((width) => activation(options.activation ?? "relu", width));
    this.rate = options.dropout ?? 0;
    this.width = widths[widths.length - 1];
  }

  /** `[batch, inputs]` to `[batch, width]`. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer, l) => {
      const joined = this.#join(layer.forward(value));
      const normed = this.norms[l]?.forward(joined) ?? joined;
      return dropout(this.activations[l].forward(normed), this.rate);
    }, x);
  }

  #join(linear: Tensor): Tensor {
    const half = (linear.shape[1] as number) / 2;
    const [u, v] = split(linear, [half, half]);
    const product = mul(u, v);
    return this.residual === "concat" ? concat([u, product]) : add(u, product);
  }
}
