/**
 * Ranking metrics over the rows of each group, such as the impressions of one user or request: how well
 * what was shown is ordered. They are not retrieval metrics (those rank all items: `full-ranking.ts`),
 * and their names say so: `group_ndcg@k`, `group_recall@k`, `group_hr@k`, `group_mrr`.
 */
import { CounterRandom, DataError } from "../core/index.ts";
import { groupRows } from "./group-rows.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { type RankedPositives, rankPositives } from "./rank-positives.ts";
import { checkRows, requireGroups, type ScoredRows } from "./scored-rows.ts";

export interface GroupRankingOptions {
  /** Value of one group with at least one positive, e.g. `(positives) => ndcgAtK(positives, 10)`. */
  readonly metric: (positives: RankedPositives) => number;
  /** Orders rows with equal predictions. @default 0 */
  readonly seed?: number;
}

/**
 * Mean over groups; labels are relevances (0 is not relevant). Groups without a positive are left out
 * and counted (`counts.groups`, `counts.groupsWithoutPositive`). Sample weights are not used.
 *
 * @throws ConfigError without groups; DataError on a NaN prediction or a label below 0
 */
export function groupRanking(rows: ScoredRows, { metric, seed = 0 }: GroupRankingOptions): MetricValue {
  const groups = requireGroups(rows, "a group metric");
  checkRows(rows);
  const { predictions, labels } = rows;
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  const grouped = groupRows(groups);
  let sum = 0;
  let used = 0;
  for (let group = 0; group < grouped.count; group++) {
    const members = grouped.rows.subarray(grouped.offsets[group], grouped.offsets[group + 1]);
    const positives: number[] = [];
    members.forEach((row, index) => {
      if (!(labels[row] >= 0)) {
        throw new DataError(`label of row ${row} is ${labels[row]}; relevance must be at least 0`, {
          details: { row, label: labels[row] },
        });
      }
      if (labels[row] > 0) positives.push(index);
    });
    if (positives.length === 0) continue;
    const ranked = rankPositives(
      {
        scores: Float64Array.from(members, (row) => predictions[row]),
        positives,
        relevance: positives.map((index) => labels[members[index]]),
      },
      new CounterRandom(seed, "ties", group),
    );
    sum += metric(ranked);
    used++;
  }
  const counts = { groups: used, groupsWithoutPositive: grouped.count - used };
  return used === 0 ? undefinedMetric("no group has a positive", counts) : defined(sum / used, counts);
}
