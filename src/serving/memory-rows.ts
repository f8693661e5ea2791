/** Rows in memory that all threads share. */
import type { RowCounts, RowHome } from "./row-home.ts";

export class MemoryRows implements RowHome {
  readonly immediate = true;
  readonly #data: Float32Array;
  readonly #dim: number;

  constructor(data: Float32Array, dim: number) {
    this.#data = data;
    this.#dim = dim;
  }

  gather(ids: Int32Array, into: Float32Array): void {
    const dim = this.#dim;
    const data = this.#data;
    // Rows are short: a plain loop beats `set`, which has to make a view for each.
    for (let k = 0, to = 0; k < ids.length; k++) {
      const end = (ids[k] + 1) * dim;
      for (let from = end - dim; from < end; from++) into[to++] = data[from];
    }
  }

  takeCounts(): RowCounts {
    return { hits: 0, misses: 0, fallbacks: 0 };
  }

  async close(): Promise<void> {}
}
