/**
 * Who took what: users and items by their raw keys, and lists of item numbers, one a user and split.
 * Items are numbered as vocabularies are, by descending count in the first split, ties by key, so that item
 * number `n` has the encoded id `FIRST_VALUE_ID + n`.
 */
import { DataError } from "../core/index.ts";
import { ItemLists } from "./item-lists.ts";

export interface Interactions<Split extends string = string> {
  /** Raw key of each user, in the order in which they appear. */
  readonly users: readonly string[];
  /** Raw key of each item. */
  readonly items: readonly string[];
  /** Lists of the same users and items. */
  readonly lists: { readonly [S in Split]: ItemLists };
}

/** One user's line: the key, then item keys. */
export interface RawList {
  readonly user: string;
  readonly items: readonly string[];
}

/**
 * Numbers users and items. Several lists of one user within a split are put one after the other; an item
 * twice in a row of a split stays twice.
 *
 * @param splits raw lists by split name; the first split's counts number the items
 * @throws DataError when there is no interaction at all
 */
export function numberInteractions<Split extends string>(
  splits: {
    readonly [S in Split]: Iterable<RawList>;
  },
): Interactions<Split> {
  const users = new Map<string, number>();
  const raw = Object.entries<Iterable<RawList>>(splits).map(([split, lists]) => {
    const rows: string[][] = [];
    for (const { user, items } of lists) {
      const row = users.get(user) ?? users.size;
      users.set(user, row);
      rows[row] ??= [];
      // One by one: a list may be longer than a call has arguments.
      for (const item of items) rows[row].push(item);
    }
    return { split: split as Split, rows };
  });
  const items = vocabularyOrder(raw.map(({ rows }) => rows));
  if (items.length === 0) throw new DataError("the interaction data hold no user with an item");
  const numbers = new Map(items.map((item, n) => [item, n]));
  const lists = raw.map(({ split, rows }) => {
    const numbered = Array.from({ length: users.size }, (_, row) =>
      Int32Array.from(rows[row] ?? [], (item) => numbers.get(item) as number),
    );
    return [split, ItemLists.from(numbered)] as const;
  });
  return {
    users: [...users.keys()],
    items,
    lists: Object.fromEntries(lists) as { [S in Split]: ItemLists },
  };
}

/** Items by descending count in the first split, ties by key; items of later splits alone come last. */
function vocabularyOrder(splits: readonly (readonly (readonly string[] | undefined)[])[]): string[] {
  const counts = new Map<string, number>();
  for (const [k, rows] of splits.entries()) {
    for (const row of rows) {
      for (const item of row ?? []) counts.set(item, (counts.get(item) ?? 0) + (k === 0 ? 1 : 0));
    }
  }
  const count = (item: string): number => counts.get(item) as number;
  return [...counts.keys()].sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1));
}
