/** Writing SQL safely and reading small results: quoting, and rows as plain objects. */
import type { DuckDBConnection } from "@duckdb/node-api";

/** `'it''s'` */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `"a ""name"""` */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `['a', 'b']` */
export function sqlTextList(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(", ")}]`;
}

/** All rows of a small result; 64-bit integers come as bigint, lists as arrays. */
export async function queryRows(
  connection: DuckDBConnection,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJS();
}

/** The only row of a result. */
export async function queryRow(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>> {
  const [row = {}] = await queryRows(connection, sql);
  return row;
}
