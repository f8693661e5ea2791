/**
 * Key tables: raw values of categorical columns numbered 0, 1, … in the order in which they come. A key
 * is two or four 32-bit words: a 64-bit number, or a text as DuckDB keeps it (its length and up to
 * twelve bytes; of longer ones the length and 96 bits of their MD5). Open addressing, linear probing.
 * Long texts that come without a digest are rare; they are kept by their text.
 */
import { DataError } from "../core/index.ts";
import type { RawScalar } from "../schema/index.ts";

export type KeyType = "VARCHAR" | "BIGINT" | "DOUBLE" | "BOOLEAN";

/** Code of a row without a value. */
export const NO_KEY = -1;

/** Words of a column of keys, and which of its rows have a value (null: all). */
export interface KeyColumn {
  readonly words: Int32Array;
  readonly valid: Uint32Array | null;
  /** MD5 words of texts longer than twelve bytes; asked for when there is one. Absent: by their text. */
  readonly digests: (() => Int32Array) | undefined;
  /** The text of a row, asked for once for every long text. */
  readonly textAt: (row: number) => string;
}

/** Most bytes of a text that stand in its key. */
export const SHORT = 12;
/** Stands in place of the length of a text that is not in the slots. */
const BY_TEXT = -1;
/** Keys beyond this many would not fit a `Map`, as the serving encoder needs it. */
const LARGEST = 2 ** 24 - 8;

export class KeyTable {
  readonly type: KeyType;
  readonly #column: string;
  readonly #width: 2 | 4;
  readonly #longTexts = new Map<number, string>();
  readonly #byText = new Map<string, number>();
  #size = 0;
  #keys: Int32Array;
  #slots: Int32Array;
  #bytes: Buffer;
  #candidates = new Int32Array(2048);

  /** @param column name for error messages */
  constructor(type: KeyType, column: string) {
    this.type = type;
    this.#column = column;
    this.#width = type === "VARCHAR" ? 4 : 2;
    this.#keys = new Int32Array(256 * this.#width);
    this.#slots = new Int32Array(512).fill(-1);
    this.#bytes = Buffer.from(this.#keys.buffer);
  }

  /** Number of distinct keys. */
  get size(): number {
    return this.#size;
  }

  /** Writes the codes of `count` rows into `codes`, from position `at` on. */
  encode(column: KeyColumn, count: number, codes: Int32Array, at: number): void {
    if (this.#width === 4) this.#encodeTexts(column, count, codes, at);
    else this.#encodeNumbers(column, count, codes, at);
  }

  #encodeNumbers({ words, valid }: KeyColumn, count: number, codes: Int32Array, at: number): void {
    for (let row = 0; row < count; row++) {
      if (valid !== null && ((valid[row >>> 5] >>> (row & 31)) & 1) === 0) {
        codes[at + row] = NO_KEY;
        continue;
      }
      const a = words[2 * row];
      const b = words[2 * row + 1];
      const mask = this.#slots.length - 1;
      let slot = mix(a, b, 0, 0) & mask;
      let code = this.#slots[slot];
      while (code >= 0 && (this.#keys[2 * code] !== a || this.#keys[2 * code + 1] !== b)) {
        slot = (slot + 1) & mask;
        code = this.#slots[slot];
      }
      codes[at + row] = code >= 0 ? code : this.#add(slot, a, b, 0, 0);
    }
  }

  #encodeTexts(
    { words, valid, digests, textAt }: KeyColumn,
    count: number,
    codes: Int32Array,
    at: number,
  ): void {
    const first = this.#firstCandidates(words, digests, count);
    let keys = this.#keys;
    let digestWords: Int32Array | undefined;
    for (let row = 0; row < count; row++) {
      if (valid !== null && ((valid[row >>> 5] >>> (row & 31)) & 1) === 0) {
        codes[at + row] = NO_KEY;
        continue;
      }
      const length = words[4 * row];
      const long = length > SHORT;
      if (long && digests === undefined) {
        codes[at + row] = this.#codeOfText(textAt(row));
        keys = this.#keys;
        continue;
      }
      if (long) digestWords ??= digests!();
      const source = long ? digestWords! : words;
      const from = long ? 4 * row : 4 * row + 1;
      const b = source[from];
      const c = source[from + 1];
      const d = source[from + 2];
      const k = 4 * first[row];
      if (k >= 0 && keys[k] === length && keys[k + 1] === b && keys[k + 2] === c && keys[k + 3] === d) {
        codes[at + row] = first[row];
        continue;
      }
      const size = this.#size;
      const code = this.#find(length, b, c, d);
      if (code === size) {
        if (long) this.#longTexts.set(code, textAt(row));
        keys = this.#keys;
      }
      codes[at + row] = code;
    }
  }

