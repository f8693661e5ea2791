/** Training, validation and test parts of interaction lists. */
import { CounterRandom } from "../core/index.ts";
import { ItemLists } from "./item-lists.ts";

/** Lists of the same users; a user without a part has an empty list there. */
export interface InteractionSplits {
  readonly train: ItemLists;
  readonly valid: ItemLists;
  readonly test: ItemLists;
}

/**
 * The last item of each user is for test, the one before for validation, the rest for training. Users with
 * fewer than three items are for training alone.
 *
 * @param lists in time order
 */
export function leaveOneOut(lists: ItemLists): InteractionSplits {
  const rows = lists.all();
  const held = (row: Int32Array): number => (row.length < 3 ? 0 : 1);
  return {
    train: ItemLists.from(rows.map((row) => row.subarray(0, row.length - 2 * held(row)))),
    valid: ItemLists.from(
      rows.map((row) => row.subarray(row.length - 2, row.length - 1).subarray(1 - held(row))),
    ),
    test: ItemLists.from(rows.map((row) => row.subarray(row.length - held(row)))),
  };
}

/**
 * A random share of each user's items put aside, at least one where the user has two or more.
 *
 * @param share in (0, 1)
 */
export function holdOut(
  lists: ItemLists,
  { share, seed }: { readonly share: number; readonly seed: number },
): { readonly train: ItemLists; readonly held: ItemLists } {
  const train: Int32Array[] = [];
  const held: Int32Array[] = [];
  for (const [r, row] of lists.all().entries()) {
    const count = row.length < 2 ? 0 : Math.max(1, Math.round(share * row.length));
    const order = new CounterRandom(seed, "hold out", r).permutation(row.length);
    const aside = new Set(order.subarray(0, count));
    train.push(row.filter((_, k) => !aside.has(k)));
    held.push(row.filter((_, k) => aside.has(k)));
  }
  return { train: ItemLists.from(train), held: ItemLists.from(held) };
}
