/**
 * PCGrad: a task's gradient loses its component against each other task's gradient that it conflicts with,
 *
 *     for j in random order:  if g̃_i·g_j < 0:  g̃_i ← g̃_i - (g̃_i·g_j / ‖g_j‖²) g_j
 *
 * with the others' original gradients. The order is a function of (seed, step, task).
 *
 * Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, arXiv:2001.06782.
 */
import { CounterRandom } from "../../core/index.ts";
import type { MixingContext, Products } from "./gradient-mixing.ts";

export function pcGrad(products: Products, { seed, step }: Pick<MixingContext, "seed" | "step">): number[][] {
  return products.map((_, i) => {
    const coefficients: number[] = products.map((_, j) => (i === j ? 1 : 0));
    const others = products.map((_, j) => j).filter((j) => j !== i);
    const order = new CounterRandom(seed, "pcgrad", step, i).permutation(others.length);
    for (const place of order) {
      const j = others[place];
      const dot = coefficients.reduce((sum, c, l) => sum + c * products[l][j], 0);
      if (dot < 0 && products[j][j] > 0) coefficients[j] -= dot / products[j][j];
    }
    return coefficients;
  });
}