  /**
   * What stands in each row's first slot, before any row is added. A pass of its own: the look-ups of a
   * large table miss the cache, and misses that do not wait for each other overlap.
   */
  #firstCandidates(words: Int32Array, digests: (() => Int32Array) | undefined, count: number): Int32Array {
    const slots = this.#slots;
    const mask = slots.length - 1;
    if (this.#candidates.length < count) this.#candidates = new Int32Array(count);
    const candidates = this.#candidates;
    for (let row = 0; row < count; row++) {
      const length = words[4 * row];
      candidates[row] =
        length > SHORT && digests !== undefined
          ? -1
          : slots[mix(length, words[4 * row + 1], words[4 * row + 2], words[4 * row + 3]) & mask];
    }
    return candidates;
  }

  /** The code of a key, a new one where it is not yet known. */
  #find(length: number, b: number, c: number, d: number): number {
    const keys = this.#keys;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = mix(length, b, c, d) & mask;
    for (let code = slots[slot]; code >= 0; code = slots[slot]) {
      const k = 4 * code;
      if (keys[k] === length && keys[k + 1] === b && keys[k + 2] === c && keys[k + 3] === d) return code;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, length, b, c, d);
  }

  #codeOfText(text: string): number {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const code = this.#append(BY_TEXT, 0, 0, 0);
    this.#byText.set(text, code);
    this.#longTexts.set(code, text);
    return code;
  }

  #add(slot: number, a: number, b: number, c: number, d: number): number {
    const code = this.#append(a, b, c, d);
    this.#slots[slot] = code;
    if (this.#size * 2 > this.#slots.length) this.#growSlots();
    return code;
  }

  #append(a: number, b: number, c: number, d: number): number {
    const code = this.#size++;
    if (code >= LARGEST) {
      throw new DataError(`column ${this.#column} has more than ${LARGEST} distinct values`, {
        details: { column: this.#column, expected: `at most ${LARGEST} distinct values` },
        hint: "set the feature's hash_buckets: hashed values need no list",
      });
    }
    const at = code * this.#width;
    if (at === this.#keys.length) this.#growKeys();
    this.#keys[at] = a;
    this.#keys[at + 1] = b;
    if (this.#width === 4) {
      this.#keys[at + 2] = c;
      this.#keys[at + 3] = d;
    }
    return code;
  }

  #growKeys(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#bytes = Buffer.from(keys.buffer);
  }

  #growSlots(): void {
    const keys = this.#keys;
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    const width = this.#width;
    for (let code = 0; code < this.#size; code++) {
      const k = code * width;
      if (width === 4 && keys[k] === BY_TEXT) continue;
      let slot =
        mix(keys[k], keys[k + 1], width === 4 ? keys[k + 2] : 0, width === 4 ? keys[k + 3] : 0) & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
    this.#slots = slots;
  }

  /** The raw value of a code. */
  raw(code: number): RawScalar {
    const at = code * this.#width;
    if (this.type === "VARCHAR") {
      const length = this.#keys[at];
      if (length > SHORT || length === BY_TEXT) return this.#longTexts.get(code)!;
      return this.#bytes.toString("utf8", 4 * at + 4, 4 * at + 4 + length);
    }
    if (this.type === "DOUBLE") return new Float64Array(this.#keys.slice(at, at + 2).buffer)[0];
    const high = this.#keys[at + 1];
    const low = this.#keys[at] >>> 0;
    if (this.type === "BOOLEAN") return low === 1;
    const safe = high < 0x1fffff && high >= -0x1fffff;
    return safe ? high * 4294967296 + low : (BigInt(high) << 32n) + BigInt(low);
  }
}

/** Spreads the words of a key over 32 bits. */
function mix(a: number, b: number, c: number, d: number): number {
  let hash =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ Math.imul(d, 0x27d4eb2f);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
