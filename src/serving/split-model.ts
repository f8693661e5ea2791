/**
 * A served model as a split graph (`split/split-graph.ts`): what is the request's is computed once a request, what
 * is the item's is computed when a release is loaded and belongs to its version, and candidates cost what is left.
 */
import type { Engine } from "../engine/index.ts";
import type { Candidate } from "./candidate-set.ts";
import { fillProducts } from "./fill-products.ts";
import { ItemGraph, type ItemGraphOptions } from "./item-graph.ts";
import { type ItemProducts, makeProducts, recordWidth } from "./item-products.ts";
import type { ServedModel } from "./served-model.ts";
import { type SplitGraph, splitGraph } from "./split/split-graph.ts";
import { valueFacts } from "./split/value-facts.ts";

export interface SplitModelOptions extends ItemGraphOptions {
  readonly engine: Engine;
  /** MiB that products of all items may take. */
  readonly productsMb: number;
}

/**
 * Candidates of a request from which on it is worth a run of its own. Fewer share a run of the plain graph with other
 * requests': measured with the serving benchmark's model, 10 cost 2.8 ms split and 2.1 ms whole, 50 cost 3.3 and 4.5.
 */
export const WORTH_SPLITTING = 24;

export class SplitModel extends ItemGraph {
  /** Bytes of products kept; 0 where only the request's part is apart. */
  readonly productBytes: number;
  readonly #graph: SplitGraph;

  private constructor(key: string, graph: SplitGraph, productBytes: number, options: SplitModelOptions) {
    super(key, graph.columns.candidates, options);
    this.#graph = graph;
    this.productBytes = productBytes;
  }

  /**
   * Splits a model that the pool has loaded, and computes its items' products where they fit. Undefined where it is
   * served whole: nothing would be saved, there is no item table, or rows live in Redis, whose answers may change.
   */
  static async open(options: SplitModelOptions): Promise<SplitModel | undefined> {
    const { served, key, items, pool } = options;
    const { source } = served;
    if (items === undefined || source.lookups.some(({ place }) => place.kind === "redis")) return undefined;
    const found = await bestSplit(options, items.rows);
    if (found === undefined) return undefined;
    const { graph, whole, products } = found;
    const own = `${key}/split`;
    const productBytes = products?.data.byteLength ?? 0;
    if (graph.items !== undefined && products !== undefined) {
      const made = served.sourceOf(graph.items, {});
      if (made === undefined) return undefined;
      await fillProducts(`${key}/items`, { ...made, keeps: products }, items.rows, options);
    }
    await pool.load(own, { ...whole, takes: products });
    return new SplitModel(own, graph, productBytes, options);
  }

  /** Multiply-adds that a candidate no longer costs. */
  get saved(): number {
    return this.#graph.saved;
  }

  /** Whether a candidate can be scored by the split graph. */
  takes(candidate: Candidate): boolean {
    return this.#graph.items === undefined
      ? this.assembly.isPlain(candidate)
      : this.assembly.isFromTable(candidate);
  }
}

interface FoundSplit {
  readonly graph: SplitGraph;
  readonly whole: ServedModel["source"];
  /** Where the graph takes products: memory for them, still empty. */
  readonly products: ItemProducts | undefined;
}

/** With products where they fit, else without. */
async function bestSplit(
  { served, assembly, engine, productsMb }: SplitModelOptions,
  items: number,
): Promise<FoundSplit | undefined> {
  const { tables } = served;
  const { item, request } = assembly.sides;
  const facts = await valueFacts(served.graph, tables, engine);
  if (facts === undefined) return undefined;
  for (const kept of productsMb > 0 ? [true, false] : [false]) {
    const graph = splitGraph(served.graph, { facts, tables, columns: { item, request }, products: kept });
    if (graph === undefined) continue;
    if (4 * items * recordWidth(graph.products) > productsMb * 2 ** 20) continue;
    const whole = served.sourceOf(graph.model, served.source.predictions);
    if (whole === undefined) continue;
    if (graph.items === undefined) return { graph, whole, products: undefined };
    const products = memoryFor(graph, items);
    if (products !== undefined) return { graph, whole, products };
  }
  return undefined;
}

/** Undefined where the machine has no such memory, which counts as over the budget. */
function memoryFor({ products }: SplitGraph, items: number): ItemProducts | undefined {
  try {
    return makeProducts(products, items);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
