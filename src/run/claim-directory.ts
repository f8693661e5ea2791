/** Making a directory a run's own, without harm to a run that is there already. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/index.ts";
import { readJson, removePath, writeJsonAtomic } from "../core/node/index.ts";
import { runFiles } from "./run-files.ts";

export interface ClaimOptions {
  /** What `config.json` will hold. */
  readonly stored: unknown;
  /** The file that says that the run has finished. */
  readonly bundle: string;
  readonly resume: boolean;
}

/**
 * Refuses to write over another run; in a new directory writes the configuration first.
 *
 * @returns what makes a resumed directory this call's: to be called once its checkpoint is known to fit, so
 *   that a refused call leaves the run as it was
 */
export function claimDirectory(directory: string, { stored, bundle, resume }: ClaimOptions): () => void {
  const path = join(directory, runFiles.config);
  const there = existsSync(path);
  if (there && !resume) {
    throw new ConfigError(`${directory} already holds a run`, {
      details: { directory },
      hint: "choose another --out, go on with --resume, or remove the directory",
    });
  }
  let own = false;
  const takeOver = (): void => {
    if (own) return;
    own = true;
    // What decides the numbers is guarded by the checkpoint's fingerprint; the file follows the call.
    if (there && JSON.stringify(readJson(path)) === JSON.stringify(stored)) return;
    // A bundle of an earlier sitting would claim that this one has finished.
    removePath(join(directory, bundle));
    writeJsonAtomic(path, stored);
  };
  if (!there) takeOver();
  return takeOver;
}
