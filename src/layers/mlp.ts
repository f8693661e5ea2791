import { repeat } from "../core/index.ts";
import { acrossSets, dropout, Module } from "../module/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type ActivationLayer, type ActivationName, activation } from "./activation.ts";
import { BatchNorm } from "./batch-norm.ts";
import { Linear } from "./linear.ts";

export interface MLPOptions {
  /** Activation of the hidden layers. @default "relu" */
  readonly activation?: ActivationName;
  /** What slopes of `prelu` start from. @default 0.25 */
  readonly preluSlope?: number;
  /** Share of units dropped after each hidden layer. @default 0 */
  readonly dropout?: number;
  /** Batch normalisation before each activation. @default false */
  readonly batchNorm?: boolean;
  /** Width of a last linear layer without activation; absent: the last hidden layer is the output. */
  readonly output?: number;
}

/** Linear, (batch norm), activation, (dropout), once for each hidden width; `[batch, in]` to `[batch, width]`. */
export class MLP extends Module {
  readonly layers: readonly Linear[];
  readonly norms: readonly BatchNorm[];
  readonly activations: readonly ActivationLayer[];
  readonly head: Linear | undefined;
  readonly rate: number;
  /** Width of the output. */
  readonly width: number;

  constructor(inputs: number, hidden: readonly number[], options: MLPOptions = {}) {
    super();
    const widths = [inputs, ...hidden];
    this.layers = repeat(hidden.length, (l) => new Linear(widths[l], widths[l + 1]));
    this.norms = options.batchNorm ? hidden.map((width) => new BatchNorm(width)) : [];
    this.activations = hidden.map((width) => activation(options.activation ?? "relu", width, options));
    this.rate = options.dropout ?? 0;
    const last = widths[widths.length - 1];
    this.head = options.output === undefined ? undefined : new Linear(last, options.output);
    this.width = options.output ?? last;
  }

  forward(x: Tensor): Tensor {
    return this.#finish(this.layers.reduce((value, _, l) => this.#hidden(value, l), x));
  }

  /**
   * The same, where embedding sets meet behind the first hidden layer: that layer is each set's own and gives
   * its interaction the non-linear end without which several sets would be one wider set.
   */
  forwardAcrossSets(x: Tensor): Tensor {
    const [first, ...others] = this.layers.keys();
    const met = acrossSets(first === undefined ? x : this.#hidden(x, first));
    return this.#finish(others.reduce((value, l) => this.#hidden(value, l), met));
  }

  #hidden(x: Tensor, l: number): Tensor {
    const linear = this.layers[l].forward(x);
    const normed = this.norms[l]?.forward(linear) ?? linear;
    return dropout(this.activations[l].forward(normed), this.rate);
  }

  #finish(hidden: Tensor): Tensor {
    return this.head?.forward(hidden) ?? hidden;
  }
}
