/**
 * MGDA: the shortest vector in the convex hull of the gradients, `min_α ‖Σ α_k g_k‖²`, α on the simplex;
 * a direction that no task's loss ascends along, zero where none exists.
 *
 * Désidéri, "Multiple-gradient descent algorithm", 2012; Sener and Koltun, "Multi-Task Learning as
 * Multi-Objective Optimization", NeurIPS 2018, arXiv:1810.04650.
 */
import type { Products } from "./gradient-mixing.ts";
import { minimizeOnSimplex } from "./simplex.ts";

/** α */
export function minimumNorm(products: Products): number[] {
  const scale = Math.max(...products.map((row, k) => row[k]));
  if (scale === 0) return products.map(() => 1 / products.length);
  return minimizeOnSimplex(products.length, (weights) => squaredNorm(products, weights) / scale);
}

/** `wᵀ M w` */
export function squaredNorm(products: Products, weights: readonly number[]): number {
  let total = 0;
  for (const [i, a] of weights.entries())
    for (const [j, b] of weights.entries()) total += a * b * products[i][j];
  return Math.max(0, total);
}
