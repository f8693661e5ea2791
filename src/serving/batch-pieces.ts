/** Encoded batches cut and joined by rows. */
import type { ColumnData, EncodedBatch } from "../schema/index.ts";

/** A batch that is served: all its rows may have some columns in common. */
export interface ServedBatch extends EncodedBatch {
  /** Columns of one row that are every row's. */
  readonly shared?: { readonly [name: string]: ColumnData };
}

/** The column that says which rows of the item table a batch is of. */
export const ITEM_ROW = "@row";

/** Rows `begin … end - 1` in arrays of their own, so that they can be sent away. */
export function sliceBatch({ size, columns, shared }: ServedBatch, begin: number, end: number): ServedBatch {
  const sliced: { [name: string]: ColumnData } = {};
  for (const [name, data] of Object.entries(columns)) {
    const width = data.length / size;
    sliced[name] = data.slice(begin * width, end * width);
  }
  return { size: end - begin, columns: sliced, shared };
}

/** Batches of the same columns one after the other; they have none in common. */
export function joinBatches(batches: readonly EncodedBatch[]): EncodedBatch {
  const size = batches.reduce((sum, batch) => sum + batch.size, 0);
  const columns: { [name: string]: ColumnData } = {};
  for (const [name, first] of Object.entries(batches[0].columns)) {
    const joined = arrayLike(first, (size * first.length) / batches[0].size);
    let at = 0;
    for (const batch of batches) {
      joined.set(batch.columns[name], at);
      at += batch.columns[name].length;
    }
    columns[name] = joined;
  }
  return { size, columns };
}

function arrayLike(data: ColumnData, length: number): ColumnData {
  if (data instanceof Int32Array) return new Int32Array(length);
  return data instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}
