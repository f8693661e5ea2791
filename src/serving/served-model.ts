/** A run directory opened for serving: its feature map, its graph, and where its rows will live. */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import { decodeSafetensorsHeader } from "../module/index.ts";
import { checkFiles, noFinishedRun, readRunBundle, runFiles } from "../run/index.ts";
import { type FeatureMap, OUT_OF_VOCABULARY_ID } from "../schema/index.ts";
import type { ModelSource } from "./model-runner.ts";
import { publishRows } from "./redis-rows.ts";
import { type RowGraph, rowGraph, smallest, STORED_MB, type TableShape } from "./row-graph.ts";
import type { RowPlace } from "./row-home.ts";

export interface RowOptions {
  /** `memory`, `file`, or the address of a Redis server (`redis://…`). @default "memory" */
  readonly rows?: string;
  /** Memory of each thread for rows of files and Redis, in MiB. @default 64 */
  readonly cacheMb?: number;
  /** How long Redis may take, in milliseconds, before rows fall back. @default 20 */
  readonly rowTimeoutMs?: number;
  /**
   * MiB of tables that are stored in the graph of every thread, smallest first; the others are looked up in
   * `rows`. @default 128
   */
  readonly storedMb?: number;
}

export interface ServedModel {
  /** Real path of the run directory. */
  readonly directory: string;
  /** Twelve hexadecimal digits of a hash over the run's files. */
  readonly version: string;
  readonly map: FeatureMap;
  readonly labels: readonly string[];
  readonly source: ModelSource;
  /** The graph as the run directory holds it, its tables inputs. */
  readonly graph: Uint8Array;
  /** Names of its tables. */
  readonly tables: ReadonlySet<string>;
  /**
   * Another graph of the same tables as it is sent to threads; undefined where it would have to hold a table
   * whose rows live elsewhere.
   */
  sourceOf(
    graph: Uint8Array,
    predictions: ModelSource["predictions"],
    options?: SourceOptions,
  ): ModelSource | undefined;
  /** @throws DataError when files have been replaced since the model was opened: parts read after that may be others' */
  checkFiles(): void;
}

export interface SourceOptions {
  /**
   * Rows are read into memory where they would come from Redis: what is made of them once must not be made of
   * fallbacks. @default false
   */
  readonly inMemory?: boolean;
}

/**
 * The directory that a path stands for: itself, what a symbolic link leads to, or what a pointer file (one
 * line with a path, taken from the file's folder) names.
 */
export function runDirectoryOf(path: string): string {
  if (!existsSync(path)) throw new DataError(`there is no run ${path}`, { details: { path } });
  const real = realpathSync(path);
  if (statSync(real).isDirectory()) return real;
  const named = readFileSync(real, "utf8").trim();
  const target = resolve(dirname(path), named);
  if (named === "" || named.includes("\n") || !existsSync(target) || !statSync(target).isDirectory()) {
    throw new DataError(`${path} is neither a run directory nor a file that names one`, {
      details: { path, received: named.slice(0, 80) },
    });
  }
  return realpathSync(target);
}

