/**
 * Data files and configurations that the studio may read: those of its folder and of the folders named with
 * `--data`. A configuration that names files elsewhere is listed, and its data is left alone.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { readRetrievalConfig } from "../retrieval/index.ts";
import { type Config, readConfig } from "../run/index.ts";
import { NotFoundError } from "../serving/index.ts";
import type { DataEntry, DataList } from "./api.ts";
import { looksLikeRun } from "./summarize-run.ts";

const DATA_FILE = /\.(csv|tsv|parquet|jsonl|ndjson|libsvm|svm|libfm)(\.gz)?$/i;
const CONFIG_FILE = /\.(ya?ml)$/i;
/** Folders of encoded data, named by a hash. */
const ENCODED = /^[0-9a-f]{32}$/;
/** Levels of folders below the one that is opened. */
const DEEPEST = 4;
const MOST_ENTRIES = 500;

interface Found {
  readonly entries: { readonly id: string; readonly path: string; readonly kind: "data" | "config" }[];
  deeper: number;
  more: boolean;
}

export class DataFolders {
  readonly #roots: readonly { readonly name: string; readonly path: string }[];

  /** @param folders the studio's own first */
  constructor(folders: readonly string[]) {
    const paths = [...new Set(folders.map((folder) => realpathSync(folder)))];
    this.#roots = paths.map((path, k) => {
      const name = basename(path);
      // Two folders called `logs` are told apart by where they lie.
      const alone = paths.filter((other, j) => j > 0 && basename(other) === name).length === 1;
      return { name: k === 0 ? "" : alone ? name : path, path };
    });
  }

  list(): DataList {
    const { entries: found, deeper, more } = this.#found();
    const entries = found.flatMap(({ id, path, kind }): DataEntry[] => {
      const stats = statSync(path, { throwIfNoEntry: false });
      // It went away since the walk.
      if (stats === undefined) return [];
      const outside = kind === "config" ? this.outside(filesNamedAt(path)) : [];
      return [{ id, kind, bytes: stats.size, changedAt: stats.mtimeMs, outside }];
    });
    return { entries, limits: { levels: DEEPEST, entries: MOST_ENTRIES }, deeper, more };
  }

  /** Where an entry lies. @throws NotFoundError for an id that was not listed */
  path(id: string): { readonly path: string; readonly kind: "data" | "config" } {
    const found = this.#found().entries.find((entry) => entry.id === id);
    if (found === undefined) {
      throw new NotFoundError(`there is no data file ${JSON.stringify(id.slice(0, 200))} in the folders`);
    }
    return found;
  }

  /** What a configuration names that lies elsewhere; empty too where it cannot be read, which validation tells. */
  outside(named: readonly string[]): string[] {
    return named.filter((file) => !this.#holds(file));
  }

  #found(): Found {
    const found: Found = { entries: [], deeper: 0, more: false };
    const visit = (root: string, path: string, id: string, depth: number): void => {
      const names = namesOf(path);
      if (looksLikeRun(new Set(names.map(({ name }) => name)))) return;
      for (const entry of names) {
        if (entry.name.startsWith(".") || entry.name === "node_modules" || ENCODED.test(entry.name)) continue;
        const own = id === "" ? entry.name : `${id}/${entry.name}`;
        const place = join(path, entry.name);
        if (entry.isDirectory()) {
          if (depth < DEEPEST) visit(root, place, own, depth + 1);
          else found.deeper++;
        }
        if (!entry.isFile()) continue;
        const kind = DATA_FILE.test(entry.name)
          ? "data"
          : CONFIG_FILE.test(entry.name)
            ? "config"
            : undefined;
        if (kind === undefined) continue;
        if (found.entries.length >= MOST_ENTRIES) {
          found.more = true;
          return;
        }
        found.entries.push({ id: root === "" ? own : `${root}: ${own}`, path: place, kind });
      }
    };
    for (const { name, path } of this.#roots) visit(name, path, "", 0);
    return found;
  }

  #holds(file: string): boolean {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(file)) return false;
    const glob = file.search(/[*?[{]/);
    if (glob < 0) return this.#holdsPath(file);
    const folder = dirname(`${file.slice(0, glob)}x`);
    // A pattern could climb out, or reach a link that leads out.
    if (file.slice(glob).split("/").includes("..") || !this.#holdsPath(folder)) return false;
    try {
      return !readdirSync(folder, { recursive: true, withFileTypes: true }).some((entry) =>
        entry.isSymbolicLink(),
      );
    } catch {
      return false;
    }
  }

  #holdsPath(path: string): boolean {
    let real: string;
    try {
      real = realpathSync(path);
    } catch {
      // What is not there yet is judged by its folder.
      return dirname(path) !== path && this.#holdsPath(dirname(path));
    }
    return this.#roots.some((root) => real === root.path || real.startsWith(root.path + sep));
  }
}

/**
 * Every file, address or query that reading the data of a configuration (a file's, or a run's) would touch; none
 * where it cannot be read as one.
 */
export function filesNamedAt(path: string): string[] {
  try {
    return namedFiles(readConfig(path));
  } catch {
    // Of a retrieval run, then, or none.
  }
  try {
    const { interactions, log } = readRetrievalConfig(path);
    const lists = [interactions?.train, interactions?.test].filter((file) => file !== undefined);
    return log === undefined ? lists : [...lists, ...namedFiles(log)];
  } catch {
    return [];
  }
}

function namedFiles({
  data,
  derived = [],
  tables = {},
}: Pick<Config, "data" | "derived"> & Partial<Pick<Config, "tables">>): string[] {
  const { train, valid, test, joins = [] } = data;
  const derivedFiles = derived.flatMap((each) => ("file" in each ? [each.file] : []));
  const vectors = Object.values(tables).map(({ pretrained }) => pretrained);
  return [train, valid, test, ...joins.map(({ source }) => source), ...derivedFiles, ...vectors].flatMap(
    (files) => {
      if (files === undefined) return [];
      if (typeof files === "string") return [files];
      return Array.isArray(files) ? files : ["postgres://"];
    },
  );
}

function namesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}
