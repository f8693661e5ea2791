/** The unit of numeric timestamps, told from their size. */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { TimestampUnit } from "../schema/index.ts";
import { timeSql } from "./number-sql.ts";
import { queryRow, sqlName } from "./source-sql.ts";

/** Rows at the start that are looked at. */
const LOOKED_AT = 10_000;

/**
 * Seconds, milliseconds or microseconds: the largest time of the first rows, taken as seconds, would
 * otherwise lie beyond the year 5138.
 *
 * @param from SQL table expression
 */
export async function guessTimeUnit(
  connection: DuckDBConnection,
  from: string,
  column: string,
  duckdbType: string,
): Promise<TimestampUnit> {
  const x = sqlName(column);
  const { largest } = await queryRow(
    connection,
    `SELECT max(abs(${timeSql(x, duckdbType, "s", column)})) AS largest FROM (SELECT ${x} FROM ${from} LIMIT ${LOOKED_AT})`,
  );
  const size = Number(largest ?? 0);
  if (size > 1e14) return "us";
  return size > 1e11 ? "ms" : "s";
}
