/** Rows brought together by group, for metrics that are computed group by group. */
import { DataError } from "../core/index.ts";
import type { NumericArray } from "./scored-rows.ts";

export interface GroupedRows {
  /** Groups in order of first appearance in the given order. */
  readonly count: number;
  /** Group g holds `rows[offsets[g] … offsets[g + 1] - 1]`; `[count + 1]`. */
  readonly offsets: Uint32Array;
  /** Row numbers; inside a group they keep the given order. */
  readonly rows: Uint32Array;
}

/**
 * Counting sort by group id, stable.
 *
 * @param order the order rows should keep within their group @default row order
 * @throws DataError when an id is not an integer
 */
export function groupRows(groups: NumericArray, order?: Uint32Array): GroupedRows {
  const { dense, count } = denseGroups(groups);
  const offsets = new Uint32Array(count + 1);
  for (let row = 0; row < dense.length; row++) offsets[dense[row] + 1]++;
  for (let group = 0; group < count; group++) offsets[group + 1] += offsets[group];
  const next = offsets.slice(0, count);
  const rows = new Uint32Array(dense.length);
  for (let i = 0; i < dense.length; i++) {
    const row = order === undefined ? i : order[i];
    rows[next[dense[row]]++] = row;
  }
  return { count, offsets, rows };
}

/** Renumbers ids 0, 1, … by first appearance; a table serves ids in a small range, a map the rest. */
function denseGroups(groups: NumericArray): { dense: Uint32Array; count: number } {
  const length = groups.length;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let row = 0; row < length; row++) {
    const id = groups[row];
    if (!Number.isInteger(id)) {
      throw new DataError(`group of row ${row} is ${id}; group ids must be integers`, {
        details: { row, group: id },
      });
    }
    if (id < lowest) lowest = id;
    if (id > highest) highest = id;
  }
  const dense = new Uint32Array(length);
  let count = 0;
  if (highest - lowest < 4 * length + 1024) {
    const table = new Int32Array(highest - lowest + 1).fill(-1);
    for (let row = 0; row < length; row++) {
      const slot = groups[row] - lowest;
      if (table[slot] === -1) table[slot] = count++;
      dense[row] = table[slot];
    }
  } else {
    const numbers = new Map<number, number>();
    for (let row = 0; row < length; row++) {
      let number = numbers.get(groups[row]);
      if (number === undefined) {
        number = count++;
        numbers.set(groups[row], number);
      }
      dense[row] = number;
    }
  }
  return { dense, count };
}
