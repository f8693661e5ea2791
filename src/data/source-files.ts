/** From paths and globs to the list of files to read, in a fixed order. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, nearestName } from "../core/index.ts";
import { queryRows, sqlText } from "./source-sql.ts";

const GLOB = /[*?[\]{}]/;
const REMOTE = /^[a-z][a-z0-9+.-]+:\/\//i;

/**
 * Files named by paths and globs: each glob's matches sorted by name, duplicates left out. A path that
 * exists as it stands is taken literally even when it holds glob characters.
 *
 * @throws ConfigError for no files or an address instead of a path; DataError for a path or glob without a file
 */
export async function expandFiles(
  connection: DuckDBConnection,
  patterns: readonly string[],
): Promise<string[]> {
  if (patterns.length === 0) {
    throw new ConfigError("no data files given", { hint: "name at least one file or glob" });
  }
  const files: string[] = [];
  for (const pattern of patterns) {
    if (REMOTE.test(pattern)) {
      throw new ConfigError(`${pattern}: only local files, http and https addresses are read`, {
        details: { file: pattern },
        hint: "copy the file here first, or use an https address; a Postgres query stands under query",
      });
    }
    if (existsSync(pattern)) {
      files.push(checkIsFile(pattern));
    } else if (GLOB.test(pattern)) {
      const rows = await queryRows(connection, `SELECT file FROM glob(${sqlText(pattern)}) ORDER BY file`);
      if (rows.length === 0) {
        throw new DataError(`no file matches ${pattern}`, { details: { file: pattern } });
      }
      files.push(...rows.map((row) => checkIsFile(String(row.file))));
    } else {
      throw missingFile(pattern);
    }
  }
  return [...new Set(files)];
}

/** A path as DuckDB wants it: characters that it would read as a glob stand in brackets. */
export function literalPath(path: string): string {
  return path.replace(/[*?[]/g, "[$&]");
}

function checkIsFile(path: string): string {
  if (statSync(path).isDirectory()) {
    throw new DataError(`${path} is a directory, expected a file`, {
      details: { file: path },
      hint: `name the files in it with a glob, such as ${join(path, "*.parquet")}`,
    });
  }
  return path;
}

function missingFile(path: string): DataError {
  const folder = dirname(path);
  const near = existsSync(folder) ? nearestName(basename(path), readdirSync(folder)) : undefined;
  return new DataError(`no such file: ${path}`, {
    details: { file: path },
    hint: near === undefined ? undefined : `did you mean ${join(folder, near)}?`,
  });
}
