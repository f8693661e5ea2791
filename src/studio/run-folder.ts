/**
 * The runs of a folder. Requests name runs by the ids that a walk has found, never by paths of their own, and
 * the walk follows no links: so no request reaches beyond the folder.
 */
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "../run/index.ts";
import { retrievalFiles } from "../retrieval/index.ts";
import { NotFoundError } from "../serving/index.ts";
import type { Comparison, RunList, RunSummary } from "./api.ts";
import { differingKeys } from "../report/index.ts";
import { shownPath } from "./shown-path.ts";
import { looksLikeRun, type SummarizedRun, summarizeRun } from "./summarize-run.ts";

/** Deeper than anybody sorts runs; what bounds a walk is the number of directories. */
const DEEPEST = 64;
/** Directories that a walk reads at most. */
const MOST_DIRECTORIES = 20_000;
/** Settings that the list carries. */
const MOST_SETTINGS = 60;
/** A walk is as fresh as this, so that a busy page does not walk all the time. */
const FRESH_MS = 500;

const watched = [
  runFiles.config,
  runFiles.metrics,
  runFiles.bundle,
  runFiles.status,
  runFiles.stopRequest,
  runFiles.checkpoint,
  retrievalFiles.bundle,
];

interface Walk {
  readonly at: number;
  readonly ids: ReadonlySet<string>;
  readonly unseen: number;
}

interface Remembered extends SummarizedRun {
  readonly mark: string;
}

export class RunFolder {
  readonly path: string;
  readonly #remembered = new Map<string, Remembered>();
  #walked: Walk | undefined;

  constructor(path: string) {
    this.path = path;
  }

  list(): RunList {
    const { ids, unseen } = this.#walk();
    const found = [...ids].map((id) => this.#summarize(id));
    const differing = differingKeys(
      found.filter(({ summary }) => summary.condition !== "broken").map(({ settings }) => settings),
    ).slice(0, MOST_SETTINGS);
    const runs = found.map((run) => ({ ...run.summary, settings: chosen(run, differing) }));
    return { folder: this.path, runs: runs.sort((a, b) => b.createdAt - a.createdAt), differing, unseen };
  }

  /** @throws NotFoundError for an id that the folder does not have */
  summary(id: string): RunSummary {
    this.directory(id);
    return { ...this.#summarize(id).summary, settings: {} };
  }

  /** Where a run lies. @throws NotFoundError for an id that the folder does not have */
  directory(id: string): string {
    if (!this.#walk().ids.has(id) && !this.#walk({ anew: true }).ids.has(id)) {
      throw new NotFoundError(`there is no run ${JSON.stringify(id.slice(0, 200))} in the folder`);
    }
    return join(this.path, id);
  }

  compare(ids: readonly string[]): Comparison {
    const found = ids.map((id) => {
      this.directory(id);
      return this.#summarize(id);
    });
    const keys = [...new Set(found.flatMap(({ settings }) => [...settings.keys()]))];
    return {
      runs: found.map(({ summary }) => ({ ...summary, settings: {} })),
      settings: keys.map((key) => {
        const values = found.map(({ settings }) => settings.get(key) ?? null);
        return { key, values, differs: new Set(values).size > 1 };
      }),
      ...this.#onePage(found.map(({ summary }) => summary)),
    };
  }

  /** The command that makes one page of runs, or why there is none. */
  #onePage(runs: readonly SummarizedRun["summary"][]): Pick<Comparison, "command" | "apart"> {
    const unfinished = runs.filter(({ condition }) => condition !== "finished").map(({ id }) => id);
    if (unfinished.length > 0) {
      return { apart: `Only finished runs stand on one page; ${unfinished.join(", ")} cannot.` };
    }
    if (new Set(runs.map(({ kind }) => kind)).size > 1) {
      return { apart: "Ranking and retrieval runs do not stand on one page: compare those of each kind." };
    }
    const paths = runs.map(({ id }) => shownPath(join(this.path, id)));
    return { command: `millrace report ${paths.join(" ")} -o comparison.html` };
  }

  #walk({ anew = false } = {}): Walk {
    const now = performance.now();
    if (!anew && this.#walked !== undefined && now - this.#walked.at < FRESH_MS) return this.#walked;
    const ids = new Set<string>();
    let read = 0;
    let unseen = 0;
    const visit = (id: string, depth: number): void => {
      if (read >= MOST_DIRECTORIES) {
        unseen++;
        return;
      }
      read++;
      const entries = entriesOf(join(this.path, id));
      if (looksLikeRun(new Set(entries.map(({ name }) => name)))) {
        ids.add(id === "" ? "." : id);
        return;
      }
      if (depth === DEEPEST) return;
      for (const entry of entries) {
        if (!entry.isDirectory() || entry.name.startsWith(".") || entry.name === "node_modules") continue;
        visit(id === "" ? entry.name : `${id}/${entry.name}`, depth + 1);
      }
    };
    visit("", 0);
    for (const id of this.#remembered.keys()) if (!ids.has(id)) this.#remembered.delete(id);
    this.#walked = { at: performance.now(), ids, unseen };
    return this.#walked;
  }

  #summarize(id: string): Remembered {
    const directory = join(this.path, id);
    const mark = markOf(directory);
    const known = this.#remembered.get(id);
    // Whether a training run is still alive can change without any file changing.
    if (known?.mark === mark && known.summary.condition !== "training") return known;
    const summarized = { ...summarizeRun(directory, id), mark };
    this.#remembered.set(id, summarized);
    return summarized;
  }
}

function chosen({ settings }: SummarizedRun, keys: readonly string[]): { [key: string]: string } {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = settings.get(key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** What a directory holds; nothing when it went away or must not be read. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Changes when one of the files that summaries are made of does. */
function markOf(directory: string): string {
  return watched
    .map((name) => {
      try {
        // Not what a link leads to: one that leads to itself cannot be followed.
        const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
        return stats === undefined ? "-" : `${stats.mtimeMs}/${stats.size}`;
      } catch {
        return "unreadable";
      }
    })
    .join(" ");
}
