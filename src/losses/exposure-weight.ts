/**
 * Repeated-exposure weighting: rows whose item was shown to the same user n times before, in a past window, weigh
 *
 *     w = 1 + κ ln(1 + n).
 *
 * On rows of both classes this leaves what a model should learn as it was, as long as n is one of its features:
 * the weighted optimum is `w p / (w p + w (1-p)) = p`. On negatives alone the optimum is `p' = p / (p + w (1-p))`,
 * whose logit lies below that of p by ln w; predictions are put right by adding it:
 * `p = w p' / (1 - p' + w p')`.
 *
 * The idea is from Pan et al., "Ads Recommendation in a Collapsed and Entangled World", KDD 2024,
 * arXiv:2403.00793, whose formula was not published; this one is ours.
 */

/** w of n earlier exposures. */
export function exposureWeight(exposures: number, kappa: number): number {
  return 1 + kappa * Math.log1p(exposures);
}

/** What a model learns where positives weigh `positives` and negatives `negatives`: the weighted optimum for p. */
export function learnedProbability(
  probability: number,
  { positives, negatives }: { readonly positives: number; readonly negatives: number },
): number {
  const positive = positives * probability;
  return positive / (positive + negatives * (1 - probability));
}

/** The probability behind one that was learned with negatives of weight w. */
export function withoutNegativeWeight(learned: number, weight: number): number {
  return (weight * learned) / (1 - learned + weight * learned);
}
