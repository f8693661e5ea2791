/**
 * `bundle.json`, the list of what belongs together in a finished run: tables, outputs, and a digest of every file,
 * so that files of two trainings are not served as one model.
 *
 * Digests are cheap rather than complete: of large files 64 blocks spread evenly are read. Files of another
 * training differ in all blocks; a single changed number may pass.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../core/index.ts";
import { readChecked } from "../core/node/index.ts";
import { runFiles } from "./run-files.ts";

/** Files up to this size are read whole. */
const WHOLE_BYTES = 2 ** 20;
const BLOCKS = 64;
const BLOCK_BYTES = 4096;

const count = z.int().nonnegative();

const runBundle = z.object({
  version: z.literal(1),
  tables: z.array(z.object({ name: z.string(), file: z.string(), rows: count, dim: count })),
  /** Output of the model by label. */
  predictions: z.record(z.string(), z.string()),
  /** Digests by file; runs of earlier versions have none. */
  files: z.record(z.string(), z.string()).optional(),
});

export type RunBundle = z.output<typeof runBundle>;

/**
 * The bundle of a finished run, its files compared with it.
 *
 * @throws DataError when a field is missing, or a file is not the one that the run was saved with
 */
export function readRunBundle(directory: string): RunBundle {
  const bundle = readChecked(
    join(directory, runFiles.bundle),
    runBundle,
    "the file is not as training wrote it: train the run again",
  );
  checkFiles(directory, bundle.files ?? {});
  return bundle;
}

/** Digests of files of a directory, to be written beside them. */
export function digestsOf(directory: string, files: readonly string[]): { [file: string]: string } {
  return Object.fromEntries(files.map((file) => [file, fileDigest(join(directory, file))]));
}

/** @throws DataError naming the first file that is missing or another than its digest was taken of */
export function checkFiles(directory: string, digests: { readonly [file: string]: string }): void {
  for (const [file, expected] of Object.entries(digests)) {
    const path = join(directory, file);
    // A directory in a file's place is no more the file than nothing at all.
    const received = statSync(path, { throwIfNoEntry: false })?.isFile() ? fileDigest(path) : undefined;
    if (received === expected) continue;
    const problem =
      received === undefined ? `${file} is missing` : `${file} is not the one that the run was saved with`;
    throw new DataError(`${directory}: the files do not belong together: ${problem}`, {
      details: { directory, file, expected, received: received ?? null },
      hint: "was a file of another run copied here, or a copy cut short? copy the whole directory again",
    });
  }
}

/** SHA-256 of the size and of the file, or of blocks of it; 16 hexadecimal digits. */
function fileDigest(path: string): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const hash = createHash("sha256").update(`${size}\n`);
    const blocks = size <= WHOLE_BYTES ? 1 : BLOCKS;
    const bytes = Buffer.alloc(blocks === 1 ? size : BLOCK_BYTES);
    for (let k = 0; k < blocks; k++) {
      const position = blocks === 1 ? 0 : Math.floor((k * (size - BLOCK_BYTES)) / (BLOCKS - 1));
      hash.update(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, position)));
    }
    return hash.digest("hex").slice(0, 16);
  } finally {
    closeSync(file);
  }
}
