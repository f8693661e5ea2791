/**
 * The items of a batch as a batch of their own: `count` items a row, read under the plain names of their
 * features. An item tower is written once, against `Batch`, and meets positives, negatives and the whole
 * catalogue without knowing which.
 */
import { type Batch, batchDim, type LookupSlot } from "../module/index.ts";
import { concat, reshape, slice } from "../ops/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { type Dim, dimProduct, type Tensor } from "../tensor/index.ts";
import { listMask } from "../training/index.ts";
import { type ItemRole, roleColumn } from "./catalogue.ts";

/** Rows of the view are the batch's rows times `count`: first all items of row 0, then those of row 1, … */
export class ItemView implements Batch {
  readonly schema: FeatureMap;
  readonly #batch: Batch;
  readonly #role: ItemRole;
  readonly #count: number;
  readonly #rows: Dim;

  constructor(batch: Batch, role: ItemRole, count: number) {
    this.schema = batch.schema;
    this.#batch = batch;
    this.#role = role;
    this.#count = count;
    this.#rows = dimProduct([count, batchDim]);
  }

  lookup(slots: readonly LookupSlot[]): Tensor {
    const count = this.#count;
    const wide = slots.map(({ table, column, width }) => ({
      table,
      column: roleColumn(this.#role, column),
      width: width * count,
    }));
    const rows = this.#batch.lookup(wide); // [batch, count · widths, dim]
    if (count === 1) return rows;
    let start = 0;
    const parts = slots.map(({ width, table }) => {
      const end = start + width * count;
      const own = slots.length === 1 ? rows : slice(rows, { axis: 1, start, end });
      start = end;
      return reshape(own, [this.#rows, width, table.dim]);
    });
    return parts.length === 1 ? parts[0] : concat(parts, { axis: 1 }); // [items, widths, dim]
  }

  numbers(columns: readonly string[]): Tensor {
    if (this.#count === 1) return this.#batch.numbers(columns.map((name) => roleColumn(this.#role, name)));
    return concat(
      columns.map((column) => this.#wide(column, 1)),
      { axis: 1 },
    );
  }

  vector(column: string): Tensor {
    const wide = this.#batch.vector(roleColumn(this.#role, column));
    return this.#wide(column, (wide.shape[1] as number) / this.#count);
  }

  mask(feature: string): Tensor {
    const width = this.vector(feature).shape[1] as number;
    const lengths = reshape(this.#wide(`${feature}.length`, 1), [this.#rows]);
    return listMask(lengths, width);
  }

  #wide(column: string, width: number): Tensor {
    return reshape(this.#batch.vector(roleColumn(this.#role, column)), [this.#rows, width]);
  }
}
