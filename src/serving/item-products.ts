/**
 * What a split graph needs of each item of the table, computed when a release is loaded: a record of numbers an
 * item, in memory that all threads share.
 */
import type { HostTensor } from "../engine/index.ts";
import type { ColumnData } from "../schema/index.ts";

export interface ProductShape {
  /** Of the graph's input or output. */
  readonly name: string;
  readonly width: number;
}

export interface ItemProducts {
  readonly shapes: readonly ProductShape[];
  /** `[items, sum of widths]` over a SharedArrayBuffer. */
  readonly data: Float32Array;
}

export function recordWidth(shapes: readonly ProductShape[]): number {
  return shapes.reduce((sum, { width }) => sum + width, 0);
}

/** Memory for the products of so many items, not yet computed. */
export function makeProducts(shapes: readonly ProductShape[], items: number): ItemProducts {
  return { shapes, data: new Float32Array(new SharedArrayBuffer(4 * items * recordWidth(shapes))) };
}

/** Records as a thread reads and writes them. */
export class ProductRows {
  readonly #products: ItemProducts;
  readonly #stride: number;
  /** Arrays of runs that have ended: filling fresh memory costs more than the copy. */
  readonly #arrays = new Map<string, Float32Array>();

  constructor(products: ItemProducts) {
    this.#products = products;
    this.#stride = recordWidth(products.shapes);
  }

  /** Copies the records of these rows, `[rows, width]` by name; valid until the next call. */
  take(rows: Int32Array, into: { [name: string]: ColumnData }): void {
    const { shapes, data } = this.#products;
    let offset = 0;
    for (const { name, width } of shapes) {
      const taken = this.#array(name, rows.length * width);
      for (let k = 0; k < rows.length; k++) {
        const from = rows[k] * this.#stride + offset;
        taken.set(data.subarray(from, from + width), k * width);
      }
      into[name] = taken;
      offset += width;
    }
  }

  keep(rows: Int32Array, results: { readonly [name: string]: HostTensor }): void {
    const { shapes, data } = this.#products;
    let offset = 0;
    for (const { name, width } of shapes) {
      const made = results[name].data as Float32Array;
      for (let k = 0; k < rows.length; k++) {
        data.set(made.subarray(k * width, (k + 1) * width), rows[k] * this.#stride + offset);
      }
      offset += width;
    }
  }

  #array(name: string, length: number): Float32Array {
    let array = this.#arrays.get(name);
    if (array === undefined || array.length < length) {
      array = new Float32Array(length);
      this.#arrays.set(name, array);
    }
    return array.length === length ? array : array.subarray(0, length);
  }
}
