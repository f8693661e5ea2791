/** Recall@k of one ranking: the share of the user's positives among the first k. */
import { hitsAtK } from "./hit-rate.ts";
import type { RankedPositives } from "./rank-positives.ts";

/** `(positives with rank ≤ k) / positives`, in [0, 1]; there must be at least one positive. */
export function recallAtK(positives: RankedPositives, k: number): number {
  return hitsAtK(positives, k) / positives.ranks.length;
}
