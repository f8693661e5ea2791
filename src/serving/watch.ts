/** Noticing that what a service is made of has changed: configuration, pointers, runs, tables. */
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "../run/index.ts";
import { type NamedCascade, pathIn } from "./cascade-config.ts";
import { runDirectoryOf } from "./served-model.ts";
import type { Server } from "./server.ts";

/** A text that changes when a file that the service was made from does. */
export function fingerprintOf({ config, folder }: NamedCascade): string {
  const hash = createHash("sha256").update(JSON.stringify(config));
  const add = (path: string): void => {
    const { mtimeMs, size, ino } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${size} ${ino}\n`);
  };
  for (const { run, calibration } of config.models) {
    const directory = runDirectoryOf(pathIn(folder, run));
    hash.update(`${directory}\n`);
    // Written last: a directory whose bundle is new is complete.
    hash.update(readFileSync(join(directory, runFiles.bundle)));
    add(join(directory, runFiles.bundle));
    if (calibration !== undefined) add(pathIn(folder, calibration));
  }
  const { source, run } = config.candidates;
  if (source === "retrieval" && typeof run === "string") hash.update(realpathSync(pathIn(folder, run)));
  for (const table of [config.users, config.items]) {
    for (const file of table === undefined ? [] : [table.file].flat()) {
      // Of globs only the pattern counts.
      if (!/[*?[]/.test(file)) add(pathIn(folder, file));
    }
  }
  return hash.digest("hex");
}

interface Looked {
  readonly name: string;
  readonly fingerprint: string;
}

export interface WatchOptions {
  /** @default 1000 */
  readonly everyMs?: number;
  /** What `lookAt` saw before the server was made, so that changes during its loading are seen. @default now */
  readonly since?: readonly (Looked | undefined)[];
}

/** What is known of one target: how it looked when it was last loaded, and when to try again where that failed. */
interface Watched {
  fingerprint: string | undefined;
  failed?: { readonly retryAt: number; readonly waitMs: number };
}

const LONGEST_WAIT_MS = 60_000;

/**
 * Reloads services of a server when what they are made of has changed. Looking is a poll: it sees every
 * kind of file system, and swaps of links and pointer files. What does not load is tried again after ever longer
 * waits (up to a minute): the cause may be a store or a file that is not part of the looking.
 *
 * @returns the call that stops it
 */
export function watchServices(
  server: Server,
  targets: readonly (() => NamedCascade)[],
  { everyMs = 1000, since = lookAt(targets) }: WatchOptions = {},
): () => void {
  const watched = since.map((looked): Watched => ({ fingerprint: looked?.fingerprint }));
  const timer = setInterval(() => {
    targets.forEach((read, k) => {
      const now = look(read);
      // Half-written states do not read; the next look will see them whole.
      if (now === undefined) return;
      const known = watched[k];
      const changed = now.fingerprint !== known.fingerprint;
      const failed = changed ? undefined : known.failed;
      if (!changed && (failed === undefined || performance.now() < failed.retryAt)) return;
      const waitMs = failed === undefined ? everyMs : Math.min(failed.waitMs * 2, LONGEST_WAIT_MS);
      watched[k] = { fingerprint: now.fingerprint };
      // A release that does not load is logged and counted by the server.
      server.reload(now.name).catch(() => {
        // Unless it has changed meanwhile, and is being loaded again.
        if (watched[k].fingerprint === now.fingerprint)
          watched[k].failed = { retryAt: performance.now() + waitMs, waitMs };
      });
    });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** How the things that services are made of look now; undefined where they cannot be read. */
export function lookAt(targets: readonly (() => NamedCascade)[]): (Looked | undefined)[] {
  return targets.map(look);
}

function look(read: () => NamedCascade): Looked | undefined {
  try {
    const cascade = read();
    return { name: cascade.name, fingerprint: fingerprintOf(cascade) };
  } catch {
    return undefined;
  }
}
