/**
 * Wukong's layer: a factorization machine block and a linear compression of the vectors, side by side, so
 * that the degree of interactions doubles with every layer.
 *
 *     FMB(X) = reshape(ReLU(MLP(LN(flatten(X (Xᵀ Y))))), n_F × d)     Y: n × k learned, k ≪ n
 *     LCB(X) = W_L X                                                  n_L × d
 *     X' = LN([FMB(X) ; LCB(X)] + R(X))                               R: identity where n = n_F + n_L, else linear
 *
 * Without a rank the products are X Xᵀ itself. Y does not depend on the row (FuxiCTR's form; the paper also
 * has an attentive one). Zhang et al., "Wukong", ICML 2024, arXiv:2403.02545.
 */
import { Module, normalInit, Parameter } from "../module/index.ts";
import { add, concat, matmul, relu, reshape, swapAxes } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { MLP } from "./mlp.ts";

export interface WukongLayerOptions {
  /** n: vectors that come in. */
  readonly vectors: number;
  /** d: width of each. */
  readonly dim: number;
  /** n_F: vectors out of the factorization machine block. */
  readonly interacted: number;
  /** n_L: vectors out of the compression. */
  readonly compressed: number;
  /** k; undefined: all pairs of vectors. */
  readonly rank: number | undefined;
  /** Hidden widths of the factorization machine block's network. */
  readonly hidden: readonly number[];
  /** Dropout of that network. @default 0 */
  readonly dropout?: number;
}

export class WukongLayer extends Module {
  readonly products: FactorizationMachineBlock;
  readonly compression: Linear;
  readonly residual: Linear | undefined;
  readonly norm: LayerNorm;

  constructor(options: WukongLayerOptions) {
    super();
    const { vectors, dim, interacted, compressed } = options;
    this.products = new FactorizationMachineBlock(options);
    this.compression = new Linear(vectors, compressed, { bias: false });
    const output = interacted + compressed;
    this.residual = vectors === output ? undefined : new Linear(vectors, output);
    this.norm = new LayerNorm(dim);
  }

  /** `[batch, vectors, dim]` to `[batch, interacted + compressed, dim]`. */
  forward(x: Tensor): Tensor {
    const turned = swapAxes(x, 1, 2); // [batch, dim, vectors]: mixing vectors is then one large product
    const compressed = swapAxes(this.compression.forward(turned), 1, 2); // [batch, compressed, dim]
    const residual = this.residual === undefined ? x : swapAxes(this.residual.forward(turned), 1, 2);
    return this.norm.forward(
      add(concat([this.products.forward(x, turned), compressed], { axis: 1 }), residual),
    );
  }
}

class FactorizationMachineBlock extends Module {
  /** Y. */
  readonly projection: Parameter | undefined;
  readonly norm: LayerNorm;
  readonly network: MLP;
  readonly #shape: readonly [vectors: number, dim: number];

  constructor({ vectors, dim, interacted, rank, hidden, dropout }: WukongLayerOptions) {
    super();
    this.projection =
      rank === undefined ? undefined : new Parameter([vectors, rank], { init: normalInit(1) });
    const width = vectors * (rank ?? vectors);
    this.norm = new LayerNorm(width);
    this.network = new MLP(width, hidden, { dropout, output: interacted * dim });
    this.#shape = [interacted, dim];
  }

  /** `x` and its transpose, `[batch, vectors, dim]` and `[batch, dim, vectors]`. */
  forward(x: Tensor, turned: Tensor): Tensor {
    const right = this.projection === undefined ? turned : matmul(turned, this.projection); // [batch, dim, k]
    const products = matmul(x, right); // [batch, vectors, k]
    const flat = reshape(products, [x.shape[0], this.norm.scale.shape[0]]);
    const mixed = relu(this.network.forward(this.norm.forward(flat)));
    return reshape(mixed, [x.shape[0], ...this.#shape]); // [batch, interacted, dim]
  }
}
