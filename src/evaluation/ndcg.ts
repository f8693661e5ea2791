/**
 * Normalised discounted cumulative gain of one ranking:
 *
 *     NDCG@k = Σ_{rank ≤ k} (2^y - 1) / log2(rank + 1)  /  (the same sum of the best possible ranking)
 *
 * The best ranking puts all positives first, by descending relevance. Järvelin and Kekäläinen, ACM
 * TOIS 20(4), 2002, with the exponential gain of Burges et al., ICML 2005.
 */
import type { RankedPositives } from "./rank-positives.ts";

/** In [0, 1]; there must be at least one positive. */
export function ndcgAtK({ ranks, relevance }: RankedPositives, k: number): number {
  let gained = 0;
  for (let i = 0; i < ranks.length && ranks[i] <= k; i++)
    gained += gain(relevance[i]) / Math.log2(ranks[i] + 1);
  const ideal = relevance.slice().sort().reverse();
  let best = 0;
  for (let i = 0; i < ideal.length && i < k; i++) best += gain(ideal[i]) / Math.log2(i + 2);
  return gained / best;
}

function gain(relevance: number): number {
  return 2 ** relevance - 1;
}
