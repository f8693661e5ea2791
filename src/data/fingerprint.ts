/**
 * Fingerprints: what an encoded dataset was made from, as one hash of its config and its files. Files
 * up to 16 MiB count byte by byte; of larger ones the size, the time of the last change and 256 evenly
 * spaced samples of 64 KiB.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const WHOLE = 16 * 2 ** 20;
const SAMPLES = 256;
const SAMPLE = 2 ** 16;

/** A hash of 32 hexadecimal digits over a JSON value and the content of files, in their order. */
export function fingerprint(value: unknown, files: readonly string[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(value));
  for (const file of files) hashFile(hash, file);
  return hash.digest("hex").slice(0, 32);
}

function hashFile(hash: Hash, path: string): void {
  const file = openSync(path, "r");
  try {
    const { size, mtimeMs } = fstatSync(file);
    hash.update(`\0${size}\0`);
    if (size > WHOLE) hash.update(String(mtimeMs));
    const buffer = Buffer.alloc(size > WHOLE ? SAMPLE : 2 ** 20);
    const step = size > WHOLE ? (size - SAMPLE) / (SAMPLES - 1) : buffer.length;
    for (let offset = 0; offset < size; offset += step) {
      const read = readSync(file, buffer, 0, buffer.length, Math.floor(offset));
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}
