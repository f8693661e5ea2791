/** Positive pairs to learn from: users' columns as they are asked for, and the item each took. */
import type { BatchColumn, ColumnData } from "../schema/index.ts";
import type { ItemLists } from "./item-lists.ts";

export interface PositivePairs {
  readonly count: number;
  /** User number of each pair. */
  readonly users: Int32Array;
  /** Item number of each pair. */
  readonly items: Int32Array;
  /** Columns of the user side. */
  readonly layout: readonly BatchColumn[];
  /** Items each user took in training. */
  readonly known: ItemLists;
  /**
   * The user side of some pairs.
   *
   * @param key decides what is drawn, such as which part of a long history
   */
  userColumns(pairs: Uint32Array, key: number): { [name: string]: ColumnData };
}
