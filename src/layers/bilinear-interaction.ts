/**
 * FiBiNET's bilinear interaction: `(e_f W) ⊙ e_g` for every pair of fields f < g, with one W for all pairs
 * (`field_all`), one for each left field (`field_each`) or one for each pair (`field_interaction`).
 *
 * Huang, Zhang and Zhang, "FiBiNET", RecSys 2019, arXiv:1905.09433.
 */
import { Module, Parameter } from "../module/index.ts";
import { matmul, mul, swapAxes, take } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type FieldPairs, fieldPairs } from "./field-pairs.ts";

export type BilinearType = "field_all" | "field_each" | "field_interaction";

export class BilinearInteraction extends Module {
  /** `[dim, dim]`, or one such matrix for each field or pair. */
  readonly weight: Parameter;
  readonly type: BilinearType;
  readonly #pairs: FieldPairs;

  /** @throws ConfigError when there are fewer than two fields */
  constructor(fields: number, dim: number, { type }: { type: BilinearType }) {
    super();
    this.type = type;
    this.#pairs = fieldPairs(fields);
    const matrices = { field_all: [], field_each: [fields], field_interaction: [this.#pairs.count] };
    this.weight = new Parameter([...matrices[type], dim, dim]);
  }

  /** `[batch, fields, dim]` to `[batch, fields·(fields-1)/2, dim]`. */
  forward(x: Tensor): Tensor {
    const { left, right } = this.#pairs;
    const turned =
      this.type === "field_interaction"
        ? this.#turn(take(x, left, { axis: 1 }))
        : take(this.#turn(x), left, { axis: 1 });
    return mul(turned, take(x, right, { axis: 1 }));
  }

  /** Every vector times its own matrix, `[batch, matrices, dim]` to the same; one product a matrix, not a row. */
  #turn(x: Tensor): Tensor {
    return this.type === "field_all"
      ? matmul(x, this.weight)
      : swapAxes(matmul(swapAxes(x, 0, 1), this.weight), 0, 1);
  }
}
