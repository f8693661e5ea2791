/**
 * Information abundance of an embedding table: how many directions it really uses.
 *
 *     IA(E) = Σₖ σₖ / maxₖ σₖ,   σ the singular values of E
 *
 * Between 1 (all rows on one line: complete collapse) and the number of columns (all directions used
 * alike). It does not change when the table is scaled or its columns are rotated. Guo et al., "On the
 * Embedding Collapse When Scaling up Recommendation Models", ICML 2024, arXiv:2310.04400.
 */

/** From singular values in any order; undefined for a table of zeros, which has no direction. */
export function informationAbundance(singularValues: ArrayLike<number>): number | undefined {
  let sum = 0;
  let largest = 0;
  for (let i = 0; i < singularValues.length; i++) {
    sum += singularValues[i];
    largest = Math.max(largest, singularValues[i]);
  }
  return largest === 0 ? undefined : sum / largest;
}
