/**
 * Compressed interaction network: layer k has H_k maps, each a weighted sum of the elementwise products of
 * all fields with all maps before.
 *
 *     X⁰ = E,   X^k_h = Σ_{f,j} W^k_{fj,h} (e_f ⊙ X^{k-1}_j) + b^k_h,   out = w · [Σ_d X¹ ; … ; Σ_d X^K] + b
 *
 * No activation, as in FuxiCTR (the paper allows one). With the embedding's axis in front of the fields',
 * a layer is one product of `[batch · dim, fields · maps]` with its weight. Of the last layer only the sum
 * over the embedding's axis is asked, and the products' sum is a matrix product: it never makes them.
 *
 * Lian et al., "xDeepFM", KDD 2018, arXiv:1803.05170.
 */
import { repeat } from "../core/index.ts";
import { acrossSets, Module } from "../module/index.ts";
import { affine, concat, expandDims, matmul, mul, reshape, sum, swapAxes } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Linear } from "./linear.ts";

export class CompressedInteraction extends Module {
  /** Layer k's weight is `[fields · H_{k-1}, H_k]`, the field's number counting slower. */
  readonly layers: readonly Linear[];
  readonly head: Linear;
  readonly fields: number;

  /** @param maps the widths H_1 … H_K, at least one */
  constructor(fields: number, maps: readonly number[]) {
    super();
    const widths = [fields, ...maps];
    this.layers = repeat(maps.length, (k) => new Linear(fields * widths[k], widths[k + 1]));
    this.head = new Linear(
      maps.reduce((total, width) => total + width, 0),
      1,
    );
    this.fields = fields;
  }

  /** `[batch, fields, dim]` to `[batch]`. */
  forward(e: Tensor): Tensor {
    const [batch, , dim] = e.shape;
    const x0 = swapAxes(e, 1, 2); // [batch, dim, fields]
    const pooled: Tensor[] = [];
    let x = x0; // [batch, dim, maps]
    for (const [k, layer] of this.layers.entries()) {
      const maps = x.shape[2] as number;
      if (k === this.layers.length - 1) {
        const products = matmul(x0, x, { transposeA: true }); // [batch, fields, maps]
        const bias = mul(layer.bias as Tensor, dim as number);
        pooled.push(affine(reshape(products, [batch, this.fields * maps]), layer.weight, bias));
      } else {
        const products = mul(expandDims(x0, 3), expandDims(x, 2)); // [batch, dim, fields, maps]
        x = layer.forward(reshape(products, [batch, dim, this.fields * maps]));
        pooled.push(sum(x, { axis: 1 }));
      }
    }
    return this.head.forward(acrossSets(concat(pooled))).squeeze(1);
  }
}
