/** The metrics of one user's ranking, by name: the table that grouped and full evaluation share. */
import { hitRateAtK } from "./hit-rate.ts";
import { ndcgAtK } from "./ndcg.ts";
import type { RankedPositives } from "./rank-positives.ts";
import { recallAtK } from "./recall.ts";
import { reciprocalRank } from "./reciprocal-rank.ts";

/** `@k` families take a cut-off, as in `ndcg@10`. */
export type RankingMetricFamily = "ndcg@k" | "recall@k" | "hr@k" | "mrr";

export interface RankingMetric {
  /** One user's value in [0, 1], higher is better; the user has at least one positive. */
  readonly compute: (positives: RankedPositives, k: number) => number;
  readonly definition: string;
}

export const rankingMetrics: { readonly [Family in RankingMetricFamily]: RankingMetric } = {
  "ndcg@k": {
    compute: ndcgAtK,
    definition: "gain 2^y - 1, discount log2(rank + 1), divided by the best possible, mean over users",
  },
  "recall@k": {
    compute: recallAtK,
    definition: "hits among the first k / positives of the user, mean over users",
  },
  "hr@k": { compute: hitRateAtK, definition: "share of users with any hit among the first k" },
  mrr: { compute: reciprocalRank, definition: "reciprocal rank of the first hit, mean over users" },
};
