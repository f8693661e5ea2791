/**
 * Group AUC (gAUC): how well rows are ordered within each group (usually a user).
 *
 *     gAUC = Σ_g n_g · AUC_g / Σ_g n_g,   n_g = impressions (rows, or their weight) of group g
 *
 * over groups that hold both classes; the others are dropped and counted. This weighting by impressions
 * is FuxiCTR's and BARS'. RecBole weights by positives, TorchEasyRec and TorchRec do not weight.
 */
import { ascendingOrder } from "./ascending-order.ts";
import { concordance } from "./concordance.ts";
import { groupRows } from "./group-rows.ts";
import { defined, type MetricValue, NO_ROWS, undefinedMetric } from "./metric-value.ts";
import { checkBinaryRows, requireGroups, type ScoredRows } from "./scored-rows.ts";

/**
 * Impression-weighted mean of the groups' AUCs, with `counts`: `groups` (used), `droppedGroups` and
 * `droppedRows` (of one class). Null when no group holds both classes.
 *
 * @throws ConfigError without groups; DataError as `auc`
 */
export function groupAuc(rows: ScoredRows): MetricValue {
  const groups = requireGroups(rows, "gauc");
  checkBinaryRows(rows);
  const { predictions, labels, weights } = rows;
  if (predictions.length === 0) return undefinedMetric(NO_ROWS);
  const grouped = groupRows(groups, rows.order ?? ascendingOrder(predictions));
  let sum = 0;
  let impressions = 0;
  let droppedGroups = 0;
  let droppedRows = 0;
  for (let group = 0; group < grouped.count; group++) {
    const start = grouped.offsets[group];
    const end = grouped.offsets[group + 1];
    const pairs = concordance(grouped.rows, start, end, predictions, labels, weights);
    const { positiveWeight, negativeWeight } = pairs;
    if (positiveWeight === 0 || negativeWeight === 0) {
      droppedGroups++;
      droppedRows += end - start;
      continue;
    }
    const weight = positiveWeight + negativeWeight;
    sum += (pairs.ordered / positiveWeight / negativeWeight) * weight;
    impressions += weight;
  }
  const counts = { groups: grouped.count - droppedGroups, droppedGroups, droppedRows };
  return impressions === 0
    ? undefinedMetric("no group holds both classes", counts)
    : defined(sum / impressions, counts);
}
