/** Parquet files made by queries, once: an interrupted recipe finds them. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { sqlText } from "../data/index.ts";

/** A database in memory, with one thread: sums, row numbers and the order of rows are always the same. */
export async function withDatabase<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    threads: "1",
  });
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Writes a query's rows as Parquet; the file appears whole. */
export async function writeParquet(connection: DuckDBConnection, query: string, file: string): Promise<void> {
  const partial = `${file}.partial`;
  await connection.run(`COPY (${query}) TO ${sqlText(partial)} (FORMAT parquet)`);
  renameSync(partial, file);
}

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
  await withDatabase(async (connection) => {
    for (const statement of setup) await connection.run(statement);
    for (const name of names) await writeParquet(connection, queries[name], files[name]);
  });
  return files;
}

/** SQL of a share in [0, 1) that depends on some text alone, for draws that every machine repeats. */
export function drawn(text: string): string {
  return `((md5_number_lower(${text}) % 1000000)::DOUBLE / 1000000)`;
}
