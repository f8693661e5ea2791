/** What a directory holds of the run that a configuration asks for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson, removePath } from "../core/node/index.ts";
import { isSameConfig, storedConfig } from "./config.ts";
import { runFiles } from "./run-files.ts";
import { refuseHeldRun } from "./run-lock.ts";

/**
 * Makes room for a run: one of another configuration is removed.
 *
 * @param parse checks a stored configuration, and fills in defaults
 * @throws ConfigError while a process writes there
 */
export function runBefore(
  directory: string,
  config: object,
  parse: (content: unknown) => object,
): "finished" | "begun" | "nothing" {
  const path = join(directory, runFiles.config);
  const stored = existsSync(path) ? readJson(path) : undefined;
  if (existsSync(join(directory, runFiles.metrics)) && isSameConfig(stored, config, parse)) return "finished";
  refuseHeldRun(directory);
  // To the letter: a checkpoint knows the options that it was made with.
  if (JSON.stringify(stored) === JSON.stringify(storedConfig(config))) return "begun";
  removePath(directory);
  return "nothing";
}
