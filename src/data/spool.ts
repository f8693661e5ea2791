/**
 * A spool: blocks of columns kept for further passes, in memory up to a budget and in one file beyond.
 * Every pass may read the columns it needs and leave the others alone.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { assert } from "../core/index.ts";

/** One column of a block: a value a row, or lists with their lengths and their entries one after another. */
export interface SpooledColumn {
  readonly values: Int32Array | Float64Array;
  readonly lengths: Int32Array | undefined;
}

/** Where an array stands in the file. */
interface Stored {
  readonly offset: number;
  readonly bytes: number;
  readonly type: "int32" | "float64";
}

type Kept = SpooledColumn | { readonly values: Stored; readonly lengths: Stored | undefined };

export class Spool {
  readonly #path: string;
  readonly #blocks: { readonly rows: number; readonly columns: readonly Kept[] }[] = [];
  #memory: number;
  #file: number | undefined;
  #end = 0;

  /** @param memory bytes to keep before the file is begun */
  constructor(path: string, memory: number) {
    this.#path = path;
    this.#memory = memory;
  }

  get blocks(): number {
    return this.#blocks.length;
  }

  rowsOf(block: number): number {
    return this.#blocks[block].rows;
  }

  /** Takes a block over; its arrays belong to the spool from now on. */
  add(rows: number, columns: readonly SpooledColumn[]): void {
    const bytes = columns.reduce(
      (sum, { values, lengths }) => sum + values.byteLength + (lengths?.byteLength ?? 0),
      0,
    );
    if (bytes <= this.#memory) {
      this.#memory -= bytes;
      this.#blocks.push({ rows, columns });
      return;
    }
    const stored = columns.map(({ values, lengths }) => ({
      values: this.#write(values),
      lengths: lengths === undefined ? undefined : this.#write(lengths),
    }));
    this.#blocks.push({ rows, columns: stored });
  }

  /** Number of values (entries, for lists) of a block's column. */
  entriesOf(block: number, column: number): number {
    const { values } = this.#blocks[block].columns[column];
    if (ArrayBuffer.isView(values)) return values.length;
    return values.bytes / (values.type === "int32" ? 4 : 8);
  }

  read(block: number, column: number): SpooledColumn {
    const kept = this.#blocks[block].columns[column];
    if (isInMemory(kept)) return kept;
    return {
      values: this.#read(kept.values),
      lengths: kept.lengths === undefined ? undefined : (this.#read(kept.lengths) as Int32Array),
    };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(array: Int32Array | Float64Array): Stored {
    this.#file ??= openSync(this.#path, "w+");
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#file, bytes, at, bytes.length - at, this.#end + at);
    const type = array instanceof Int32Array ? "int32" : "float64";
    const stored: Stored = { offset: this.#end, bytes: bytes.length, type };
    this.#end += bytes.length;
    return stored;
  }

  #read({ offset, bytes, type }: Stored): Int32Array | Float64Array {
    assert(this.#file !== undefined, "the spool is open");
    const buffer = new Uint8Array(bytes);
    for (let at = 0; at < bytes; ) {
      const read = readSync(this.#file, buffer, at, bytes - at, offset + at);
      assert(read > 0, "the spool's file is whole");
      at += read;
    }
    return type === "int32" ? new Int32Array(buffer.buffer) : new Float64Array(buffer.buffer);
  }
}

function isInMemory(kept: Kept): kept is SpooledColumn {
  return ArrayBuffer.isView(kept.values);
}
