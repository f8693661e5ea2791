/**
 * Nash-MTL: the step as a bargain between tasks, α with `M α = 1/α` element by element, which is where the
 * convex function `½ αᵀMα - Σ log α_k` is least; found by Newton's method.
 *
 * Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022, arXiv:2202.01017. Departure: solved
 * anew in every step to rounding, in place of a sequence of approximations.
 */
import type { Products } from "./gradient-mixing.ts";
import { solveLinear } from "./linear-system.ts";
import { squaredNorm } from "./minimum-norm.ts";

/** α, all above 0; the bargain does not depend on units, so its scale is of no account. */
export function nashBargain(products: Products): number[] {
  const tasks = products.length;
  const norms = products.map((row, k) => Math.sqrt(row[k]));
  if (norms.some((norm) => norm === 0)) return products.map(() => 1);
  // In units of each task's norm the problem is well scaled: M' has ones on its diagonal.
  const unit = products.map((row, i) => row.map((product, j) => product / (norms[i] * norms[j])));
  // A little on the diagonal keeps the bargain finite where gradients are exactly opposed.
  for (let k = 0; k < tasks; k++) unit[k][k] += 1e-9;
  const value = (alpha: readonly number[]): number =>
    0.5 * squaredNorm(unit, alpha) - alpha.reduce((sum, a) => sum + Math.log(a), 0);
  let alpha = norms.map(() => 1 / Math.sqrt(tasks));
  for (let round = 0; round < 100; round++) {
    const gradient = unit.map((row, k) => row.reduce((sum, m, j) => sum + m * alpha[j], 0) - 1 / alpha[k]);
    const hessian = unit.map((row, i) => row.map((m, j) => m + (i === j ? 1 / alpha[i] ** 2 : 0)));
    const direction = solveLinear(hessian, gradient) ?? gradient;
    const decrement = direction.reduce((sum, d, k) => sum + d * gradient[k], 0);
    if (decrement < 1e-18) break;
    const now = value(alpha);
    let length = 1;
    let next = alpha;
    for (; length > 1e-12; length /= 2) {
      next = alpha.map((a, k) => a - length * direction[k]);
      if (next.every((a) => a > 0) && value(next) <= now - 1e-4 * length * decrement) break;
    }
    if (length <= 1e-12) break;
    alpha = next;
  }
  return alpha.map((a, k) => a / norms[k]);
}
