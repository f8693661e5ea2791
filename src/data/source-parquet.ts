/** Parquet files as one table. Files must have the same columns with the same types. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import { rawColumn } from "./source-column-type.ts";
import { readerError } from "./source-defect.ts";
import { literalPath } from "./source-files.ts";
import { checkNames } from "./source-names.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, queryRows, sqlName, sqlTextList } from "./source-sql.ts";

/** Opens Parquet files. @throws DataError as `openSource` */
export async function openParquet(
  connection: DuckDBConnection,
  files: readonly string[],
  _spec: SourceSpec,
): Promise<RawSource> {
  const notes: SourceNote[] = [];
  const table = `read_parquet(${sqlTextList(files.map(literalPath))})`;
  try {
    const described = await queryRows(connection, `DESCRIBE SELECT * FROM ${table}`);
    const names = checkNames(
      files[0],
      described.map((row) => String(row.column_name)),
      notes,
    );
    const { rows } = await queryRow(connection, `SELECT count(*) AS rows FROM ${table}`);
    const columns = described.map((row, k) => rawColumn(names[k], String(row.column_type)));
    const selected = names.map((name) => sqlName(name)).join(", ");
    if (rows === 0n) {
      throw new DataError(`${files[0]} has columns and no rows`, { details: { file: files[0] } });
    }
    return {
      format: "parquet",
      files,
      columns,
      rows: Number(rows),
      notes,
      sql: `(SELECT ${selected} FROM ${table})`,
      close: async () => {},
    };
  } catch (cause) {
    throw cause instanceof DataError ? cause : readerError(files, cause);
  }
}
