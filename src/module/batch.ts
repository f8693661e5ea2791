/**
 * The batch as models see it: symbolic values by feature. Whoever builds the graph decides how each is
 * supplied (table rows gathered in the graph, rows looked up outside, ids of an exported model).
 */
import type { FeatureMap } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Table } from "./parameter.ts";

/** One id column read through one table. Columns of width w give w rows each. */
export interface LookupSlot {
  readonly table: Table;
  /** Batch column of ids (`int32`). */
  readonly column: string;
  /** Ids a row: 1, or the list's maximum length. */
  readonly width: number;
  /**
   * In training only: the ids are not read from the column but drawn uniformly from the table's values
   * (reserved ids left out), anew in every step. The text tells several draws of one column apart.
   */
  readonly sampled?: string;
}

export interface Batch {
  readonly schema: FeatureMap;
  /** Rows of tables of one width, side by side: `[batch, sum of widths, dim]`. */
  lookup(slots: readonly LookupSlot[]): Tensor;
  /** Scalar float columns side by side: `[batch, columns]`. */
  numbers(columns: readonly string[]): Tensor;
  /** A column of width w as it is, `[batch, w]`: float32, or int32 for ids such as `@domain`. */
  vector(column: string): Tensor;
  /** 1 where a list has an entry, 0 where it is padding: float32 `[batch, maxLength]`. */
  mask(feature: string): Tensor;
}

/** The name of the named dimension that counts rows of a batch. */
export const batchDim = "batch";
