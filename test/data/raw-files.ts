/** Raw files for tests of the data path, in a folder of their own. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBValue, listValue } from "@duckdb/node-api";
import type { BatchSource, ColumnData, RawRow } from "../../src/schema/index.ts";

/** A folder for one test file; the system clears it. */
export function testFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `millrace-${name}-`));
}

/** Writes rows as a Parquet file with columns of these DuckDB types. */
export async function writeParquet(
  path: string,
  types: { readonly [column: string]: string },
  rows: readonly RawRow[],
): Promise<string> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const columns = Object.entries(types).map(([name, type]) => `"${name}" ${type}`);
  await connection.run(`CREATE TABLE rows (${columns.join(", ")})`);
  const appender = await connection.createAppender("rows");
  const names = Object.keys(types);
  for (const row of rows) {
    for (const [k, name] of names.entries()) {
      const value = row[name];
      const plain = Array.isArray(value) ? listValue(value as DuckDBValue[]) : (value as DuckDBValue);
      appender.appendValue(plain ?? null, appender.columnType(k));
    }
    appender.endRow();
  }
  appender.closeSync();
  await connection.run(`COPY rows TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

export function writeText(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}

/** All rows of a source in stored order, column by column. */
export async function readAll(source: BatchSource, batchSize = 1000): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = Object.fromEntries(source.layout.map(({ name }) => [name, []]));
  for await (const { columns } of source.batches({ batchSize })) {
    for (const [name, values] of Object.entries(columns)) all[name].push(...(values as ColumnData));
  }
  return all;
}
