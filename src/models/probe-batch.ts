/** A batch without data, through which a model is traced to see what its tensors are made of. */
import { type Batch, batchDim, type LookupSlot, type Table } from "../module/index.ts";
import { batchLayout, type FeatureMap } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";

export class ProbeBatch implements Batch {
  readonly schema: FeatureMap;
  readonly #tables = new Map<Tensor, readonly Table[]>();

  constructor(schema: FeatureMap) {
    this.schema = schema;
  }

  lookup(slots: readonly LookupSlot[]): Tensor {
    const width = slots.reduce((sum, slot) => sum + slot.width, 0);
    const rows = input("rows", [batchDim, width, slots[0].table.dim]);
    this.#tables.set(
      rows,
      slots.map(({ table }) => table),
    );
    return rows;
  }

  numbers(columns: readonly string[]): Tensor {
    return input("numbers", [batchDim, columns.length]);
  }

  vector(column: string): Tensor {
    const known = batchLayout(this.schema).find(({ name }) => name === column);
    return input(column, [batchDim, known?.width ?? 1], known?.dtype === "int32" ? "int32" : "float32");
  }

  mask(feature: string): Tensor {
    const known = this.schema.features.find(({ name }) => name === feature);
    const length = known !== undefined && "maxLength" in known ? known.maxLength : 1;
    return input(`${feature}.mask`, [batchDim, length]);
  }

  /** The tables that a tensor's rows were looked up from; none for any other tensor. */
  tablesOf(tensor: Tensor): readonly Table[] {
    return this.#tables.get(tensor) ?? [];
  }
}
