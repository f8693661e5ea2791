/** Probabilities and their logits. */

/** `ln(p / (1 - p))`, infinite at 0 and 1. */
export function logOdds(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** `1 / (1 + e^-logit)`, the inverse of `logOdds`. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
