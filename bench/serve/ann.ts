/**
 * Nearest items by dot product: exact search, HNSW (usearch), and npm's hnswlib-node where it is installed.
 * 100,000 vectors of 64 with the structure that item towers give (clusters in fewer dimensions, with noise), and
 * queries like users'. One query at a time, one thread. Items of unit length (towers compared by cosine) and of lengths
 * that vary as popularity does: inner products are no distance then, long items take the places of
 * near ones in the graph, and recall stays lower at any effort, in either library.
 *
 * hnswlib-node has no binaries: npm compiles it on installation, so that it is no dependency here. Name a folder
 * that has it: MILLRACE_HNSWLIB=/somewhere (with node_modules/hnswlib-node inside); without it it has no figure.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CounterRandom } from "../../src/core/random.ts";
import { createEngine } from "../../src/engine/index.ts";
import {
  ExactIndex,
  HnswGraph,
  HnswIndex,
  interactionSchema,
  MF,
  scorerGraph,
} from "../../src/retrieval/index.ts";

export interface AnnFigure {
  readonly index: string;
  /** Lengths of the items: all 1, or various. */
  readonly lengths: "unit" | "various";
  readonly items: number;
  readonly dim: number;
  /** Of exact search's best 100. */
  readonly recallAt100: number;
  readonly qps: number;
  /** Candidates that a search looks at; absent for exact search. */
  readonly searchExpansion?: number;
  readonly buildSeconds?: number;
}

export interface AnnOptions {
  readonly lengths: AnnFigure["lengths"];
  readonly items: number;
  readonly dim: number;
  readonly queries: number;
  /** One figure for each. */
  readonly searchExpansions: readonly number[];
}

const K = 100;
const CLUSTERS = 200;
const RANK = 16;

/** Item and user vectors: clusters in R^16, carried to R^dim, with noise; lengths vary as popularity does. */
export function towerLikeVectors(rows: number, dim: number, seed: number, who: string): Float32Array {
  const shared = new CounterRandom(seed, "shared");
  const own = new CounterRandom(seed, who);
  const out = new Float32Array(rows * dim);
  const latent = new Float64Array(RANK);
  for (let row = 0; row < rows; row++) {
    const at = row * (RANK + dim + 2);
    const cluster = own.integer(at, CLUSTERS);
    for (let r = 0; r < RANK; r++) {
      latent[r] = shared.normal(cluster * RANK + r) + 0.5 * own.normal(at + 1 + r);
    }
    const length = Math.exp(0.2 * own.normal(at + RANK + 1));
    for (let d = 0; d < dim; d++) {
      let value = 0.3 * own.normal(at + RANK + 2 + d);
      for (let r = 0; r < RANK; r++)
        value += (latent[r] * shared.normal(1e6 + r * dim + d)) / Math.sqrt(RANK);
      out[row * dim + d] = length * value;
    }
  }
  return out;
}

function unitLength(vectors: Float32Array, dim: number): Float32Array {
  return vectors.map((value, i) => {
    const row = i - (i % dim);
    let squares = 0;
    for (let d = 0; d < dim; d++) squares += vectors[row + d] ** 2;
    return value / Math.sqrt(squares);
  });
}

interface Hnswlib {
  HierarchicalNSW: new (
    space: "ip",
    dim: number,
  ) => {
    initIndex(items: number, connectivity: number, buildExpansion: number, seed: number): void;
    addPoint(vector: number[], label: number): void;
    setEf(expansion: number): void;
    searchKnn(vector: number[], k: number): { readonly neighbors: number[] };
  };
}

function hnswlib(): Hnswlib | undefined {
  const folder = process.env.MILLRACE_HNSWLIB;
  const from = folder === undefined ? fileURLToPath(import.meta.url) : join(folder, "package.json");
  try {
    return createRequire(from)("hnswlib-node") as Hnswlib;
  } catch {
    return undefined;
  }
}

