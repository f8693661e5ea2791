/**
 * IMTL-G: the combination `g = Σ α_k g_k`, Σ α_k = 1, whose projections onto all tasks' gradients are equal:
 * `g·u_1 = g·u_k` with `u_k = g_k / ‖g_k‖`. Linear in α. Equal weights where gradients are parallel or zero,
 * and the condition says nothing.
 *
 * Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021.
 */
import type { Products } from "./gradient-mixing.ts";
import { solveLinear } from "./linear-system.ts";

/** α */
export function impartialGradient(products: Products): number[] {
  const tasks = products.length;
  const equal = products.map(() => 1 / tasks);
  const norms = products.map((row, k) => Math.sqrt(row[k]));
  if (norms.some((norm) => norm === 0)) return equal;
  // Row k (from the second task on): Σ_j α_j g_j·(u_1 - u_k) = 0; the first row is Σ α = 1.
  const matrix = products.map((_, k) =>
    products.map((_, j) => (k === 0 ? 1 : products[j][0] / norms[0] - products[j][k] / norms[k])),
  );
  const scales = matrix.map((row) => Math.max(...row.map(Math.abs)));
  const alpha = scales.some((scale, k) => scale < 1e-9 * norms[k])
    ? undefined
    : solveLinear(
        matrix.map((row, k) => row.map((entry) => entry / scales[k])),
        matrix.map((_, k) => (k === 0 ? 1 : 0)),
      );
  return alpha ?? equal;
}
