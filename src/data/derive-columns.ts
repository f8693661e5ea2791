/**
 * Derived columns of a source: most are computed row by row with the row encoder's own functions
 * (`derive-sql.ts`); counts over time look at other rows, and are made in SQL (`past-counts.ts`).
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError } from "../core/index.ts";
import { type DerivedColumn, derivation } from "../schema/index.ts";
import { derivedSql } from "./derive-sql.ts";
import { addPastCounts, type PastRows } from "./past-counts.ts";
import { rawColumn } from "./source-column-type.ts";
import type { RawSource } from "./source-spec.ts";
import { sqlName } from "./source-sql.ts";

export interface DeriveOptions {
  /** Folder for files that must stay until the source is closed. */
  readonly scratch: string;
  /** Rows of earlier sources that counts see, too; this source's are added. */
  readonly past: PastRows;
}

/**
 * A source with one more column.
 *
 * @throws ConfigError for columns that are not there, of a type that does not fit, or of the new column's name
 */
export async function addDerivedColumn(
  connection: DuckDBConnection,
  source: RawSource,
  column: DerivedColumn,
  { scratch, past }: DeriveOptions,
): Promise<RawSource> {
  const there = source.columns.some(({ name }) => name === column.name);
  if (column.kind === "count") {
    // Whoever brings the counts along has them from a store, as a row that is served.
    return there ? source : addPastCounts(connection, source, column, { scratch, past });
  }
  if (source.columns.some(({ name }) => name.toLowerCase() === column.name.toLowerCase())) {
    throw new ConfigError(`${source.files[0]} has a column ${column.name}, which the config derives`, {
      details: { key: "derived", file: source.files[0], column: column.name },
      hint: "name the derived column otherwise",
    });
  }
  const made = derivedSql(connection, source, derivation(column), `derived ${column.name}`);
  return {
    ...source,
    columns: [...source.columns, rawColumn(column.name, made.type)],
    sql: `(SELECT *, ${made.sql} AS ${sqlName(column.name)} FROM ${source.sql})`,
  };
}

/** A source with derived columns, in their order. */
export async function addDerivedColumns(
  connection: DuckDBConnection,
  source: RawSource,
  columns: readonly DerivedColumn[],
  options: DeriveOptions,
): Promise<RawSource> {
  let made = source;
  for (const column of columns) made = await addDerivedColumn(connection, made, column, options);
  return made;
}
