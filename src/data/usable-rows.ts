/** Rows that cannot be used: a label, a weight or a vector that is none. They stop the work, or are left out. */
import { DataError } from "../core/index.ts";
import { fitsFloat, type Label, labelValue } from "../schema/index.ts";
import type { BatchLanes, BatchNeeds } from "./batch-needs.ts";
import type { KeyLane } from "./lanes.ts";
import type { SpooledSource } from "./read-source.ts";
import { type Membership, NO_SPLIT } from "./split.ts";

/** The number of a label for each code or number of its lane; NaN: cannot be used. */
export function labelNumbers(
  spooled: SpooledSource,
  lane: number,
  label: Label,
): (block: number) => Float64Array {
  const { lanes, spool } = spooled;
  if (lanes[lane].kind !== "key") {
    return (block) =>
      (spool.read(block, lane).values as Float64Array).map((value) => labelValue(value, label) ?? Number.NaN);
  }
  const { table } = lanes[lane] as KeyLane;
  const numbers = Float64Array.from(
    { length: table.size },
    (_, code) => labelValue(table.raw(code), label) ?? Number.NaN,
  );
  return (block) =>
    Float64Array.from(spool.read(block, lane).values, (code) => (code < 0 ? Number.NaN : numbers[code]));
}

const CORRECT_OR_DROP =
  "correct the rows, or set data.on_bad_row to drop, which leaves them out and counts them";

interface Rule {
  readonly column: string;
  /** What the column is for, such as `label click`. */
  readonly role: string;
  readonly expected: string;
  readonly hint: string;
  /** Rows of a block that meet the rule. */
  readonly good: (block: number) => (row: number) => boolean;
}

function rulesOf(spooled: SpooledSource, needs: BatchNeeds, lanes: BatchLanes): Rule[] {
  const { spool } = spooled;
  const rules: Rule[] = [];
  for (const label of needs.labels) {
    const lane = lanes.labels.get(label.name);
    if (lane === undefined) continue;
    const plain = label.kind === "binary" && label.threshold === undefined && label.positive === undefined;
    const numbers = labelNumbers(spooled, lane, label);
    rules.push({
      column: label.column,
      role: `label ${label.name}`,
      expected: plain ? "0 or 1" : label.positive === undefined ? "a finite number" : "a value",
      hint: plain
        ? `set the label's threshold or positive values, or kind: real; or ${CORRECT_OR_DROP}`
        : CORRECT_OR_DROP,
      good: (block) => {
        const values = numbers(block);
        return (row) => fitsFloat(values[row]);
      },
    });
  }
  const { weight } = lanes;
  if (weight !== undefined) {
    rules.push({
      column: needs.weight!,
      role: "sample weight",
      expected: "a finite number, not negative",
      hint: CORRECT_OR_DROP,
      good: (block) => {
        const { values } = spool.read(block, weight);
        return (row) => values[row] >= 0 && fitsFloat(values[row]);
      },
    });
  }
  for (const need of needs.features) {
    if (need.kind !== "vector") continue;
    const { lane } = lanes.features.get(need.name)!;
    rules.push({
      column: need.column,
      role: `vector ${need.name}`,
      expected: `${need.dim} numbers`,
      hint: CORRECT_OR_DROP,
      good: (block) => {
        const { lengths } = spool.read(block, lane);
        return (row) => lengths![row] === 0 || lengths![row] === need.dim;
      },
    });
  }
  return rules;
}

/**
 * Takes rows that cannot be used out of their splits.
 *
 * @returns how many rows each split lost
 * @throws DataError that names file, row, column and value of the first one, unless they are dropped
 */
export async function dropUnusable(
  spooled: SpooledSource,
  needs: BatchNeeds,
  lanes: BatchLanes,
  membership: Membership,
  onBadRow: "fail" | "drop",
): Promise<Map<number, number>> {
  const dropped = new Map<number, number>();
  for (const rule of rulesOf(spooled, needs, lanes)) {
    let start = 0;
    let first: number | undefined;
    let count = 0;
    for (let block = 0; block < spooled.spool.blocks; block++) {
      const good = rule.good(block);
      const rows = spooled.spool.rowsOf(block);
      for (let row = 0; row < rows; row++) {
        const split = membership[start + row];
        if (split === NO_SPLIT || good(row)) continue;
        first ??= start + row;
        count++;
        if (onBadRow === "fail") continue;
        membership[start + row] = NO_SPLIT;
        dropped.set(split, (dropped.get(split) ?? 0) + 1);
      }
      start += rows;
    }
    if (first !== undefined && onBadRow === "fail") throw await badRow(spooled, rule, first, count);
  }
  return dropped;
}

async function badRow(
  { source, valueAt }: SpooledSource,
  { column, role, expected, hint }: Rule,
  first: number,
  count: number,
): Promise<DataError> {
  const value = await valueAt(column, first);
  const [{ file, row }] = await source.locate([first]);
  const shown = value === undefined ? "empty" : JSON.stringify(value);
  const more = count > 1 ? ` (${count} such rows)` : "";
  return new DataError(
    `${file}: row ${row}, column ${column}: the ${role} is ${shown}, expected ${expected}${more}`,
    {
      details: { file, row, column, expected, received: value, count },
      hint,
    },
  );
}
