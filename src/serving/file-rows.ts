/**
 * Rows read from a file where they stand, with a cache of blocks of neighbouring rows: a table larger than
 * memory, its frequent rows (low ids, since vocabularies are ordered by count) in memory.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { DataError } from "../core/index.ts";
import { RowCache } from "./row-cache.ts";
import type { RowCounts, RowHome } from "./row-home.ts";

/** Bytes of a block: what the system reads at once anyway. */
const BLOCK_BYTES = 4096;

export interface FileRowsOptions {
  readonly path: string;
  /** First byte of row 0. */
  readonly offset: number;
  readonly rows: number;
  readonly dim: number;
  readonly cacheBytes: number;
}

export class FileRows implements RowHome {
  readonly immediate = true;
  readonly #options: FileRowsOptions;
  readonly #file: number;
  readonly #blockRows: number;
  readonly #cache: RowCache;
  #counts: RowCounts = { hits: 0, misses: 0, fallbacks: 0 };

  /** The file stays open, so that it may be removed or replaced while it is being served. */
  constructor(options: FileRowsOptions) {
    const { path, dim, cacheBytes } = options;
    this.#options = options;
    this.#file = openSync(path, "r");
    this.#blockRows = Math.max(1, Math.floor(BLOCK_BYTES / (4 * dim)));
    this.#cache = new RowCache(this.#blockRows * dim, cacheBytes);
  }

  gather(ids: Int32Array, into: Float32Array): void {
    const { dim } = this.#options;
    for (let k = 0, to = 0; k < ids.length; k++) {
      const number = Math.floor(ids[k] / this.#blockRows);
      let block = this.#cache.get(number);
      if (block === undefined) {
        this.#counts.misses++;
        block = this.#cache.add(number);
        this.#read(number, block);
      } else {
        this.#counts.hits++;
      }
      const from = (ids[k] - number * this.#blockRows) * dim;
      for (let j = 0; j < dim; j++) into[to++] = block[from + j];
    }
  }

  #read(number: number, block: Float32Array): void {
    const { path, offset, rows, dim } = this.#options;
    const first = number * this.#blockRows;
    const length = Math.min(this.#blockRows, rows - first) * dim * 4;
    const read = readSync(this.#file, block, 0, length, offset + first * dim * 4);
    if (read === length) return;
    throw new DataError(`${path} ends within row ${first + Math.floor(read / (4 * dim))}`, {
      details: { path, row: first, expected: length, received: read },
    });
  }

  takeCounts(): RowCounts {
    const counts = this.#counts;
    this.#counts = { hits: 0, misses: 0, fallbacks: 0 };
    return counts;
  }

  async close(): Promise<void> {
    closeSync(this.#file);
  }
}
