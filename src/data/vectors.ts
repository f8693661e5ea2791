/**
 * DuckDB's vectors as typed arrays, whole columns at a time. The client library's own accessors go
 * value by value; what is here reads and writes the memory that the database keeps.
 */
import { type DuckDBDataChunk, DuckDBListVector, type DuckDBVector } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";

export type Vector = duckdb.Vector;

/** Words of a flat vector and which of its rows have a value (null: all). */
export interface FlatWords {
  readonly words: Int32Array;
  readonly valid: Uint32Array | null;
}

export function columnVector(chunk: DuckDBDataChunk, column: number): Vector {
  return duckdb.data_chunk_get_vector(chunk.chunk, column);
}

/** @param wordsPerRow 1 for 32-bit types, 2 for 64 bits, 4 for texts and 128 bits */
export function flatWords(vector: Vector, rows: number, wordsPerRow: number): FlatWords {
  const { buffer, byteOffset } = duckdb.vector_get_data(vector, rows * wordsPerRow * 4);
  return { words: new Int32Array(buffer, byteOffset, rows * wordsPerRow), valid: validity(vector, rows) };
}

/** DOUBLE values and which rows have one. */
export function flatDoubles(
  vector: Vector,
  rows: number,
): { readonly values: Float64Array; readonly valid: Uint32Array | null } {
  const { buffer, byteOffset } = duckdb.vector_get_data(vector, rows * 8);
  return { values: new Float64Array(buffer, byteOffset, rows), valid: validity(vector, rows) };
}

function validity(vector: Vector, rows: number): Uint32Array | null {
  // The declaration leaves out that a vector without NULLs has none.
  const bytes = duckdb.vector_get_validity(vector, Math.ceil(rows / 64) * 8) as Uint8Array | null;
  return bytes === null ? null : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

export function isValid(valid: Uint32Array | null, row: number): boolean {
  return valid === null || ((valid[row >>> 5] >>> (row & 31)) & 1) === 1;
}

/** The lists of a list vector: where each starts in the child, and how long it is. */
export interface ListRows {
  /** Pairs of 64-bit (offset, length), as 32-bit words. */
  readonly entries: Int32Array;
  readonly valid: Uint32Array | null;
  readonly child: Vector;
  readonly childRows: number;
}

export function listRows(vector: Vector, rows: number): ListRows {
  const { words, valid } = flatWords(vector, rows, 4);
  return {
    entries: words,
    valid,
    child: duckdb.list_vector_get_child(vector),
    childRows: duckdb.list_vector_get_size(vector),
  };
}

/** The text at a row of a text column, or of the entries of a column of lists. */
export function textAt(chunk: DuckDBDataChunk, column: number, inLists: boolean): (row: number) => string {
  let vector: DuckDBVector | undefined;
  return (row) => {
    if (vector === undefined) {
      vector = chunk.getColumnVector(column);
      if (inLists && vector instanceof DuckDBListVector) vector = vector.childVector;
    }
    return vector.getItem(row) as string;
  };
}

/** Fills a flat vector; the data stands at its beginning. */
export function fillVector(
  vector: Vector,
  data: Int32Array | Float32Array | Float64Array | Uint8Array,
): void {
  duckdb.copy_data_to_vector(vector, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Fills a list vector with lists of these lengths, whose entries stand one after another in `data`. */
export function fillLists(vector: Vector, lengths: Int32Array, data: Parameters<typeof fillVector>[1]): void {
  const entries = new Uint32Array(lengths.length * 4);
  let offset = 0;
  for (let row = 0; row < lengths.length; row++) {
    entries[4 * row] = offset;
    entries[4 * row + 2] = lengths[row];
    offset += lengths[row];
  }
  duckdb.list_vector_reserve(vector, offset);
  duckdb.list_vector_set_size(vector, offset);
  if (offset > 0) fillVector(duckdb.list_vector_get_child(vector), data);
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, entries.byteLength);
}
