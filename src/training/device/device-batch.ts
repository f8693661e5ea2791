/**
 * The batch of a device's graphs. Rows of tables that the device may change are fed, position by position,
 * so that neither predicting nor learning copies a whole table; all other tables are stored with the graph and
 * read by ids.
 */
import type { Batch, LookupSlot, Table } from "../../module/index.ts";
import { batchDim } from "../../module/index.ts";
import { concat } from "../../ops/index.ts";
import { batchLayout, type FeatureMap } from "../../schema/index.ts";
import { input, type Tensor } from "../../tensor/index.ts";
import { ColumnBatch } from "../inference.ts";

/** Rows that are fed: one id column read through one table. */
export interface FedRows {
  /** The graph's input, float32 `[batch, width, dim]`. */
  readonly input: string;
  /** Path of the table. */
  readonly table: string;
  /** Batch column of ids. */
  readonly column: string;
  /** Ids a row. */
  readonly width: number;
  readonly dim: number;
}

export class DeviceBatch implements Batch {
  readonly schema: FeatureMap;
  /** Columns and stored tables. */
  readonly columns: ColumnBatch;
  readonly fed = new Map<Tensor, FedRows>();
  readonly #paths: ReadonlyMap<Table, string>;
  readonly #changing: ReadonlySet<string>;

  /** @param changing paths of the tables whose rows are fed */
  constructor(schema: FeatureMap, tables: ReadonlyMap<string, Table>, changing: ReadonlySet<string>) {
    this.schema = schema;
    this.#paths = new Map([...tables].map(([path, table]) => [table, path]));
    this.#changing = changing;
    this.columns = new ColumnBatch(schema, this.#paths, batchLayout(schema));
  }

  lookup(slots: readonly LookupSlot[]): Tensor {
    const parts = slots.map((slot) => {
      const path = this.#paths.get(slot.table) as string;
      return this.#changing.has(path) ? this.#fedRows(slot, path) : this.columns.lookup([slot]);
    });
    return concat(parts, { axis: 1 });
  }

  numbers(columns: readonly string[]): Tensor {
    return this.columns.numbers(columns);
  }

  vector(column: string): Tensor {
    return this.columns.vector(column);
  }

  mask(feature: string): Tensor {
    return this.columns.mask(feature);
  }

  #fedRows({ table, column, width }: LookupSlot, path: string): Tensor {
    const name = `@rows:${path}:${column}`;
    for (const [tensor, rows] of this.fed) if (rows.input === name) return tensor;
    const tensor = input(name, [batchDim, width, table.dim]);
    this.fed.set(tensor, { input: name, table: path, column, width, dim: table.dim });
    return tensor;
  }
}
