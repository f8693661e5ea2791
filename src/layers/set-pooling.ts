/**
 * Pooling by multi-head attention (PMA): learned seeds S ask a set of events, each gives one vector.
 *
 *     Z = LN(S + MHA(S, X, X)),   PMA(X) = LN(Z + ReLU(Z W + b));   with `attentionOnly`, MHA(S, X, X)
 *
 * The order of the events does not matter. Lee et al., "Set Transformer", ICML 2019, arXiv:1810.00825.
 */
import { Module, normalInit, Parameter } from "../module/index.ts";
import { add, expandDims, relu } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { MultiHeadAttention } from "./multi-head-attention.ts";

export interface SetPoolingOptions {
  /** Vectors out. @default 1 */
  readonly seeds?: number;
  /** @default 1 */
  readonly heads?: number;
  /** Without residuals, norms and the row-wise network. @default false */
  readonly attentionOnly?: boolean;
}

export class SetPooling extends Module {
  readonly seeds: Parameter;
  readonly attention: MultiHeadAttention;
  readonly norms: readonly LayerNorm[];
  readonly rowwise: Linear | undefined;

  constructor(dim: number, { seeds = 1, heads = 1, attentionOnly = false }: SetPoolingOptions = {}) {
    super();
    this.seeds = new Parameter([seeds, dim], { init: normalInit(0.02) });
    this.attention = new MultiHeadAttention(dim, { heads });
    this.norms = attentionOnly ? [] : [new LayerNorm(dim), new LayerNorm(dim)];
    this.rowwise = attentionOnly ? undefined : new Linear(dim, dim);
  }

  /** `[batch, length, dim]` and its mask `[batch, length]` to `[batch, seeds, dim]`. */
  forward(events: Tensor, mask?: Tensor): Tensor {
    const seeds = expandDims(this.seeds, 0); // [1, seeds, dim]
    const attended = this.attention.forward(seeds, events, mask);
    if (this.rowwise === undefined) return attended;
    const z = this.norms[0].forward(add(seeds, attended));
    return this.norms[1].forward(add(z, relu(this.rowwise.forward(z))));
  }
}
