/**
 * Negative down-sampling: the training split keeps all positives and a share of the negatives. Models then
 * learn odds that are too high by 1 / share; predictions take that back (training/graphs.ts).
 *
 * He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014.
 */
import { CounterRandom } from "../core/index.ts";
import type { Label } from "../schema/index.ts";
import type { BatchLanes } from "./batch-needs.ts";
import type { SpooledSource } from "./read-source.ts";
import { type Membership, NO_SPLIT } from "./split.ts";
import { labelNumbers } from "./usable-rows.ts";

/**
 * Takes negatives out of the training split, drawn by a hash of the row.
 *
 * @returns how many rows were taken out
 */
export function sampleNegatives(
  spooled: SpooledSource,
  labels: readonly Label[],
  lanes: BatchLanes,
  membership: Membership,
): number {
  const label = labels.find(({ negativeRate = 1 }) => negativeRate < 1);
  const lane = label === undefined ? undefined : lanes.labels.get(label.name);
  if (label === undefined || lane === undefined) return 0;
  const { negativeRate = 1, name } = label;
  const numbersOf = labelNumbers(spooled, lane, label);
  const random = new CounterRandom(0, "negatives", name);
  let start = 0;
  let taken = 0;
  for (let block = 0; block < spooled.spool.blocks; block++) {
    const numbers = numbersOf(block);
    const rows = spooled.spool.rowsOf(block);
    for (let row = 0; row < rows; row++) {
      if (membership[start + row] !== 0 || numbers[row] !== 0) continue;
      if (random.uniform(start + row) < negativeRate) continue;
      membership[start + row] = NO_SPLIT;
      taken++;
    }
    start += rows;
  }
  return taken;
}
