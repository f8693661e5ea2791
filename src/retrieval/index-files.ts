/**
 * Indexes on disk: `<directory>/<version>/` holds everything a search needs, `<directory>/current.json` names
 * the version that is in use and is replaced atomically, so a reader sees one version or the other, whole.
 *
 *     current.json           { "version": 1, "folder": "000003-hnsw" }
 *     000003-hnsw/index.json what it is and how it was built
 *     …/items.json           raw keys by item number
 *     …/vectors.safetensors  encoded items
 *     …/scorer.onnx          users and items in, scores out
 *     …/graph.usearch        HNSW alone
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, DataError } from "../core/index.ts";
import { listDirectory, readJson, removePath, writeFileAtomic, writeJsonAtomic } from "../core/node/index.ts";
import type { Engine } from "../engine/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../module/index.ts";
import { ExactIndex } from "./exact-index.ts";
import { HnswGraph, HnswIndex, type HnswOptions } from "./hnsw-index.ts";
import type { ItemIndex } from "./item-index.ts";
import { sizeOf } from "./towers.ts";

const kinds = ["exact", "hnsw"] as const;

/** How an index searches. */
export type IndexKind = (typeof kinds)[number];

/** What an index is built from. */
export interface IndexContent {
  /** Raw keys by item number. */
  readonly keys: readonly string[];
  /** `[items, ...itemShape]`. */
  readonly vectors: Float32Array;
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  /** Whether scores are dot products of one vector each. */
  readonly scoring: "dot" | "custom";
  /** The scorer as ONNX. */
  readonly scorer: Uint8Array;
}

export interface WriteIndexOptions {
  readonly kind: IndexKind;
  readonly hnsw?: HnswOptions;
  /** Threads to build with; 0: all. @default 0 */
  readonly threads?: number;
  /** Versions to keep, the new one included. @default 2 */
  readonly keep?: number;
}

const names = {
  current: "current.json",
  index: "index.json",
  items: "items.json",
  vectors: "vectors.safetensors",
  scorer: "scorer.onnx",
  graph: "graph.usearch",
} as const;

interface IndexRecord {
  readonly version: 1;
  readonly kind: IndexKind;
  readonly items: number;
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  readonly hnsw: HnswOptions | null;
}

/** An index that was read, with the keys of its items. */
export interface OpenedIndex {
  /** Name of its folder. */
  readonly folder: string;
  readonly index: ItemIndex;
  readonly keys: readonly string[];
  /** Item number by key. */
  readonly numbers: ReadonlyMap<string, number>;
}

/**
 * Builds a version, writes it and makes it the current one. Older versions beyond `keep` are removed.
 *
 * @returns the version's folder name
 * @throws ConfigError when an HNSW index is asked for a scorer that is no dot product
 */
export function writeIndex(
  directory: string,
  content: IndexContent,
  { kind, hnsw = {}, threads = 0, keep = 2 }: WriteIndexOptions,
): string {
  const { keys, vectors, userShape, itemShape, scorer, scoring } = content;
  if (kind === "hnsw" && (scoring !== "dot" || itemShape.length !== 1)) {
    throw new ConfigError("an HNSW index needs scores that are dot products of one vector an item", {
      details: { scoring, itemShape },
      hint: "build an exact index for this model",
    });
  }
  const folder = `${String(newestNumber(directory) + 1).padStart(6, "0")}-${kind}`;
  const place = join(directory, folder);
  removePath(place);
  const data = vectors as Float32Array<ArrayBuffer>;
  const shape = [keys.length, ...itemShape];
  writeFileAtomic(join(place, names.vectors), encodeSafetensors({ vectors: { dtype: "F32", shape, data } }));
  writeFileAtomic(join(place, names.scorer), scorer);
  writeJsonAtomic(join(place, names.items), keys);
  if (kind === "hnsw")
    HnswGraph.build(vectors, itemShape[0], { ...hnsw, threads }).save(join(place, names.graph));
  const record: IndexRecord = {
    version: 1,
    kind,
    items: keys.length,
    userShape,
    itemShape,
    hnsw: kind === "hnsw" ? hnsw : null,
  };
  writeJsonAtomic(join(place, names.index), record);
  writeJsonAtomic(join(directory, names.current), { version: 1, folder });
  const versions = versionsOf(directory);
  for (const old of versions.slice(0, Math.max(0, versions.length - keep))) {
    if (old !== folder) removePath(join(directory, old));
  }
  return folder;
}

/** Folders of versions, oldest first. */
function versionsOf(directory: string): string[] {
  return listDirectory(directory).filter((name) => /^\d{6}-/.test(name));
}

function newestNumber(directory: string): number {
  return Number(versionsOf(directory).at(-1)?.slice(0, 6) ?? 0);
}

/**
 * The folder of the current version.
 *
 * @throws DataError when the directory holds no index
 */
export function currentVersion(directory: string): string {
  const path = join(directory, names.current);
  if (!existsSync(path)) {
    throw new DataError(`${directory} holds no index`, {
      details: { directory },
      hint: "build one with `millrace index RUN`",
    });
  }
  const { folder } = readJson(path) as { folder?: unknown };
  if (typeof folder !== "string" || !/^\d{6}-\w+$/.test(folder)) {
    throw new DataError(`${path} does not name an index`, { details: { path, folder } });
  }
  return folder;
}

/** @throws DataError when the directory holds no index, an incomplete one, or one of an unknown kind */
export async function openIndex(
  directory: string,
  { engine, folder = currentVersion(directory) }: { engine: Engine; folder?: string },
): Promise<OpenedIndex> {
  const place = join(directory, folder);
  if (!existsSync(join(place, names.index))) {
    throw new DataError(`${join(place, names.index)} is missing`, {
      details: { directory, folder },
      hint: "build the index again with `millrace index RUN`",
    });
  }
  const { kind, items, userShape, itemShape, hnsw } = readJson(join(place, names.index)) as IndexRecord;
  if (!kinds.includes(kind)) {
    throw new DataError(`${join(place, names.index)}: there is no kind of index ${JSON.stringify(kind)}`, {
      details: { directory: place, kind, kinds },
      hint: `kinds: ${kinds.join(", ")}; another version of Millrace may have written it`,
    });
  }
  const keys = readJson(join(place, names.items)) as string[];
  const { vectors } = decodeSafetensors(readFileSync(join(place, names.vectors))).tensors;
  if (
    vectors?.dtype !== "F32" ||
    vectors.data.length !== items * sizeOf(itemShape) ||
    keys.length !== items
  ) {
    throw new DataError(`${place} does not hold the ${items} items that its index.json speaks of`, {
      details: { directory: place, items, keys: keys.length, shape: vectors?.shape ?? null },
      hint: "build the index again with `millrace index RUN`",
    });
  }
  const exact = await ExactIndex.create({
    engine,
    scorer: readFileSync(join(place, names.scorer)),
    vectors: vectors.data as Float32Array,
    userShape,
    itemShape,
  });
  const index =
    kind === "hnsw"
      ? new HnswIndex(HnswGraph.open(join(place, names.graph), itemShape[0], hnsw ?? {}), exact)
      : exact;
  return { folder, index, keys, numbers: new Map(keys.map((key, number) => [key, number])) };
}
