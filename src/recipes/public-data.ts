/** Where recipes find public data sets: a folder each in the data directory. What is not there is said at once. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/index.ts";

/** Files of a data set by split. */
export interface SplitFiles {
  readonly train: string;
  readonly valid: string;
  readonly test: string;
}

/** The folder of a public data set. @throws ConfigError when it is not there */
export function publicData(dataDirectory: string, name: string): string {
  return present(join(dataDirectory, name), name);
}

/** One file of a public data set. @throws ConfigError when it is not there */
export function publicFile(dataDirectory: string, name: string, file: string): string {
  return present(join(dataDirectory, name, file), name);
}

/** Frappe's libFM files; the negatives of its training split are drawn anew. */
export function frappeSplits(dataDirectory: string): SplitFiles {
  return {
    train: publicFile(dataDirectory, "frappe", "frappe.train.rebuilt.libfm.gz"),
    valid: publicFile(dataDirectory, "frappe", "frappe.validation.libfm.gz"),
    test: publicFile(dataDirectory, "frappe", "frappe.test.libfm.gz"),
  };
}

function present(path: string, name: string): string {
  if (existsSync(path)) return path;
  throw new ConfigError(`the recipe needs ${path}, which is not there`, {
    hint: `name the folder that holds ${name}/ with --data`,
  });
}
