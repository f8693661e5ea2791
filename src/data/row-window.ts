/**
 * Encoded rows in memory, to be gathered into batches in any order. Columns of fixed width stand side
 * by side in one array, row after row: a random row then costs a few cache lines instead of one for
 * each column. Lists are ragged. All values are moved as 32-bit words, whatever they mean.
 */
import { assert } from "../core/index.ts";
import type { BatchColumn, BatchLayout, EncodedBatch } from "../schema/index.ts";

interface FixedColumn {
  readonly name: string;
  /** First word within a row. */
  readonly word: number;
  /** Words a row. */
  readonly words: number;
}

interface ListColumn {
  readonly name: string;
  /** Column of the lengths, for lists of ids. */
  readonly length: string | undefined;
  /** Entries that a row of a batch has room for. */
  readonly width: number;
}

/** Where the columns of a layout stand in rows. */
export interface RowShape {
  readonly layout: BatchLayout;
  readonly fixed: readonly FixedColumn[];
  readonly lists: readonly ListColumn[];
  /** Words of the fixed columns of a row. */
  readonly words: number;
  /** Columns as they are stored, in order: all but the lengths of lists. */
  readonly stored: readonly BatchColumn[];
}

export function rowShape(layout: BatchLayout): RowShape {
  const names = new Set(layout.map(({ name }) => name));
  const isFeature = (name: string): boolean => names.has(name);
  const lengthOf = (name: string): string | undefined => {
    const length = `${name.replace(/\.age$/, "")}.length`;
    return isFeature(length) ? length : undefined;
  };
  const fixed: FixedColumn[] = [];
  const lists: ListColumn[] = [];
  const stored: BatchColumn[] = [];
  let words = 0;
  for (const column of layout) {
    const { name, role, dtype, width } = column;
    const isLength =
      role === "feature" && name.endsWith(".length") && names.has(name.slice(0, -".length".length));
    if (isLength) continue;
    stored.push(column);
    if (role === "feature" && lengthOf(name) !== undefined) {
      lists.push({ name, length: name.endsWith(".age") ? undefined : lengthOf(name), width });
      continue;
    }
    const size = width * (dtype === "float64" ? 2 : 1);
    fixed.push({ name, word: words, words: size });
    words += size;
  }
  return { layout, fixed, lists, words, stored };
}

/** A growing array of words. */
class WordList {
  values = new Int32Array(1024);
  length = 0;

  push(words: Int32Array): void {
    const end = this.length + words.length;
    if (end > this.values.length) {
      const grown = new Int32Array(Math.max(end, Math.ceil(this.values.length * 1.5)));
      grown.set(this.values.subarray(0, this.length));
      this.values = grown;
    }
    this.values.set(words, this.length);
    this.length = end;
  }
}

export class RowWindow {
  readonly shape: RowShape;
  readonly rows: number;
  readonly #fixed: Int32Array;
  readonly #lists: { readonly column: ListColumn; readonly words: WordList; readonly ends: Uint32Array }[];
  #filled = 0;

  /** Room for so many rows. */
  constructor(shape: RowShape, rows: number) {
    this.shape = shape;
    this.rows = rows;
    this.#fixed = new Int32Array(rows * shape.words);
    this.#lists = shape.lists.map((column) => ({
      column,
      words: new WordList(),
      ends: new Uint32Array(rows + 1),
    }));
  }

  get bytes(): number {
    const lists = this.#lists.map(({ words, ends }) => words.values.byteLength + ends.byteLength);
    return lists.reduce((sum, bytes) => sum + bytes, this.#fixed.byteLength);
  }

  /** Rows filled in so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Words of a fixed column for the next `count` rows. */
  setFixed(index: number, values: Int32Array, count: number): void {
    const { word, words } = this.shape.fixed[index];
    const stride = this.shape.words;
    let at = this.#filled * stride + word;
    if (words === 1) {
      for (let i = 0; i < count; i++, at += stride) this.#fixed[at] = values[i];
    } else {
      for (let i = 0; i < count; i++, at += stride) {
        for (let k = 0; k < words; k++) this.#fixed[at + k] = values[i * words + k];
      }
    }
  }

  /** One list of a list column, for row `row` of the next ones; rows must come in order. */
  addList(index: number, row: number, values: Int32Array): void {
    const { words, ends } = this.#lists[index];
    words.push(values);
    ends[this.#filled + row + 1] = words.length;
  }

  /** Closes the next `count` rows, whose columns are all set. */
  advance(count: number): void {
    this.#filled += count;
    assert(this.#filled <= this.rows, "no more rows than there is room for");
  }

  /**
   * Writes rows `from … to-1` of an order into a batch, from batch row `at` on. The batch is zeroed.
   *
   * @param order row numbers, or undefined for the rows as they are
   */
  gather(order: Uint32Array | undefined, from: number, to: number, batch: EncodedBatch, at: number): void {
    const fixed = this.shape.fixed.map(({ name, word, words }) => ({
      word,
      words,
      target: wordsOf(batch, name),
    }));
    const lists = this.#lists.map(({ column, words, ends }) => ({
      ends,
      entries: words.values,
      width: column.width,
      target: wordsOf(batch, column.name),
      lengths: column.length === undefined ? undefined : wordsOf(batch, column.length),
    }));
    const rows = new Uint32Array(TILE);
    for (let start = from; start < to; start += TILE) {
      const count = Math.min(TILE, to - start);
      for (let i = 0; i < count; i++) rows[i] = order === undefined ? start + i : order[start + i];
      const out = at + start - from;
      for (const { word, words, target } of fixed) {
        if (words === 1) this.#gatherWord(rows, count, word, target, out);
        else this.#gatherWords(rows, count, word, words, target, out);
      }
      for (const list of lists) gatherLists(rows, count, list, out);
    }
  }

  #gatherWord(rows: Uint32Array, count: number, word: number, target: Int32Array, out: number): void {
    const source = this.#fixed;
    const stride = this.shape.words;
    for (let i = 0; i < count; i++) target[out + i] = source[rows[i] * stride + word];
  }

  #gatherWords(
    rows: Uint32Array,
    count: number,
    word: number,
    words: number,
    target: Int32Array,
    out: number,
  ): void {
    const source = this.#fixed;
    const stride = this.shape.words;
    for (let i = 0; i < count; i++) {
      const start = rows[i] * stride + word;
      for (let k = 0; k < words; k++) target[(out + i) * words + k] = source[start + k];
    }
  }
}

/** Rows gathered at a time: what they hold stays in the nearest cache while column after column is copied. */
const TILE = 64;

interface ListCopy {
  readonly ends: Uint32Array;
  readonly entries: Int32Array;
  readonly width: number;
  readonly target: Int32Array;
  readonly lengths: Int32Array | undefined;
}

function gatherLists(
  rows: Uint32Array,
  count: number,
  { ends, entries, width, target, lengths }: ListCopy,
  out: number,
): void {
  for (let i = 0; i < count; i++) {
    const start = ends[rows[i]];
    const length = ends[rows[i] + 1] - start;
    const first = (out + i) * width;
    for (let k = 0; k < length; k++) target[first + k] = entries[start + k];
    if (lengths !== undefined) lengths[out + i] = length;
  }
}

/** A column of a batch as 32-bit words. */
function wordsOf(batch: EncodedBatch, name: string): Int32Array {
  const { buffer, byteOffset, byteLength } = batch.columns[name];
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}
