/**
 * Group-weighted part-aware interaction of fields (GwPFM): fields stand in groups (user, item, context, …), and a
 * field shows each group another part of its embedding.
 *
 *     o = Σ_{i<j} r_{g(i) g(j)} (v_{i→g(j)} ⊙ v_{j→g(i)})
 *
 * With one group it is FM's sum of products, with a group for each field a field-weighted FFM, at G parts in place
 * of N. One weight for each pair of groups: the order of two fields says nothing. As sums over groups it takes time
 * linear in the fields: with `S_{a→b} = Σ_{i in a} v_{i→b}`, groups a ≠ b give `r_ab S_{a→b} ⊙ S_{b→a}`, and one
 * group with itself `½ r_aa (S_{a→a}² - Σ_i v_{i→a}²)`.
 *
 * Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024, arXiv:2403.00793, after FwFM.
 */
import { constantInit, Module, Parameter } from "../module/index.ts";
import { mul, reshape, slice, square, squeeze, stack, sub, sum, take } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

export class GroupedPairs extends Module {
  /** r of groups a ≤ b: (0, 0), (0, 1), …, (1, 1), …; `[pairs of groups]`. */
  readonly weight: Parameter;
  readonly groups: readonly (readonly number[])[];
  /** Width of a part, and of the output. */
  readonly width: number;

  /** @param groups positions of the fields of each group; every field in one of them */
  constructor(groups: readonly (readonly number[])[], { width }: { readonly width: number }) {
    super();
    this.groups = groups;
    this.width = width;
    this.weight = new Parameter([(groups.length * (groups.length + 1)) / 2], { init: constantInit(1) });
  }

  /** `[batch, fields, groups · width]`, a field's parts in the order of groups, to `[batch, width]`. */
  forward(e: Tensor): Tensor {
    const count = this.groups.length;
    const parts = this.groups.map((fields) => {
      const own = take(e, fields, { axis: 1 }); // [batch, fields of the group, groups · width]
      return reshape(own, [e.shape[0], fields.length, count, this.width]);
    });
    const sums = parts.map((part) => sum(part, { axis: 1 })); // [batch, groups, width]
    const toward = (a: number, b: number): Tensor =>
      squeeze(slice(sums[a], { axis: 1, start: b, end: b + 1 }), 1);
    const products: Tensor[] = [];
    for (let a = 0; a < count; a++) {
      for (let b = a; b < count; b++) {
        products.push(a === b ? this.#within(parts[a], toward(a, a), a) : mul(toward(a, b), toward(b, a)));
      }
    }
    return sum(mul(stack(products, { axis: 1 }), reshape(this.weight, [products.length, 1])), { axis: 1 });
  }

  /** `Σ_{i<j} v_i ⊙ v_j` of one group's fields by what they show their own. */
  #within(part: Tensor, total: Tensor, group: number): Tensor {
    const own = squeeze(slice(part, { axis: 2, start: group, end: group + 1 }), 2); // [batch, fields, width]
    return mul(sub(square(total), sum(square(own), { axis: 1 })), 0.5);
  }
}