/** @throws DataError when the directory holds no finished run, or files that do not belong to it */
export async function openServedModel(path: string, options: RowOptions = {}): Promise<ServedModel> {
  const { rows = "memory", cacheMb = 64, rowTimeoutMs = 20, storedMb = STORED_MB } = options;
  const directory = runDirectoryOf(path);
  for (const file of [runFiles.featureMap, runFiles.model, runFiles.bundle]) {
    if (existsSync(join(directory, file))) continue;
    throw noFinishedRun(directory, file);
  }
  const map = readJson(join(directory, runFiles.featureMap)) as FeatureMap;
  const bundle = readRunBundle(directory);
  const tables = bundle.tables.map((table) => new TableFile(join(directory, table.file), table));
  const version = versionOf(directory, tables);
  const bytes = readFileSync(join(directory, runFiles.model));
  const isStored = smallest(bundle.tables, storedMb * 2 ** 20);
  const graph = rowGraph(bytes, bundle.tables, isStored, ({ name }) => tableNamed(tables, name).read());
  const checkOwn = (): void => checkFiles(directory, bundle.files ?? {});
  const prefixOf = (name: string): string => `millrace:${version}:${name}:`;
  if (rows.startsWith("redis")) {
    const lookedUp = graph.lookups.map(({ name, dim }) => ({
      prefix: prefixOf(name),
      data: tableNamed(tables, name).read(),
      dim,
    }));
    // Rows of files that were replaced since the version was taken would be found under it for good.
    await publishRows(rows, lookedUp, checkOwn);
  }
  const places = new Map<string, RowPlace>();
  const placeOf = (shape: TableShape): RowPlace => {
    const place = places.get(shape.name) ?? makePlace(shape);
    places.set(shape.name, place);
    return place;
  };
  const makePlace = ({ name, dim }: TableShape): RowPlace => {
    const table = tableNamed(tables, name);
    if (rows === "file") {
      return { kind: "file", path: table.path, offset: table.offset, cacheBytes: cacheMb * 2 ** 20 };
    }
    if (rows === "memory") return { kind: "memory", data: table.read() };
    const fallback = table.read(OUT_OF_VOCABULARY_ID, OUT_OF_VOCABULARY_ID + 1);
    return {
      kind: "redis",
      url: rows,
      prefix: prefixOf(name),
      cacheBytes: Math.max(4 * dim, Math.floor((cacheMb * 2 ** 20) / graph.lookups.length)),
      timeoutMs: rowTimeoutMs,
      fallback,
    };
  };
  const nearPlaceOf = (shape: TableShape): RowPlace => {
    const place = placeOf(shape);
    return place.kind === "redis" ? { kind: "memory", data: tableNamed(tables, shape.name).read() } : place;
  };
  const placed = (
    { model, lookups }: RowGraph,
    predictions: ModelSource["predictions"],
    { inMemory = false }: SourceOptions = {},
  ): ModelSource => ({
    model,
    lookups: lookups.map((lookup) => ({ ...lookup, place: (inMemory ? nearPlaceOf : placeOf)(lookup) })),
    predictions,
  });
  return {
    directory,
    version,
    map,
    labels: Object.keys(bundle.predictions),
    source: placed(graph, bundle.predictions),
    graph: bytes,
    tables: new Set(bundle.tables.map(({ name }) => name)),
    sourceOf(other, predictions, options) {
      let misplaced = false;
      const rows = rowGraph(other, bundle.tables, isStored, (table) => {
        misplaced ||= !isStored(table) && graph.lookups.some(({ name }) => name === table.name);
        return misplaced ? new Float32Array(table.rows * table.dim) : tableNamed(tables, table.name).read();
      });
      return misplaced ? undefined : placed(rows, predictions, options);
    },
    checkFiles: checkOwn,
  };
}

/** A table's file: where its rows begin, and the rows themselves when they are wanted. */
class TableFile {
  readonly path: string;
  readonly name: string;
  readonly offset: number;
  readonly #shape: TableShape;

  constructor(path: string, shape: TableShape) {
    this.path = path;
    this.name = shape.name;
    this.#shape = shape;
    const file = openSync(path, "r");
    try {
      const fileBytes = fstatSync(file).size;
      const first = Buffer.alloc(8);
      readSync(file, first, 0, 8, 0);
      const header = Buffer.alloc(Math.min(fileBytes, 8 + Number(first.readBigUInt64LE())));
      readSync(file, header, 0, header.length, 0);
      const { tensors } = decodeSafetensorsHeader(header, { fileBytes, source: path });
      const weight = tensors.find(({ name }) => name === "weight");
      if (weight?.dtype !== "F32" || weight.shape[0] !== shape.rows || weight.shape[1] !== shape.dim) {
        throw new DataError(`${path} does not hold the table that the run was saved with`, {
          details: { path, expected: [shape.rows, shape.dim], received: weight?.shape ?? null },
        });
      }
      this.offset = weight.begin;
    } finally {
      closeSync(file);
    }
  }

  /** Rows `begin … end - 1`, in memory that threads can share. */
  read(begin = 0, end = this.#shape.rows): Float32Array {
    const rowBytes = this.#shape.dim * 4;
    const data = new Float32Array(new SharedArrayBuffer((end - begin) * rowBytes));
    const bytes = new Uint8Array(data.buffer);
    const file = openSync(this.path, "r");
    try {
      const start = this.offset + begin * rowBytes;
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(file, bytes, at, Math.min(bytes.length - at, 2 ** 28), start + at);
        if (read === 0) throw new DataError(`${this.path} is shorter than its header says`);
        at += read;
      }
    } finally {
      closeSync(file);
    }
    return data;
  }
}

function tableNamed(tables: readonly TableFile[], wanted: string): TableFile {
  const table = tables.find(({ name }) => name === wanted);
  if (table === undefined) throw new Error(`the run has no table ${wanted}`);
  return table;
}

/** Larger tables are told apart by size and time of writing: hashing gigabytes would delay every start. */
const HASHED_BYTES = 2 ** 26;

function versionOf(directory: string, tables: readonly TableFile[]): string {
  const hash = createHash("sha256");
  for (const file of [runFiles.featureMap, runFiles.bundle, runFiles.model]) {
    hash.update(readFileSync(join(directory, file)));
  }
  for (const { path } of tables) {
    const { size, mtimeMs } = statSync(path);
    hash.update(size <= HASHED_BYTES ? readFileSync(path) : `${basename(path)} ${size} ${mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 12);
}
