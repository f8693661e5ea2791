/**
 * A served model that factors into towers: vectors of all items are made when a release is loaded and belong to
 * its version; a request costs an encoding of the user (one a piece that it is cut into) and a product an item and
 * head. Both run on the pool's threads, which share the vectors.
 */
import { factoredGraphs } from "../retrieval/index.ts";
import type { Candidate } from "./candidate-set.ts";
import { fillProducts } from "./fill-products.ts";
import { ItemGraph, type ItemGraphOptions } from "./item-graph.ts";
import { makeProducts, recordWidth } from "./item-products.ts";

export class TowerStage extends ItemGraph {
  /** A record an item. */
  readonly #vectors: Float32Array;
  readonly #itemWidth: number;

  private constructor(key: string, options: ItemGraphOptions, vectors: Float32Array, itemWidth: number) {
    super(key, [], options);
    this.#vectors = vectors;
    this.#itemWidth = itemWidth;
  }

  /**
   * The stage of a model that the pool has loaded, or undefined where its whole graph has to run: the model does not
   * factor, there is no item table, or a feature of the item's side is no column of it (of the user's side: is one).
   */
  static async open(options: ItemGraphOptions): Promise<TowerStage | undefined> {
    const { served, key, assembly, items, pool } = options;
    if (items === undefined) return undefined;
    const graphs = factoredGraphs(served.directory);
    if (graphs === undefined) return undefined;
    const { item, request } = assembly.sides;
    if (
      !graphs.items.columns.every((column) => item.has(column)) ||
      !graphs.userColumns.every((column) => request.has(column))
    ) {
      return undefined;
    }
    const { output, width } = graphs.items;
    const { vectors, predictions } = graphs.scores;
    const encoder = served.sourceOf(graphs.items.model, {}, { inMemory: true });
    const scorer = served.sourceOf(graphs.scores.model, predictions);
    if (encoder === undefined || scorer === undefined) return undefined;
    const made = makeProducts([{ name: output, width }], items.rows);
    await fillProducts(`${key}/items`, { ...encoder, keeps: made }, items.rows, options);
    const own = `${key}/towers`;
    const takes = { ...made, shapes: [{ name: vectors, width }] };
    await pool.load(own, { ...scorer, takes, lightRows: true });
    return new TowerStage(own, options, made.data, width);
  }

  /** Whether all candidates' vectors are known. */
  knows(candidates: readonly Candidate[]): boolean {
    return candidates.every((candidate) => this.assembly.isFromTable(candidate));
  }

  /** A copy of an item's vector as this release holds it. */
  vectorOf(row: number): Float32Array {
    const begin = row * recordWidth([{ name: "vector", width: this.#itemWidth }]);
    return this.#vectors.slice(begin, begin + this.#itemWidth);
  }
}
