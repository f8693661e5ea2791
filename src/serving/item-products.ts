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
  /** A record an item (`recordWidth`) over a SharedArrayBuffer. */
  readonly data: Float32Array;
}

/** Numbers of an item's record. */
export function recordWidth(shapes: readonly ProductShape[]): number {
  return shapes.reduce((sum, { width }) => sum + aligned(width), 0);
}

/** Shared memory is copied in words of eight bytes where both ends are at one, and else byte by byte. */
function aligned(width: number): number {
  return width + (width & 1);
}

/** Memory for the products of so many items, not yet computed. */
export function makeProducts(shapes: readonly ProductShape[], items: number): ItemProducts {
  return { shapes, data: new Float32Array(new SharedArrayBuffer(4 * items * recordWidth(shapes))) };
}

interface Field extends ProductShape {
  /** Where it begins in a record. */
  readonly offset: number;
}

/** Records as a thread reads and writes them. */
export class ProductRows {
  readonly #data: Float32Array;
  readonly #stride: number;
  readonly #fields: readonly Field[];
  readonly #reuse: boolean;
  /** Of the call before: filling fresh memory costs more than the copy. */
  readonly #arrays = new Map<string, Float32Array>();

  /** @param options.reuse what was taken before, which is right where one run at a time reads it @default true */
  constructor({ shapes, data }: ItemProducts, { reuse = true }: { readonly reuse?: boolean } = {}) {
    this.#data = data;
    this.#reuse = reuse;
    this.#stride = recordWidth(shapes);
    this.#fields = shapes.map((shape, k) => ({ ...shape, offset: recordWidth(shapes.slice(0, k)) }));
  }

  /** Copies the records of these rows, `[rows, width]` by name; with `reuse` valid until the next call. */
  take(rows: Int32Array, into: { [name: string]: ColumnData }): void {
    const fields = this.#fields.map((field) => ({
      ...field,
      taken: this.#array(field.name, rows.length * field.width),
    }));
    for (let k = 0; k < rows.length; k++) {
      const record = rows[k] * this.#stride;
      for (const { taken, width, offset } of fields) {
        taken.set(this.#data.subarray(record + offset, record + offset + width), k * width);
      }
    }
    for (const { name, taken } of fields) into[name] = taken;
  }

  /** Writes what was computed for these rows. */
  keep(rows: Int32Array, results: { readonly [name: string]: HostTensor }): void {
    for (const { name, width, offset } of this.#fields) {
      const made = results[name].data as Float32Array;
      for (let k = 0; k < rows.length; k++) {
        this.#data.set(made.subarray(k * width, (k + 1) * width), rows[k] * this.#stride + offset);
      }
    }
  }

  #array(name: string, length: number): Float32Array {
    if (!this.#reuse) return new Float32Array(length);
    let array = this.#arrays.get(name);
    if (array === undefined || array.length < length) {
      array = new Float32Array(length);
      this.#arrays.set(name, array);
    }
    return array.length === length ? array : array.subarray(0, length);
  }
}
