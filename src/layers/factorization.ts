import { mul, square, sub, sum } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";

/**
 * The sum over all pairs of fields of their inner products, in linear time:
 * `½ Σ_k [(Σ_f e_fk)² - Σ_f e_fk²]`; `[batch, fields, dim]` to `[batch]`.
 *
 * Rendle, "Factorization Machines", ICDM 2010.
 */
export function pairwiseInteraction(fields: Tensor): Tensor {
  const squareOfSum = square(sum(fields, { axis: 1 })); // [batch, dim]
  const sumOfSquares = sum(square(fields), { axis: 1 }); // [batch, dim]
  return mul(sum(sub(squareOfSum, sumOfSquares), { axis: 1 }), 0.5);
}
