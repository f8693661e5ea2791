/**
 * CAGrad: the direction near the mean gradient g₀ (within c‖g₀‖ of it) that helps the worst-off task most,
 *
 *     d = g₀ + (c‖g₀‖ / ‖g_w‖) g_w,   w = argmin over the simplex of g_w·g₀ + c‖g₀‖ ‖g_w‖,   g_w = Σ w_k g_k.
 *
 * Scaled by the number of tasks, so that c = 0 is the plain sum.
 *
 * Liu, Liu, Jin, Stone and Liu, "Conflict-Averse Gradient Descent", NeurIPS 2021, arXiv:2110.14048.
 */
import type { Products } from "./gradient-mixing.ts";
import { squaredNorm } from "./minimum-norm.ts";
import { minimizeOnSimplex } from "./simplex.ts";

/** Coefficients of the tasks' gradients. */
export function caGrad(products: Products, c: number): number[] {
  const tasks = products.length;
  const mean = products.map(() => 1 / tasks);
  const meanNorm = Math.sqrt(squaredNorm(products, mean));
  if (c === 0 || meanNorm === 0) return mean.map(() => 1);
  const radius = c * meanNorm;
  // g_k·g₀
  const alongMean = products.map((row) => row.reduce((sum, product) => sum + product / tasks, 0));
  const weights = minimizeOnSimplex(tasks, (w) => {
    const along = w.reduce((sum, share, k) => sum + share * alongMean[k], 0);
    return (along + radius * Math.sqrt(squaredNorm(products, w))) / meanNorm ** 2;
  });
  const norm = Math.sqrt(squaredNorm(products, weights));
  if (norm === 0) return mean.map(() => 1);
  return weights.map((share) => 1 + (tasks * radius * share) / norm);
}
