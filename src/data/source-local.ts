/** From what a spec names to files that can be read here: paths as they are, addresses and queries as copies. */
import { randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, MillraceError } from "../core/index.ts";
import { expandFiles } from "./source-files.ts";
import { partitionColumns } from "./source-hive.ts";
import { fetchQuery } from "./source-postgres.ts";
import { fetchRemote, REMOTE } from "./source-remote.ts";
import type { SourceNote, SourceSpec } from "./source-spec.ts";

export interface LocalSource {
  /** The spec with local files alone. */
  readonly spec: SourceSpec;
  /** Files of the user, whose content tells one source from another. */
  readonly own: readonly string[];
  /** The same for copies, and for names of partitioned folders: a text that is another when their content is. */
  readonly identities: readonly string[];
  /** What copies are called in messages. */
  readonly shown: ReadonlyMap<string, string>;
  /** Columns that the copies hold; absent: all. */
  readonly held: readonly string[] | undefined;
  /** What was told of on the way to the files. */
  readonly notes: readonly SourceNote[];
  /** Side tables, in the order of `spec.joins`. */
  readonly joins: readonly LocalSource[];
}

export interface ResolveOptions {
  /** Folder for the rows of queries, which lives as long as the source. */
  readonly scratch: string;
  /** Folder of datasets; copies of remote files go into a folder in it. @default `.millrace/datasets` */
  readonly cacheDir?: string;
  /** Columns that will be read; absent: all. */
  readonly wanted?: readonly string[];
}

/** Resolves specs; a side table that several have is copied once. */
export class SourceResolver {
  readonly #connection: DuckDBConnection;
  readonly #options: ResolveOptions;
  readonly #known = new Map<string, Promise<LocalSource>>();

  constructor(connection: DuckDBConnection, options: ResolveOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** @throws ConfigError, DataError for what cannot be found or fetched */
  resolve(spec: SourceSpec, wanted = this.#options.wanted): Promise<LocalSource> {
    const key = JSON.stringify([spec, wanted]);
    const known = this.#known.get(key) ?? this.#resolve(spec, wanted);
    this.#known.set(key, known);
    return known;
  }

  async #resolve(spec: SourceSpec, wanted: readonly string[] | undefined): Promise<LocalSource> {
    const joins: LocalSource[] = [];
    for (const { source, on, prefix } of spec.joins ?? []) {
      const needed = wanted?.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
      joins.push(await this.resolve(source, needed && [...new Set([...needed, ...Object.values(on)])]));
    }
    if (spec.query !== undefined) return { ...(await this.#query(spec)), joins };
    const keys = (spec.joins ?? []).flatMap(({ on }) => Object.keys(on));
    return { ...(await this.#files(spec, wanted && [...new Set([...wanted, ...keys])])), joins };
  }

  async #query(spec: SourceSpec): Promise<Omit<LocalSource, "joins">> {
    const { query, format, ...rest } = spec;
    if (format !== undefined && format !== "parquet") {
      throw new ConfigError(`format: a query has none, not ${format}`, { details: { key: "format" } });
    }
    const folder = join(this.#options.scratch, `query-${randomUUID().slice(0, 8)}`);
    const { files, identity, shown } = await fetchQuery(this.#connection, query!, folder);
    return {
      spec: { ...rest, files, format: "parquet" },
      own: [],
      identities: [identity],
      shown: new Map(files.map((file) => [file, shown])),
      held: undefined,
      notes: [],
    };
  }

  async #files(spec: SourceSpec, wanted: readonly string[] | undefined): Promise<Omit<LocalSource, "joins">> {
    const shown = new Map<string, string>();
    const identities: string[] = [];
    const own: string[] = [];
    // By the whole path: `a.csv` and `./a.csv` are one file.
    const files = new Map<string, { readonly file: string; times: number }>();
    const add = (file: string): boolean => {
      const known = files.get(resolve(file));
      if (known === undefined) files.set(resolve(file), { file, times: 1 });
      else known.times++;
      return known === undefined;
    };
    let held: readonly string[] | undefined;
    for (const pattern of spec.files) {
      if (!REMOTE.test(pattern)) {
        const found = await expandFiles(this.#connection, [folderGlob(pattern, spec)]);
        own.push(...found.filter(add));
        continue;
      }
      const folder = join(resolve(this.#options.cacheDir ?? join(".millrace", "datasets")), "remote");
      const parquet = spec.format === "parquet" || (spec.format === undefined && isParquetName(pattern));
      const copy = await fetchRemote(this.#connection, pattern, { folder, wanted, parquet });
      identities.push(copy.identity);
      shown.set(copy.path, pattern);
      add(copy.path);
      held ??= copy.columns;
    }
    // No files at all: the error for it is there.
    if (files.size === 0) await expandFiles(this.#connection, []);
    const notes = [...files.values()].flatMap(({ file, times }) =>
      times === 1 ? [] : [namedTwice(file, times)],
    );
    // Of partitioned files the folders' names are content, too.
    if (spec.hivePartitioning) identities.push(JSON.stringify(partitionColumns(own)));
    const once = [...files.values()].map(({ file }) => file);
    return { spec: { ...spec, files: once }, own, identities, shown, held, notes };
  }
}

function namedTwice(file: string, times: number): SourceNote {
  const text = `${file} is named ${times} times, by itself or by globs, and read once`;
  return { kind: "named-twice", file, count: times, text };
}

function isParquetName(url: string): boolean {
  return /\.(parquet|pq)$/i.test(new URL(url).pathname);
}

/** A partitioned folder stands for the files under it. */
function folderGlob(pattern: string, { hivePartitioning }: SourceSpec): string {
  const isFolder = hivePartitioning === true && existsSync(pattern) && statSync(pattern).isDirectory();
  return isFolder ? join(pattern, "**", "*.parquet") : pattern;
}

/** An error that names a copy, naming what it is a copy of. */
export function nameCopies(error: unknown, { shown }: Pick<LocalSource, "shown">): unknown {
  if (!(error instanceof MillraceError)) return error;
  const renamed = (text: string): string =>
    [...shown].reduce((changed, [path, name]) => changed.replaceAll(path, name), text);
  const message = renamed(error.message);
  if (message === error.message) return error;
  const { file } = error.details;
  const details = { ...error.details, ...(typeof file === "string" && { file: renamed(file) }) };
  const Same = error.constructor as new (...args: ConstructorParameters<typeof ConfigError>) => MillraceError;
  return new Same(message, { details, hint: error.hint, cause: error });
}
