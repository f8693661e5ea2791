/**
 * Pairs from interaction lists. The user side is the user's id and a history: the user's other items, without the
 * one that is asked for; or the whole list, so that all pairs of a user have the history that a server sends.
 */
import { CounterRandom } from "../core/index.ts";
import { type BatchColumn, type ColumnData, type EncodedBatch, FIRST_VALUE_ID } from "../schema/index.ts";
import { interactionFeatures } from "./interaction-schema.ts";
import type { ItemLists } from "./item-lists.ts";
import type { PositivePairs } from "./pairs.ts";

export interface ListPairsOptions {
  /** Items of a history; 0: no history. Longer ones are cut to a random part, drawn anew each epoch. @default 0 */
  readonly historyLength?: number;
  /** Whether the item that is asked for stays in the history. @default "others" */
  readonly history?: "others" | "whole";
}

export function listPairs(
  lists: ItemLists,
  { historyLength = 0, history = "others" }: ListPairsOptions = {},
): PositivePairs {
  const users = new Int32Array(lists.total);
  for (let row = 0; row < lists.rows; row++) users.fill(row, lists.offsets[row], lists.offsets[row + 1]);
  return {
    count: lists.total,
    users,
    items: lists.items,
    known: lists,
    layout: userLayout(historyLength),
    userColumns(pairs, key) {
      const columns: { [name: string]: ColumnData } = {
        [interactionFeatures.user]: Int32Array.from(pairs, (pair) => FIRST_VALUE_ID + users[pair]),
      };
      if (historyLength > 0) {
        const random = new CounterRandom(key, "history");
        Object.assign(
          columns,
          historyColumns(pairs.length, historyLength, (r) => {
            const row = lists.row(users[pairs[r]]);
            const at = history === "whole" ? -1 : pairs[r] - lists.offsets[users[pairs[r]]];
            return stretchOf(row, at, historyLength, random.uniform(r));
          }),
        );
      }
      return columns;
    },
  };
}

/** The row without its entry `at` (-1: all of it); of long ones a stretch from a random start, around the end. */
function stretchOf(row: Int32Array, at: number, length: number, uniform: number): number[] {
  const entries: number[] = [];
  const eligible = at < 0 ? row.length : row.length - 1;
  const start = eligible > length ? Math.floor(uniform * row.length) : 0;
  for (let k = 0; k < row.length && entries.length < length; k++) {
    const place = (start + k) % row.length;
    if (place !== at) entries.push(row[place]);
  }
  return entries;
}

export function userLayout(historyLength: number): BatchColumn[] {
  const { user, history } = interactionFeatures;
  const column = (name: string, width: number): BatchColumn => ({
    name,
    role: "feature",
    dtype: "int32",
    width,
  });
  if (historyLength === 0) return [column(user, 1)];
  return [column(user, 1), column(history, historyLength), column(`${history}.length`, 1)];
}

/**
 * Users as a request would send them: all they took in the given lists, of long ones the last entries.
 *
 * @param users user numbers
 */
export function userRows(users: Int32Array, lists: ItemLists, historyLength: number): EncodedBatch {
  const columns = { [interactionFeatures.user]: users.map((user) => FIRST_VALUE_ID + user) };
  const recent = (r: number): Int32Array => lists.row(users[r]).slice(-historyLength);
  if (historyLength > 0) Object.assign(columns, historyColumns(users.length, historyLength, recent));
  return { size: users.length, columns };
}

function historyColumns(
  rows: number,
  length: number,
  itemsOf: (row: number) => ArrayLike<number>,
): { [name: string]: Int32Array } {
  const ids = new Int32Array(rows * length);
  const lengths = new Int32Array(rows);
  for (let r = 0; r < rows; r++) {
    const items = itemsOf(r);
    lengths[r] = items.length;
    for (let k = 0; k < items.length; k++) ids[r * length + k] = FIRST_VALUE_ID + items[k];
  }
  const { history } = interactionFeatures;
  return { [history]: ids, [`${history}.length`]: lengths };
}
