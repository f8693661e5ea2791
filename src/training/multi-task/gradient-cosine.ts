/**
 * Gradient cosine similarity: an auxiliary task's gradient counts only where it does not point against the
 * main task's.
 *
 * Du et al., "Adapting Auxiliary Losses Using Gradient Similarity", 2018, arXiv:1812.02224 (the unweighted
 * form).
 */
import type { Products } from "./gradient-mixing.ts";

/** Factors: 1 or 0. */
export function gradientCosine(products: Products, main: number): number[] {
  return products.map((row, k) => (k === main || row[main] >= 0 ? 1 : 0));
}
