/**
 * A graph on the pool's threads that takes a request's columns once and, of candidates in the item table, what was made
 * of their items when the release was loaded.
 */
import { ITEM_ROW } from "./batch-pieces.ts";
import type { Candidate, RequestFacts } from "./candidate-set.ts";
import type { FeatureAssembly } from "./feature-assembly.ts";
import type { FeatureTable } from "./feature-table.ts";
import type { InferencePool, Predictions } from "./inference-pool.ts";
import type { ServedModel } from "./served-model.ts";

/** A served model whose graph may be taken apart. */
export interface ItemGraphOptions {
  readonly served: ServedModel;
  /** Under which the pool knows the plain model. */
  readonly key: string;
  readonly assembly: FeatureAssembly;
  readonly items: FeatureTable | undefined;
  readonly pool: InferencePool;
  /** Gives up making items' parts. */
  readonly signal?: AbortSignal;
}

export class ItemGraph {
  /** Under which the pool knows the graph. */
  readonly key: string;
  protected readonly assembly: FeatureAssembly;
  readonly #columns: readonly string[];
  readonly #pool: InferencePool;

  /** @param columns encoded ones that it takes for each candidate, beside what was made of its item */
  protected constructor(
    key: string,
    columns: readonly string[],
    { assembly, pool }: Pick<ItemGraphOptions, "assembly" | "pool">,
  ) {
    this.key = key;
    this.assembly = assembly;
    this.#columns = columns;
    this.#pool = pool;
  }

  /**
   * Predictions by label, `[candidates]` each, and values that no vocabulary knows.
   *
   * @param candidates that the pool has admitted
   */
  async predict(
    facts: RequestFacts,
    candidates: readonly Candidate[],
    pool: Pick<InferencePool, "run">,
    signal: AbortSignal,
  ): Promise<{ predictions: Predictions; outOfVocabulary: { readonly [feature: string]: number } }> {
    const { batch, outOfVocabulary } = this.assembly.assembleShared(facts, candidates, this.#columns);
    const columns = { ...batch.columns, [ITEM_ROW]: Int32Array.from(candidates, ({ row }) => row) };
    const predictions = await pool.run(this.key, { ...batch, columns }, signal, { admitted: true });
    return { predictions, outOfVocabulary };
  }

  release(): void {
    this.#pool.release(this.key);
  }
}
