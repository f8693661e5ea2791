/**
 * Lists of items, one a user: what recommenders learn from and are measured by. Users and items are
 * numbered from 0; all lists lie side by side in one array, so that millions of entries cost four bytes each.
 */
import { assert } from "../core/index.ts";

export class ItemLists {
  /** Users. */
  readonly rows: number;
  /** Entries in all. */
  readonly total: number;
  /** Entries of row r stand at `offsets[r] … offsets[r + 1] - 1`; `[rows + 1]`. */
  readonly offsets: Int32Array;
  /** `[total]`; within a row the most recent item comes last where there is an order. */
  readonly items: Int32Array;

  constructor(offsets: Int32Array, items: Int32Array) {
    assert(
      offsets.length > 0 && offsets[offsets.length - 1] === items.length,
      "offsets end at the last item",
    );
    this.rows = offsets.length - 1;
    this.total = items.length;
    this.offsets = offsets;
    this.items = items;
  }

  static from(lists: readonly ArrayLike<number>[]): ItemLists {
    const offsets = new Int32Array(lists.length + 1);
    for (const [r, list] of lists.entries()) offsets[r + 1] = offsets[r] + list.length;
    const items = new Int32Array(offsets[lists.length]);
    for (const [r, list] of lists.entries()) items.set(list, offsets[r]);
    return new ItemLists(offsets, items);
  }

  /** `rows` lists without entries. */
  static empty(rows: number): ItemLists {
    return new ItemLists(new Int32Array(rows + 1), new Int32Array(0));
  }

  /** One user's items: a view. */
  row(r: number): Int32Array {
    return this.items.subarray(this.offsets[r], this.offsets[r + 1]);
  }

  /** Every list, a view each. */
  all(): Int32Array[] {
    return Array.from({ length: this.rows }, (_, r) => this.row(r));
  }

  /** Each row with another's entries after its own; both have the same users. */
  followedBy(other: ItemLists): ItemLists {
    assert(other.rows === this.rows, "lists of the same users");
    return ItemLists.from(
      Array.from({ length: this.rows }, (_, r) => {
        const row = new Int32Array(this.row(r).length + other.row(r).length);
        row.set(this.row(r));
        row.set(other.row(r), this.row(r).length);
        return row;
      }),
    );
  }

  /** Each row ascending, for look-ups by `includesSorted`. */
  sorted(): ItemLists {
    return ItemLists.from(this.all().map((row) => row.slice().sort()));
  }

  /** Each row ascending, its items once each. */
  distinct(): ItemLists {
    const once = (item: number, k: number, row: Int32Array): boolean => item !== row[k - 1];
    return ItemLists.from(this.all().map((row) => row.slice().sort().filter(once)));
  }

  /** How often each of `items` items occurs. */
  counts(items: number): Float64Array {
    const counts = new Float64Array(items);
    for (const item of this.items) counts[item]++;
    return counts;
  }
}

/** Whether an ascending list has the item. */
export function includesSorted(row: Int32Array, item: number): boolean {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (row[middle] < item) low = middle + 1;
    else high = middle;
  }
  return low < row.length && row[low] === item;
}
