/**
 * Signatures by random hyperplanes: bit j of x says on which side of r_j it lies, `sign(x·r_j)`, so that two
 * vectors differ in a bit with probability angle / π. Scaling changes nothing; x and -x differ in every bit.
 *
 * Charikar, STOC 2002; for searching histories: ETA (arXiv:2108.04468) and SDIM (arXiv:2205.10249). The
 * hyperplanes are drawn once, N(0, 1), kept with the model, and not trained; bits have no gradient.
 */
import { Module, normalInit, Parameter } from "../module/index.ts";
import { cast, equal, expandDims, greater, matmul, mul, reshape, squeeze, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class SimHash extends Module {
  /** `[dim, bits]`. */
  readonly planes: Parameter;
  readonly bits: number;

  constructor(dim: number, bits: number) {
    super();
    this.planes = new Parameter([dim, bits], { init: normalInit(1), trainable: false });
    this.bits = bits;
  }

  /** `[..., dim]` to `[..., bits]` of 1 and -1. */
  forward(x: Tensor): Tensor {
    return sub(mul(cast(greater(matmul(x, this.planes), 0), "float32"), 2), 1);
  }

  /**
   * Bits in which each event differs from the target.
   *
   * @param target `[batch, dim]`
   * @param events `[batch, length, dim]`
   * @returns whole numbers from 0 to `bits`, `[batch, length]`
   */
  distances(target: Tensor, events: Tensor): Tensor {
    const agreement = matmul(this.forward(events), expandDims(this.forward(target), 2)); // [batch, length, 1]
    return mul(sub(this.bits, squeeze(agreement, 2)), 0.5);
  }

  /**
   * With the bits in groups of `width`: 1 where all bits of a group agree with the target's, which is to say
   * that both fall into one bucket of that group's hash table.
   *
   * @returns float32 `[batch, length, bits / width]`
   */
  collisions(target: Tensor, events: Tensor, width: number): Tensor {
    const agreeing = mul(this.forward(events), expandDims(this.forward(target), 1)); // [batch, length, bits]
    const [batch, length] = events.shape;
    const groups = sum(reshape(agreeing, [batch, length, this.bits / width, width]), { axis: 3 });
    return cast(equal(groups, width), "float32");
  }
}
