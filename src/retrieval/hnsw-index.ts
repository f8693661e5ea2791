/**
 * Approximate search in a hierarchical navigable small world graph (Malkov and Yashunin, TPAMI 2018,
 * arXiv:1603.09320), by the package `usearch`. For scores that are dot products of one vector each.
 *
 * The graph is built and searched by dot product itself. The reduction to cosine by one more coordinate (Bachrach
 * et al., RecSys 2014) was tried and lost: users, whose last coordinate is zero, lie far from every item then, and
 * on 20,000 Gaussian vectors of 64 recall@100 fell from 0.93 to 0.32 at the same effort. Filters are answered by
 * asking for more and, where too few pass, by exact search.
 */
import { createRequire } from "node:module";
import type * as usearch from "usearch";
import { EngineError } from "../core/index.ts";
import type { ExactIndex } from "./exact-index.ts";
import { type Candidates, checkUser, type ItemIndex, itemFilter, type SearchOptions } from "./item-index.ts";
import { topItems } from "./top-items.ts";

export interface HnswOptions {
  /** Neighbours of a node in the graph. @default 32 */
  readonly connectivity?: number;
  /** Candidates looked at while building. @default 256 */
  readonly buildExpansion?: number;
  /** Candidates looked at in a search; at least k in effect. @default 256 */
  readonly searchExpansion?: number;
  /** How vectors are stored in the graph. @default "f32" */
  readonly precision?: "f32" | "f16" | "i8";
}

/** The package as far as it is used; declarations must not name it, since it is optional. */
export interface Usearch {
  readonly Index: new (options: object) => unknown;
  readonly MetricKind: { readonly IP: string };
  readonly ScalarKind: { readonly F32: string; readonly F16: string; readonly I8: string };
}

/** @throws EngineError when the package is not installed or has no binary for this platform */
export function loadUsearch(name = "usearch"): Usearch {
  try {
    // Its ES module looks for the binary by call sites, which loaders of TypeScript move.
    return createRequire(import.meta.url)(name) as Usearch;
  } catch (cause) {
    throw new EngineError(`an HNSW index needs the package ${name}, which does not load here`, {
      details: { package: name },
      hint: "npm install usearch@2.25 --ignore-scripts, or build an exact index",
      cause,
    });
  }
}

/** A graph over items, built in memory or read from a file. */
export class HnswGraph {
  readonly #graph: usearch.Index;
  readonly items: number;

  private constructor(graph: usearch.Index) {
    this.#graph = graph;
    this.items = graph.size();
  }

  /** @param vectors `[items, dim]` */
  static build(
    vectors: Float32Array,
    dim: number,
    { threads = 0, ...options }: HnswOptions & { threads?: number } = {},
  ): HnswGraph {
    const graph = emptyGraph(dim, options);
    const items = vectors.length / dim;
    const keys = BigUint64Array.from({ length: items }, (_, n) => BigInt(n));
    graph.add(keys, vectors, threads);
    return new HnswGraph(graph);
  }

  /** @param view read pages of the file as they are needed, in place of loading it whole */
  static open(path: string, dim: number, options: HnswOptions = {}, { view = false } = {}): HnswGraph {
    const graph = emptyGraph(dim, options);
    if (view) graph.view(path);
    else graph.load(path);
    return new HnswGraph(graph);
  }

  save(path: string): void {
    this.#graph.save(path);
  }

  /** Item numbers of the k nearest, best first. */
  nearest(user: Float32Array, k: number): Int32Array {
    const { keys } = this.#graph.search(user, Math.min(k, this.items), 1);
    return Int32Array.from(keys, Number);
  }
}

function emptyGraph(
  dim: number,
  { connectivity = 32, buildExpansion = 256, searchExpansion = 256, precision = "f32" }: HnswOptions,
): usearch.Index {
  const { Index, MetricKind, ScalarKind } = loadUsearch();
  const graph = new Index({
    dimensions: dim,
    metric: MetricKind.IP,
    quantization: { f32: ScalarKind.F32, f16: ScalarKind.F16, i8: ScalarKind.I8 }[precision],
    connectivity,
    expansion_add: buildExpansion,
    expansion_search: searchExpansion,
    multi: false,
  });
  return graph as usearch.Index;
}

/** HNSW in front of exact search, which gives scores and answers filters that leave few items. */
export class HnswIndex implements ItemIndex {
  readonly kind = "hnsw";
  readonly items: number;
  readonly userShape: readonly number[];
  readonly #graph: HnswGraph;
  readonly #exact: ExactIndex;

  constructor(graph: HnswGraph, exact: ExactIndex) {
    this.#graph = graph;
    this.#exact = exact;
    this.items = exact.items;
    this.userShape = exact.userShape;
  }

  async search(user: Float32Array, options: SearchOptions): Promise<Candidates> {
    checkUser(user, this.userShape);
    const filter = itemFilter(this.items, options);
    const wanted = Math.min(options.k, filter.passing);
    if (wanted === 0) return { items: new Int32Array(0), scores: new Float32Array(0) };
    // Everything left out by name may be near; of a list of allowed ones, 1.5 times what is wanted in expectation.
    const { allowed, excluded } = filter;
    const among = allowed === undefined ? wanted : Math.ceil((1.5 * wanted * this.items) / allowed);
    const reach = among + excluded;
    if (reach > this.items / 4) return this.#exact.search(user, options);
    const near = this.#graph.nearest(user, reach).filter((item) => filter.passes(item));
    if (near.length < wanted) return this.#exact.search(user, options);
    return topItems(dotProducts(user, this.#exact.vectors, near), options.k, { numbers: near });
  }

  async close(): Promise<void> {
    await this.#exact.close();
  }
}

/** Few enough that a call of the engine would cost more. */
function dotProducts(user: Float32Array, vectors: Float32Array, items: Int32Array): Float32Array {
  const dim = user.length;
  return Float32Array.from(items, (item) => {
    let sum = 0;
    for (let d = 0, at = item * dim; d < dim; d++, at++) sum += user[d] * vectors[at];
    return sum;
  });
}
