/** Parquet files made from public data by queries, once: an interrupted recipe finds them. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { sqlText } from "../data/index.ts";

/**
 * Runs `setup`, then writes each query's rows to `<name>.parquet`; queries end with their ORDER BY.
 *
 * @returns the files by name
 */
export async function madeTables<Name extends string>(
  directory: string,
  setup: readonly string[],
  queries: { readonly [name in Name]: string },
): Promise<{ readonly [name in Name]: string }> {
  mkdirSync(directory, { recursive: true });
  const names = Object.keys(queries) as Name[];
  const files = Object.fromEntries(names.map((name) => [name, join(directory, `${name}.parquet`)])) as {
    [name in Name]: string;
  };
  if (names.every((name) => existsSync(files[name]))) return files;
  const instance = await DuckDBInstance.create(":memory:", { autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  try {
    // One thread, so that sums and row numbers are always the same.
    await connection.run("SET threads = 1");
    for (const statement of setup) await connection.run(statement);
    for (const name of names) {
      const partial = `${files[name]}.partial`;
      await connection.run(`COPY (${queries[name]}) TO ${sqlText(partial)} (FORMAT parquet)`);
      renameSync(partial, files[name]);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return files;
}

/** SQL of a share in [0, 1) that depends on some text alone, for draws that every machine repeats. */
export function drawn(text: string): string {
  return `((md5_number_lower(${text}) % 1000000)::DOUBLE / 1000000)`;
}
