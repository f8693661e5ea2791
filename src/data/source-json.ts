/** JSON lines as one table: one object a line, its keys the columns. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import { rawColumn } from "./source-column-type.ts";
import { readerError } from "./source-defect.ts";
import { literalPath } from "./source-files.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, queryRows, sqlTextList } from "./source-sql.ts";

/** Opens JSON lines files. @throws DataError as `openSource` */
export async function openJsonLines(
  connection: DuckDBConnection,
  files: readonly string[],
  _spec: SourceSpec,
): Promise<RawSource> {
  const notes: SourceNote[] = [];
  const table = `read_json(${sqlTextList(files.map(literalPath))}, format = 'newline_delimited', sample_size = -1, ignore_errors = false)`;
  try {
    const described = await queryRows(connection, `DESCRIBE SELECT * FROM ${table}`);
    const { rows } = await queryRow(connection, `SELECT count(*) AS rows FROM ${table}`);
    const columns = described.map((row) => rawColumn(String(row.column_name), String(row.column_type)));
    if (rows === 0n) throw new DataError(`${files[0]} has no rows`, { details: { file: files[0] } });
    return { format: "jsonl", files, columns, rows: Number(rows), notes, sql: table, close: async () => {} };
  } catch (cause) {
    throw cause instanceof DataError ? cause : readerError(files, cause);
  }
}
