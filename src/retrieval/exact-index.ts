/**
 * Exact search: the model's scorer over every item, on the engine, then the k best. Works with any scorer,
 * and is what approximate indexes are measured by.
 */
import type { Engine } from "../engine/index.ts";
import { type Candidates, checkUser, type ItemIndex, itemFilter, type SearchOptions } from "./item-index.ts";
import { SessionScorer, type Scorer, sizeOf } from "./towers.ts";
import { topItems } from "./top-items.ts";

export interface ExactIndexOptions {
  readonly engine: Engine;
  /** The scorer as ONNX: inputs `users` and `items`, output `scores`. */
  readonly scorer: Uint8Array;
  /** Encoded items, `[items, ...itemShape]`. */
  readonly vectors: Float32Array;
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
}

export class ExactIndex implements ItemIndex {
  readonly kind = "exact";
  readonly items: number;
  readonly userShape: readonly number[];
  /** Encoded items, `[items, ...itemShape]`. */
  readonly vectors: Float32Array;
  readonly #itemSize: number;
  readonly #scorer: Scorer;

  private constructor({ vectors, userShape, itemShape }: ExactIndexOptions, scorer: Scorer) {
    this.vectors = vectors;
    this.#itemSize = sizeOf(itemShape);
    this.items = vectors.length / this.#itemSize;
    this.userShape = userShape;
    this.#scorer = scorer;
  }

  static async create(options: ExactIndexOptions): Promise<ExactIndex> {
    const session = await options.engine.load(options.scorer);
    return new ExactIndex(options, new SessionScorer(session, options));
  }

  async search(user: Float32Array, options: SearchOptions): Promise<Candidates> {
    checkUser(user, this.userShape);
    const filter = itemFilter(this.items, options);
    // Few items are scored alone.
    if (filter.passing < this.items / 4) {
      const listed = filter.listed();
      const scores = await this.#scoresOf(user, listed);
      return topItems(scores, options.k, { numbers: listed });
    }
    const scores = await this.#scorer.score(user, this.vectors);
    const passes = filter.passing === this.items ? undefined : filter.passes;
    return topItems(scores, options.k, { passes });
  }

  /** Scores of some items, `[items.length]`. */
  async #scoresOf(user: Float32Array, items: Int32Array): Promise<Float32Array> {
    const size = this.#itemSize;
    const vectors = new Float32Array(items.length * size);
    for (const [k, item] of items.entries()) {
      vectors.set(this.vectors.subarray(item * size, (item + 1) * size), k * size);
    }
    return items.length === 0 ? vectors : this.#scorer.score(user, vectors);
  }

  async close(): Promise<void> {
    await this.#scorer.release();
  }
}
