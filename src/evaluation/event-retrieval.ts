/**
 * How well scores of a history's events find those that matter, where it is known how much each matters (by the
 * law that made the data, or by mutual information). Gains are the relevance itself:
 *
 *     NDCG@k = Σ_{r ≤ k} rel(r) / log2(r + 1)  /  the same sum of the best order
 *     recall@k = the share of the k most relevant events (of relevance above 0) that are among the k found
 *
 * Histories of k events or fewer leave nothing to find, those without a relevant event nothing to be found; both
 * are left out. Ties in scores go to the earlier event, as a search of highest scores breaks them.
 */
import type { NumericArray } from "./scored-rows.ts";

export interface ScoredEvents {
  /** `[rows, length]`. */
  readonly scores: NumericArray;
  /** At least 0, `[rows, length]`. */
  readonly relevance: NumericArray;
  /** Events of each row, `[rows]`; what lies behind them is padding. */
  readonly lengths: NumericArray;
  readonly length: number;
}

export interface EventRetrieval {
  /** Means over the histories that count; NaN where there are none. */
  readonly ndcg: number;
  readonly recall: number;
  readonly histories: number;
}

export function eventRetrieval(
  { scores, relevance, lengths, length }: ScoredEvents,
  k: number,
): EventRetrieval {
  let [ndcg, recall, histories] = [0, 0, 0];
  for (let row = 0; row < lengths.length; row++) {
    const events = lengths[row];
    if (events <= k) continue;
    const from = row * length;
    const order = (values: NumericArray): number[] =>
      Array.from({ length: events }, (_, t) => t)
        .sort((a, b) => values[from + b] - values[from + a] || a - b)
        .slice(0, k);
    const best = order(relevance).filter((t) => relevance[from + t] > 0);
    if (best.length === 0) continue;
    const found = order(scores);
    const gain = (events: readonly number[]): number =>
      events.reduce((sum, t, rank) => sum + relevance[from + t] / Math.log2(rank + 2), 0);
    histories++;
    ndcg += gain(found) / gain(best);
    const wanted = new Set(best);
    recall += found.filter((t) => wanted.has(t)).length / best.length;
  }
  return { ndcg: ndcg / histories, recall: recall / histories, histories };
}
