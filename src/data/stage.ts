/**
 * Staging: the needed columns of a raw source as one Parquet file. Text is parsed once, later passes
 * read single columns, and a row has a number (`file_row_number`) that stays the same in every pass.
 */
import { statSync } from "node:fs";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, nearestName } from "../core/index.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { literalPath } from "./source-files.ts";
import { queryRow, queryRows, sqlName, sqlText } from "./source-sql.ts";

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

/**
 * Reads a source into `path`.
 *
 * @param wanted columns by name; the value says what needs it, for the error message
 * @param optional columns taken when they are there
 * @throws ConfigError when a column is absent; DataError as `openSource`
 */
export async function stageSource(
  connection: DuckDBConnection,
  spec: SourceSpec,
  path: string,
  wanted: ReadonlyMap<string, string>,
  optional: ReadonlySet<string> = new Set(),
): Promise<StagedTable> {
  const source = await openSource(connection, spec);
  try {
    const columns = wantedColumns(source, wanted, optional);
    const select = columns.map(({ name, type }) => `${stagedSql(name, type)} AS ${sqlName(name)}`);
    // Without any column the rows still count.
    if (select.length === 0) select.push("0 AS nothing");
    await connection.run(
      `COPY (SELECT ${select.join(", ")} FROM ${source.sql}) TO ${sqlText(path)} (FORMAT parquet)`,
    );
    const file = `read_parquet(${sqlText(literalPath(path))})`;
    const described = await queryRows(connection, `DESCRIBE SELECT * FROM ${file}`);
    const { rows } = await queryRow(connection, `SELECT count(*) AS rows FROM ${file}`);
    return {
      path,
      types: new Map(described.map((row) => [String(row.column_name), String(row.column_type)])),
      rows: Number(rows),
      bytes: statSync(path).size,
      files: source.files,
      locate: (numbers) => source.locate(numbers),
      notes: source.notes,
    };
  } finally {
    await source.close();
  }
}

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

function wantedColumns(
  source: RawSource,
  wanted: ReadonlyMap<string, string>,
  optional: ReadonlySet<string>,
): { name: string; type: string }[] {
  const names = source.columns.map(({ name }) => name);
  for (const [column, user] of wanted) {
    if (names.includes(column)) continue;
    const near = nearestName(column, names);
    throw new ConfigError(`${source.files[0]} has no column ${column}, which ${user} needs`, {
      details: { file: source.files[0], column, expected: column, received: names },
      hint: near === undefined ? `its columns are ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return source.columns.filter(({ name }) => wanted.has(name) || optional.has(name));
}

/** Types that Parquet has no place for, or that later passes need not know. */
function stagedSql(name: string, type: string): string {
  const x = sqlName(name);
  if (/^(U?HUGEINT|INTERVAL|BIGNUM|TIME|ENUM|JSON|UUID|UBIGINT)/.test(type) && !type.endsWith("]")) {
    return `CAST(${x} AS VARCHAR)`;
  }
  const fixed = /^(.*)\[\d+\]$/.exec(type);
  if (fixed !== null) return `CAST(${x} AS ${fixed[1]}[])`;
  return /^(U?HUGEINT|UBIGINT|ENUM.*|JSON|UUID)\[\]$/.test(type) ? `CAST(${x} AS VARCHAR[])` : x;
}
