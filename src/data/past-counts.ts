/**
 * Counts over the past: for each row the rows with the same key in a window that ends strictly before the
 * row's own time. Rows of other splits and files count as well, when they are earlier: what happened is
 * known whoever learns from it. Sums are taken in millionths, as integers, so that no order of adding
 * shows. Everything is done by the database, which spills what does not fit its memory.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type CountColumn, derivation } from "../schema/index.ts";
import { besideSource } from "./beside-source.ts";
import { derivedSql } from "./derive-sql.ts";
import { numberSql, timeSql } from "./number-sql.ts";
import { literalPath } from "./source-files.ts";
import { requireColumn } from "./source-columns.ts";
import { rawColumn } from "./source-column-type.ts";
import type { RawSource } from "./source-spec.ts";
import { queryRow, sqlName, sqlText } from "./source-sql.ts";

/** Files with keys and times of the rows read so far, by the name of the count. */
export type PastRows = Map<string, string[]>;

/** A source with a column of counts; its rows join the past. */
export async function addPastCounts(
  connection: DuckDBConnection,
  source: RawSource,
  column: CountColumn,
  { scratch, past }: { readonly scratch: string; readonly past: PastRows },
): Promise<RawSource> {
  const id = randomUUID().slice(0, 8);
  const rows = join(scratch, `past-${id}.parquet`);
  const counts = join(scratch, `counts-${id}.parquet`);
  try {
    await connection.run(
      `COPY (${eventRows(connection, source, column)}) TO ${sqlText(rows)} (FORMAT parquet)`,
    );
  } catch (cause) {
    throw source.unchecked === undefined ? cause : await source.unchecked.explain(cause);
  }
  const earlier = past.get(column.name) ?? [];
  const events = [
    `SELECT * FROM ${parquet(rows)}`,
    ...earlier.map((file) => `SELECT * REPLACE (NULL AS r) FROM ${parquet(file)}`),
  ].join(" UNION ALL ");
  const window = `OVER (PARTITION BY k, t IS NULL ORDER BY t RANGE BETWEEN ${frame(column)})`;
  const value =
    column.sum === undefined
      ? `CAST(count(*) ${window} AS DOUBLE)`
      : `CAST(coalesce(sum(v) ${window}, 0) AS DOUBLE) / 1e6`;
  await connection.run(
    `COPY (SELECT n AS ${sqlName(column.name)}
       FROM (SELECT r, CASE WHEN k IS NOT NULL AND t IS NOT NULL THEN ${value} END AS n FROM (${events}))
       WHERE r IS NOT NULL ORDER BY r) TO ${sqlText(counts)} (FORMAT parquet)`,
  );
  past.set(column.name, [...earlier, rows]);
  return besideSource(source, counts, [rawColumn(column.name, "DOUBLE")]);
}

/**
 * How many of the rows read last have the key and time of one read before them: most likely it is the same row, and
 * counts of later rows see it twice.
 */
export async function rowsReadTwice(connection: DuckDBConnection, past: PastRows): Promise<number> {
  let most = 0;
  for (const files of past.values()) {
    const [last] = files.slice(-1);
    const earlier = files.slice(0, -1).map((file) => `SELECT k, t FROM ${parquet(file)}`);
    if (earlier.length === 0) continue;
    const { n } = await queryRow(
      connection,
      `SELECT count(*) AS n FROM ${parquet(last)} SEMI JOIN (${earlier.join(" UNION ALL ")}) USING (k, t)`,
    );
    most = Math.max(most, Number(n));
  }
  return most;
}

/** Row number, key, time in microseconds and, for sums, the value in millionths. */
function eventRows(connection: DuckDBConnection, source: RawSource, column: CountColumn): string {
  const { name, by, timestamp, unit, sum } = column;
  const user = `derived ${name}`;
  // The values of the key's columns as one, as a cross has them.
  const key = derivedSql(connection, source, derivation({ kind: "cross", name, inputs: by }), user);
  const time = timeSql(sqlName(timestamp), requireColumn(source, timestamp, user).type, unit, timestamp);
  const selected = [`${key.sql} AS k`, `TRY_CAST(round((${time}) * 1e6) AS BIGINT) AS t`];
  if (sum !== undefined) {
    const number = numberSql(sqlName(sum), requireColumn(source, sum, user).type, sum);
    selected.push(`TRY_CAST(round((${number}) * 1e6) AS HUGEINT) AS v`);
  }
  return `SELECT row_number() OVER () AS r, ${selected.join(", ")} FROM ${source.sql}`;
}

function parquet(file: string): string {
  return `read_parquet(${sqlText(literalPath(file))}, hive_partitioning = false)`;
}

/** Times are whole microseconds: strictly before is one microsecond before. */
function frame({ windowSeconds, delaySeconds }: CountColumn): string {
  const micros = (seconds: number): string => String(BigInt(Math.round(seconds * 1e6)));
  const from = windowSeconds === undefined ? "UNBOUNDED" : micros(windowSeconds);
  return `${from} PRECEDING AND ${delaySeconds > 0 ? micros(delaySeconds) : 1} PRECEDING`;
}
