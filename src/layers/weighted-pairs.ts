/**
 * The second-order term of a factorization machine with weights of its own for every pair of fields:
 *
 *     Σ_{f<g} e_fᵀ M_fg e_g
 *
 * `scalar`: M = r·I (FwFM; Pan et al., WWW 2018, arXiv:1806.03514); `vector`: M = diag(v); `matrix`: any M
 * (FmFM; Sun et al., WWW 2021, arXiv:2102.12994). All pairs are one matrix product: the weights are laid out
 * as a matrix over fields that is zero on and below its diagonal.
 */
import { type Initializer, Module, normalInit, Parameter } from "../module/index.ts";
import { matmul, mul, reshape, sum, swapAxes, take, transpose } from "../ops/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { fieldPairs } from "./field-pairs.ts";

export type PairWeightForm = "scalar" | "vector" | "matrix";

export class WeightedPairs extends Module {
  /** `[pairs]`, `[pairs, dim]` or `[pairs, dim, dim]`, pairs in the order of `fieldPairs`. */
  readonly weight: Parameter;
  readonly form: PairWeightForm;
  readonly fields: number;
  readonly dim: number;

  constructor(fields: number, dim: number, { form }: { form: PairWeightForm }) {
    super();
    this.form = form;
    this.fields = fields;
    this.dim = dim;
    const pairs = fieldPairs(fields).count;
    const shape = { scalar: [pairs], vector: [pairs, dim], matrix: [pairs, dim, dim] }[form];
    this.weight = new Parameter(shape, { init: initialWeights(pairs, dim, form) });
  }

  /** `[batch, fields, dim]` to `[batch]`. */
  forward(e: Tensor): Tensor {
    const { form, fields, dim } = this;
    if (form === "matrix") {
      const x = reshape(e, [e.shape[0], fields * dim]);
      const blocks = transpose(this.#overFields(), [0, 2, 1, 3]); // [fields, dim, fields, dim]
      const weighted = matmul(x, reshape(blocks, [fields * dim, fields * dim]));
      return sum(mul(weighted, x), { axis: 1 });
    }
    if (form === "vector") {
      const x = transpose(e, [2, 0, 1]); // [dim, batch, fields]
      const weighted = matmul(x, transpose(this.#overFields(), [2, 0, 1]));
      return sum(mul(weighted, x), { axes: [0, 2] });
    }
    const x = swapAxes(e, 1, 2); // [batch, dim, fields]
    return sum(mul(matmul(x, this.#overFields()), x), { axes: [1, 2] });
  }

  /** The weights at `[f, g]` for f < g, zeros elsewhere: `[fields, fields]`, then as the weight. */
  #overFields(): Tensor {
    const { fields } = this;
    const { count, left, right } = fieldPairs(fields);
    // What stands below the diagonal is masked; mirrored, every weight is read about equally often, which
    // keeps the gradient's sum short.
    const positions = Array.from({ length: fields * fields }, (_, at) => at % count);
    const mask = new Float32Array(fields * fields);
    for (let pair = 0; pair < count; pair++) {
      positions[left[pair] * fields + right[pair]] = pair;
      positions[right[pair] * fields + left[pair]] = pair;
      mask[left[pair] * fields + right[pair]] = 1;
    }
    const rest = this.weight.shape.slice(1);
    const upper = constant(mask, { shape: [fields * fields, ...rest.map(() => 1)] });
    return reshape(mul(take(this.weight, positions, { axis: 0 }), upper), [fields, fields, ...rest]);
  }
}

/** Xavier normal as FuxiCTR has it: fans counted over the whole weight. */
function initialWeights(pairs: number, dim: number, form: PairWeightForm): Initializer {
  const fans = { scalar: pairs + 1, vector: pairs + dim, matrix: dim * dim + pairs * dim }[form];
  return normalInit(Math.sqrt(2 / fans));
}
