import { batchDim } from "../module/index.ts";
import { expandDims } from "../ops/index.ts";
import type { BatchColumn, BatchLayout } from "../schema/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { listMask } from "./list-mask.ts";

/** Columns of encoded batches as graph inputs, each made when it is first asked for. */
export class ColumnInputs {
  /** By column name. */
  readonly used = new Map<string, Tensor>();
  readonly #layout: BatchLayout;
  readonly #prefix: string;

  /** @param prefix put before the columns' own names, where these could meet other names of the graph */
  constructor(layout: BatchLayout, { prefix = "" }: { prefix?: string } = {}) {
    this.#layout = layout;
    this.#prefix = prefix;
  }

  /** `[batch]`, or `[batch, width]` for columns wider than 1. */
  column(name: string): Tensor {
    const known = this.used.get(name);
    if (known !== undefined) return known;
    const { width, dtype } = this.#find(name);
    const shape = width === 1 ? [batchDim] : [batchDim, width];
    const tensor = input(`${this.#prefix}${name}`, shape, dtype === "int32" ? "int32" : "float32");
    this.used.set(name, tensor);
    return tensor;
  }

  /** `[batch, width]`, whatever the width. */
  vector(name: string): Tensor {
    const column = this.column(name);
    return column.rank === 1 ? expandDims(column, 1) : column;
  }

  /** Which positions of a list hold an entry: float32 `[batch, maxLength]`. */
  mask(feature: string): Tensor {
    return listMask(this.column(`${feature}.length`), this.#find(feature).width);
  }

  #find(name: string): BatchColumn {
    const column = this.#layout.find((candidate) => candidate.name === name);
    if (column === undefined) throw new Error(`the batch has no column "${name}"`);
    return column;
  }
}
