/** Reciprocal rank of the first hit; its mean over users is MRR. */
import type { RankedPositives } from "./rank-positives.ts";

/** `1 / (rank of the best positive)`, in (0, 1]; there must be at least one positive. */
export function reciprocalRank({ ranks }: RankedPositives): number {
  return 1 / ranks[0];
}
