/**
 * Staging, for `validate`: the needed columns of a raw source as one Parquet file, of which later passes
 * read single columns; a row has a number (`file_row_number`) that stays the same in every pass.
 */
import { literalPath } from "./source-files.ts";
import type { RawSource, SourceNote } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";

export interface StagedTable {
  /** Parquet file with the staged columns. */
  readonly path: string;
  /** DuckDB type by column. */
  readonly types: ReadonlyMap<string, string>;
  readonly rows: number;
  readonly bytes: number;
  readonly files: readonly string[];
  /** Where rows stand in the files. */
  readonly locate: RawSource["locate"];
  readonly notes: readonly SourceNote[];
}

/** SQL name of the row number in queries over `stagedRows`. */
export const ROW = "__row";

/** Staged rows as a SQL table expression with the row number `ROW`, some or all of them. */
export function stagedRows(
  { path, types }: Pick<StagedTable, "path" | "types">,
  columns: Iterable<string>,
  condition?: string,
): string {
  const names = [...new Set(columns)].filter((name) => types.has(name)).map(sqlName);
  const selected = [`file_row_number AS ${ROW}`, ...names].join(", ");
  const from = `read_parquet(${sqlText(literalPath(path))}, file_row_number = true)`;
  return `(SELECT ${selected} FROM ${from}${condition === undefined ? "" : ` WHERE ${condition}`})`;
}
