/** The items that can be retrieved: their keys and, encoded, the features that the item tower reads. */
import { assert } from "../core/index.ts";
import { FIRST_VALUE_ID, type BatchColumn, type ColumnData, type EncodedBatch } from "../schema/index.ts";
import { interactionFeatures } from "./interaction-schema.ts";

export interface Catalogue {
  /** Raw key of each item; item numbers count from 0. */
  readonly keys: readonly string[];
  /** Columns of the item side. */
  readonly layout: readonly BatchColumn[];
  /** One row an item. */
  readonly rows: EncodedBatch;
}

/** Items that are known by their ids alone, numbered as in `interactionSchema`. */
export function idCatalogue(items: readonly string[]): Catalogue {
  const { item } = interactionFeatures;
  const ids = Int32Array.from(items, (_, n) => FIRST_VALUE_ID + n);
  return {
    keys: items,
    layout: [{ name: item, role: "feature", dtype: "int32", width: 1 }],
    rows: { size: items.length, columns: { [item]: ids } },
  };
}

/** Rows `[from, to)` as a batch: views, nothing is copied. */
export function sliceRows(
  { layout, rows }: Pick<Catalogue, "layout" | "rows">,
  from: number,
  to: number,
): EncodedBatch {
  const columns: { [name: string]: ColumnData } = {};
  for (const { name, width } of layout) {
    columns[name] = rows.columns[name].subarray(from * width, to * width);
  }
  return { size: to - from, columns };
}

/**
 * Item columns of `numbers.length` items, `count` a batch row, under the names of their role in a batch.
 *
 * @param numbers item numbers, `[size · count]`
 */
export function itemColumns(
  { layout, rows }: Catalogue,
  role: ItemRole,
  numbers: Int32Array,
): { [name: string]: ColumnData } {
  const columns: { [name: string]: ColumnData } = {};
  for (const { name, width } of layout) {
    const from = rows.columns[name];
    const to = emptyLike(from, numbers.length * width);
    for (let i = 0; i < numbers.length; i++) {
      for (let k = 0; k < width; k++) to[i * width + k] = from[numbers[i] * width + k];
    }
    columns[roleColumn(role, name)] = to;
  }
  columns[roleColumn(role, ITEM_NUMBER)] = numbers;
  return columns;
}

/** What items of a batch are for: what the user took, or what it is compared with. */
export type ItemRole = "positive" | "negative";

/** Column of item numbers, beside the items' features. */
export const ITEM_NUMBER = "@number";

export function roleColumn(role: ItemRole, column: string): string {
  return `${role}:${column}`;
}

/** The layout of `itemColumns`. */
export function itemLayout(catalogue: Catalogue, role: ItemRole, count: number): BatchColumn[] {
  const number: BatchColumn = { name: ITEM_NUMBER, role: "feature", dtype: "int32", width: 1 };
  return [...catalogue.layout, number].map((column) => ({
    ...column,
    name: roleColumn(role, column.name),
    width: column.width * count,
  }));
}

function emptyLike(data: ColumnData, length: number): ColumnData {
  if (data instanceof Int32Array) return new Int32Array(length);
  assert(data instanceof Float32Array, "item features are int32 or float32");
  return new Float32Array(length);
}
