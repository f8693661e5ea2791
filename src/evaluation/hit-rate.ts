/** Hit rate: whether any positive stands among the first k. */
import type { RankedPositives } from "./rank-positives.ts";

/** 1 when at least one positive has rank ≤ k, else 0. */
export function hitRateAtK(positives: RankedPositives, k: number): number {
  return hitsAtK(positives, k) > 0 ? 1 : 0;
}

/** Positives with rank ≤ k. */
export function hitsAtK({ ranks }: RankedPositives, k: number): number {
  let hits = 0;
  while (hits < ranks.length && ranks[hits] <= k) hits++;
  return hits;
}
