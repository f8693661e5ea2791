/**
 * A served model that factors into towers: vectors of all items are made when a release is loaded and belong to
 * its version; a request costs one encoding of the user and a product an item and head.
 */
import type { Engine } from "../engine/index.ts";
import { FactoredTowers } from "../retrieval/index.ts";
import type { Candidate, RequestFacts } from "./candidate-set.ts";
import type { FeatureAssembly } from "./feature-assembly.ts";
import type { FeatureTable } from "./feature-table.ts";
import type { Predictions } from "./inference-pool.ts";

/** Items encoded at a time at start. */
const CHUNK = 1024;

export class TowerStage {
  readonly towers: FactoredTowers;
  readonly #assembly: FeatureAssembly;
  /** `[items, itemWidth]` */
  readonly #vectors: Float32Array;

  private constructor(towers: FactoredTowers, assembly: FeatureAssembly, vectors: Float32Array) {
    this.towers = towers;
    this.#assembly = assembly;
    this.#vectors = vectors;
  }

  /**
   * The stage of a run, or undefined where its whole graph has to run: the model does not factor, there is no
   * item table, or a feature of the item's side is no column of it (of the user's side: is one).
   */
  static async open(
    directory: string,
    assembly: FeatureAssembly,
    items: FeatureTable | undefined,
    engine: Engine,
  ): Promise<TowerStage | undefined> {
    if (items === undefined) return undefined;
    const towers = await FactoredTowers.open(directory, engine);
    if (towers === undefined) return undefined;
    const { item, request } = assembly.sides;
    if (
      !towers.itemColumns.every((column) => item.has(column)) ||
      !towers.userColumns.every((column) => request.has(column))
    ) {
      await towers.release();
      return undefined;
    }
    const vectors = new Float32Array(items.rows * towers.itemWidth);
    for (let begin = 0; begin < items.rows; begin += CHUNK) {
      const batch = assembly.assembleItems(begin, Math.min(begin + CHUNK, items.rows));
      vectors.set(await towers.encodeItems(batch), begin * towers.itemWidth);
      // The engine computes on this thread: requests of the release before come in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return new TowerStage(towers, assembly, vectors);
  }

  /** Whether all candidates' vectors are known. */
  knows(candidates: readonly Candidate[]): boolean {
    return candidates.every((candidate) => this.#assembly.isFromTable(candidate));
  }

  /** Predictions by label, `[candidates]` each, and values of the user's that no vocabulary knows. */
  async predict(
    facts: RequestFacts,
    candidates: readonly Candidate[],
  ): Promise<{ predictions: Predictions; outOfVocabulary: { readonly [feature: string]: number } }> {
    const { batch, outOfVocabulary } = this.#assembly.assembleRequest(facts);
    const user = await this.towers.encodeUser(batch);
    const { itemWidth } = this.towers;
    const items = new Float32Array(candidates.length * itemWidth);
    for (const [k, { row }] of candidates.entries()) {
      items.set(this.#vectors.subarray(row * itemWidth, (row + 1) * itemWidth), k * itemWidth);
    }
    return { predictions: await this.towers.score(user, items), outOfVocabulary };
  }

  /** A copy of an item's vector as this release holds it. */
  vectorOf(row: number): Float32Array {
    const { itemWidth } = this.towers;
    return this.#vectors.slice(row * itemWidth, (row + 1) * itemWidth);
  }

  release(): Promise<void> {
    return this.towers.release();
  }
}