export async function annFigures({
  lengths,
  items,
  dim,
  queries,
  searchExpansions,
}: AnnOptions): Promise<AnnFigure[]> {
  const various = towerLikeVectors(items, dim, 5, "items");
  const vectors = lengths === "unit" ? unitLength(various, dim) : various;
  const users = towerLikeVectors(queries, dim, 5, "users");
  const query = (q: number): Float32Array => users.subarray(q * dim, (q + 1) * dim);
  const engine = await createEngine("auto");
  const scorer = scorerGraph(
    new MF(interactionSchema({ users: ["u"], items: ["i"] }), { embeddingDim: dim }),
  ).model;
  const exact = await ExactIndex.create({ engine, scorer, vectors, userShape: [dim], itemShape: [dim] });
  const connectivity = 32;
  const buildExpansion = 256;

  type Search = (user: Float32Array) => ArrayLike<number> | Promise<ArrayLike<number>>;
  const run = async (search: Search): Promise<{ found: ArrayLike<number>[]; qps: number }> => {
    for (let q = 0; q < Math.min(10, queries); q++) await search(query(q));
    const found: ArrayLike<number>[] = [];
    const began = performance.now();
    for (let q = 0; q < queries; q++) found.push(await search(query(q)));
    return { found, qps: queries / ((performance.now() - began) / 1e3) };
  };
  const truth = await run(async (user) => (await exact.search(user, { k: K })).items);
  const recall = (found: readonly ArrayLike<number>[]): number => {
    let hits = 0;
    for (const [q, given] of found.entries()) {
      const wanted = new Set(Array.from(truth.found[q]));
      for (const item of Array.from(given)) if (wanted.has(item)) hits++;
    }
    return hits / (queries * K);
  };
  const about = { lengths, items, dim };
  const figures: AnnFigure[] = [{ index: "exact", ...about, recallAt100: 1, qps: truth.qps }];
  let began = performance.now();
  const graph = HnswGraph.build(vectors, dim, { connectivity, buildExpansion });
  const buildSeconds = (performance.now() - began) / 1e3;
  const path = join(process.env.BENCH_FOLDER ?? ".", "ann.usearch");
  graph.save(path);
  for (const searchExpansion of searchExpansions) {
    const opened = HnswGraph.open(path, dim, { connectivity, buildExpansion, searchExpansion });
    const index = new HnswIndex(opened, exact);
    const { found, qps } = await run(async (user) => (await index.search(user, { k: K })).items);
    figures.push({ index: "hnsw", ...about, recallAt100: recall(found), qps, searchExpansion, buildSeconds });
  }
  const peer = hnswlib();
  if (peer !== undefined) {
    began = performance.now();
    const other = new peer.HierarchicalNSW("ip", dim);
    other.initIndex(items, connectivity, buildExpansion, 100);
    for (let item = 0; item < items; item++) {
      other.addPoint(Array.from(vectors.subarray(item * dim, (item + 1) * dim)), item);
    }
    const seconds = (performance.now() - began) / 1e3;
    for (const searchExpansion of searchExpansions) {
      other.setEf(searchExpansion);
      const { found, qps } = await run((user) => other.searchKnn(Array.from(user), K).neighbors);
      figures.push({
        index: "hnswlib-node",
        ...about,
        recallAt100: recall(found),
        qps,
        searchExpansion,
        buildSeconds: seconds,
      });
    }
  }
  await exact.close();
  return figures;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = {
    dim: 64,
    queries: 500,
    searchExpansions: [128, 256, 512],
    ...(JSON.parse(process.argv[2] ?? "{}") as Partial<AnnOptions>),
  };
  const figures: AnnFigure[] = [];
  for (const lengths of given.lengths === undefined ? (["unit", "various"] as const) : [given.lengths]) {
    figures.push(...(await annFigures({ items: 100_000, ...given, lengths })));
  }
  process.stdout.write(JSON.stringify(figures));
}
