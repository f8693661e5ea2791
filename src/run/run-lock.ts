/**
 * One process at a time writes a run. The lock is a file that names the process; one whose process is gone was left by
 * a crash and is taken over. On another machine's file system a process cannot be looked up, so its lock holds.
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../core/index.ts";
import { createFile, listDirectory, readJson, removePath } from "../core/node/index.ts";
import { runFiles } from "./run-files.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** Directories that this process writes. */
const own = new Set<string>();

/**
 * Holds a run directory, which is made if need be.
 *
 * @returns lets it go; to be called however the run ends
 * @throws ConfigError when another process, or another call of this one, writes the run
 */
export function holdRun(directory: string): () => void {
  const path = join(directory, runFiles.lock);
  const made = !existsSync(directory);
  refuseHeldRun(directory);
  // What is left is of a process that is gone.
  removePath(path);
  const held = createFile(path, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder));
  if (!held) refuseHeldRun(directory);
  own.add(path);
  return () => {
    own.delete(path);
    removePath(path);
    // A call that was refused before it wrote anything leaves nothing.
    if (made && listDirectory(directory).length === 0) removePath(directory);
  };
}

/** @throws ConfigError when the run is being written */
export function refuseHeldRun(directory: string): void {
  const path = join(directory, runFiles.lock);
  const holder = existsSync(path) ? holderOf(path) : undefined;
  if (holder === undefined || !alive(holder, path)) return;
  const elsewhere = holder.host === hostname() ? "" : ` on ${holder.host}`;
  throw new ConfigError(`${directory} is being written by process ${holder.pid}${elsewhere}`, {
    details: { directory, ...holder },
    hint: `wait for it to end, or choose another --out; if there is no such training, remove ${path}`,
  });
}

/** Nothing where the file was cut short by a crash. */
function holderOf(path: string): Holder | undefined {
  try {
    return readJson(path) as Holder;
  } catch {
    return undefined;
  }
}

function alive({ pid, host }: Holder, path: string): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return own.has(path);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is there, too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
