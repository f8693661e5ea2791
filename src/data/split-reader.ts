/** Reading a stored split: windows of rows from Parquet parts, batches from windows. Runs in a worker. */
import { join } from "node:path";
import {
  type DuckDBConnection,
  DuckDBDoubleVector,
  DuckDBFloatVector,
  type DuckDBInstance,
  DuckDBIntegerVector,
  DuckDBListVector,
  DuckDBUTinyIntVector,
  type DuckDBVector,
} from "@duckdb/node-api";
import { assert } from "../core/index.ts";
import type { BatchLayout, BatchOptions } from "../schema/index.ts";
import { allocateBatch, viewBatch } from "./batch-buffer.ts";
import { type Block, blocksOf, planWindows, type Window } from "./batch-order.ts";
import { type RowShape, RowWindow, rowShape } from "./row-window.ts";
import { literalPath } from "./source-files.ts";
import { sqlName, sqlText } from "./source-sql.ts";

/** What a reader must know of a stored split. */
export interface ReadableSplit {
  readonly directory: string;
  readonly parts: readonly { readonly file: string; readonly rows: number }[];
  readonly layout: BatchLayout;
  readonly blockRows: number;
  readonly windowRows: number;
}

export interface FilledBatch {
  readonly size: number;
  readonly buffer: ArrayBuffer;
}

export class SplitReader {
  readonly #instance: DuckDBInstance;
  readonly #split: ReadableSplit;
  readonly #shape: RowShape;
  readonly #blocks: readonly Block[];
  #whole: Promise<RowWindow> | undefined;
  #wholeBytes = 0;

  constructor(instance: DuckDBInstance, split: ReadableSplit) {
    this.#instance = instance;
    this.#split = split;
    this.#shape = rowShape(split.layout);
    this.#blocks = blocksOf(split.parts, split.blockRows);
  }

  /** Bytes of the split if it is held in memory, else 0. */
  get heldBytes(): number {
    return this.#whole === undefined ? 0 : this.#wholeBytes;
  }

  /** Lets go of the rows held between passes. */
  release(): void {
    this.#whole = undefined;
  }

  /** The batches of one pass; the last one may be partial. */
  async *batches({ batchSize, shuffle, skip = 0 }: BatchOptions): AsyncGenerator<FilledBatch> {
    const windows = planWindows(this.#blocks, this.#split.windowRows, shuffle);
    const rows = windows.reduce((sum, window) => sum + window.rows, 0);
    let position = Math.min(skip * batchSize, rows);
    let index = windows.findIndex((window) => position < window.start + window.rows);
    let current = index < 0 ? undefined : await this.#load(windows[index]);
    while (current !== undefined && position < rows) {
      const size = Math.min(batchSize, rows - position);
      const shape = { layout: this.#split.layout, size };
      const buffer = allocateBatch(shape);
      const batch = viewBatch(buffer, shape);
      for (let at = 0; at < size; ) {
        const { start, rows: held } = windows[index];
        const from = position - start;
        const count = Math.min(size - at, held - from);
        current.rows.gather(current.order, from, from + count, batch, at);
        at += count;
        position += count;
        if (position === start + held && position < rows) current = await this.#load(windows[++index]);
      }
      yield { size, buffer };
    }
  }

  async #load(window: Window): Promise<{ rows: RowWindow; order: Uint32Array | undefined }> {
    const order = window.order();
    if (window.blocks.length < this.#blocks.length) return { rows: await this.#read(window), order };
    this.#whole ??= this.#read(window);
    const rows = await this.#whole;
    this.#wholeBytes = rows.bytes;
    return { rows, order };
  }

  async #read(window: Window): Promise<RowWindow> {
    const rows = new RowWindow(this.#shape, window.rows);
    for (const { part, start, rows: count } of joinedBlocks(window.blocks)) {
      await this.#readRange(rows, part, start, count);
    }
    assert(rows.filled === window.rows, "parts hold the rows that the manifest says");
    return rows;
  }

  async #readRange(target: RowWindow, part: number, start: number, count: number): Promise<void> {
    const { parts, directory } = this.#split;
    const path = literalPath(join(directory, parts[part].file));
    const names = this.#shape.stored.map(({ name }) => sqlName(name)).join(", ");
    const all = start === 0 && count === parts[part].rows;
    const from = all
      ? `read_parquet(${sqlText(path)})`
      : `read_parquet(${sqlText(path)}, file_row_number = true) WHERE file_row_number >= ${start} AND file_row_number < ${start + count}`;
    // A connection of its own: another pass may be reading at the same time.
    const connection = await this.#instance.connect();
    try {
      await this.#stream(connection, `SELECT ${names} FROM ${from}`, target);
    } finally {
      connection.closeSync();
    }
  }

  async #stream(connection: DuckDBConnection, sql: string, target: RowWindow): Promise<void> {
    const result = await connection.stream(sql);
    const lists = new Map(this.#shape.lists.map(({ name }, index) => [name, index]));
    const fixed = new Map(this.#shape.fixed.map(({ name }, index) => [name, index]));
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      const rows = chunk.rowCount;
      for (const [k, { name, width }] of this.#shape.stored.entries()) {
        const vector = chunk.getColumnVector(k);
        const list = lists.get(name);
        if (list !== undefined) addLists(target, list, vector, rows);
        else
          target.setFixed(
            fixed.get(name)!,
            width === 1 ? wordsOf(vector) : vectorWords(vector, rows, width),
            rows,
          );
      }
      target.advance(rows);
    }
  }
}

function joinedBlocks(blocks: readonly Block[]): Block[] {
  const joined: Block[] = [];
  for (const block of blocks) {
    const last = joined.at(-1);
    if (last !== undefined && last.part === block.part && last.start + last.rows === block.start) {
      joined[joined.length - 1] = { ...last, rows: last.rows + block.rows };
    } else {
      joined.push(block);
    }
  }
  return joined;
}

/** The values of a flat vector as 32-bit words; bytes are flags, which are float32 in a batch. */
function wordsOf(vector: DuckDBVector): Int32Array {
  if (vector instanceof DuckDBUTinyIntVector) {
    const { items } = vector as unknown as { items: Uint8Array };
    return new Int32Array(Float32Array.from(items).buffer);
  }
  assert(
    vector instanceof DuckDBIntegerVector ||
      vector instanceof DuckDBFloatVector ||
      vector instanceof DuckDBDoubleVector,
    "stored columns are int32, float32, float64 or flags",
  );
  // Private by declaration only; the public way goes value by value, with a check for NULL each.
  const { items } = vector as unknown as { items: Int32Array | Float32Array | Float64Array };
  return new Int32Array(items.buffer, items.byteOffset, items.byteLength / 4);
}

function addLists(target: RowWindow, index: number, vector: DuckDBVector, rows: number): void {
  assert(vector instanceof DuckDBListVector, "list columns are stored as lists");
  const values = wordsOf(vector.childVector);
  for (let row = 0; row < rows; row++) {
    const start = vector.getEntryOffset(row);
    target.addList(index, row, values.subarray(start, start + vector.getEntryLength(row)));
  }
}

/** Vectors of one length, stored as lists, side by side. */
function vectorWords(vector: DuckDBVector, rows: number, width: number): Int32Array {
  assert(vector instanceof DuckDBListVector, "vectors are stored as lists");
  const values = wordsOf(vector.childVector);
  const words = new Int32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const start = vector.getEntryOffset(row);
    assert(vector.getEntryLength(row) === width, "stored vectors have one length");
    words.set(values.subarray(start, start + width), row * width);
  }
  return words;
}
