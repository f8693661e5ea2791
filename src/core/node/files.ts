/** Files: the one place that writes. A file appears whole or not at all, whenever the process dies. */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { DataError } from "../errors.ts";

/**
 * Writes beside the target, syncs, then renames over it (atomic within one file system). A list of chunks
 * is written one after the other, for what does not fit in one array.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.partial`;
  const chunks = typeof data === "string" ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data;
  try {
    const file = openSync(temporary, "w");
    try {
      for (const bytes of chunks) {
        for (let offset = 0; offset < bytes.length; ) {
          offset += writeSync(file, bytes, offset, Math.min(bytes.length - offset, 1 << 30));
        }
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // The name that was asked for, not the one that was tried.
    throw Object.assign(error as NodeJS.ErrnoException, { path });
  }
}

/** Creates a file; false when there is one already. */
export function createFile(path: string, text: string): boolean {
  mkdirSync(dirname(path), { recursive: true });
  try {
    const file = openSync(path, "wx");
    writeSync(file, text);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

export function writeJsonAtomic(path: string, value: unknown): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Reads JSON; a file that is not JSON is a DataError that names it. */
export function readJson(path: string): unknown {
  const text = readFileSync(path, "utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path} is not valid JSON: ${(cause as Error).message}`, {
      details: { path },
      cause,
    });
  }
}

export function removePath(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

export function readBytes(path: string): Uint8Array {
  return readFileSync(path);
}

/** Names in a directory, sorted; none when it does not exist. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
