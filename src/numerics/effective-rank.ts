/**
 * Effective rank of a spectrum: the exponential of the entropy of its shares.
 *
 *     erank = exp(-Σₖ pₖ ln pₖ),   pₖ = σₖ / Σ σ
 *
 * Like information abundance between 1 and the number of singular values, and unchanged by scale, but not set by
 * the largest one alone. Roy and Vetterli, "The Effective Rank", EUSIPCO 2007.
 */

/** From singular values in any order; undefined for a matrix of zeros. */
export function effectiveRank(singularValues: ArrayLike<number>): number | undefined {
  let sum = 0;
  for (let i = 0; i < singularValues.length; i++) sum += singularValues[i];
  if (sum === 0) return undefined;
  let entropy = 0;
  for (let i = 0; i < singularValues.length; i++) {
    const share = singularValues[i] / sum;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return Math.exp(entropy);
}
