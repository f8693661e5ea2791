/** Splits as SQL conditions on the rows of a staged table, for `validate`; the same rows as `assignSplits` gives. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, hashKey, mix32 } from "../core/index.ts";
import { canonical, parseTime, type RawScalar, type TimestampUnit } from "../schema/index.ts";
import type { SplitConfig } from "./config.ts";
import { sqlDouble, timeSql } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { queryRow, sqlName, sqlText } from "./source-sql.ts";
import { checkedShares, ratioCuts, type SplitName } from "./split.ts";
import { ROW, type StagedTable, stagedRows } from "./stage.ts";

/** Conditions over the columns of `stagedRows` with the row number as `ROW`; no entry: no such split. */
export type SplitConditions = { readonly [split in SplitName]?: string };

/** Conditions of a split made out of one staged table. */
export async function splitConditions(
  connection: DuckDBConnection,
  staged: StagedTable,
  split: Exclude<SplitConfig, { by: "files" }>,
  timestamp: { readonly column: string | undefined; readonly unit: TimestampUnit },
): Promise<SplitConditions> {
  switch (split.by) {
    case "ratio":
      return ratioConditions(connection, staged, split);
    case "time":
      return timeConditions(connection, staged, split, timestamp);
    case "column":
      return columnConditions(staged, split);
  }
}

/** Columns that a split's conditions look at. */
export function splitColumns(split: SplitConfig | undefined, timestamp: string | undefined): string[] {
  if (split?.by === "column") return [split.column];
  if (split?.by === "time") return [split.column ?? timestamp ?? ""].filter((name) => name !== "");
  return [];
}

/**
 * Rows drawn by a hash of (seed, row number). The cuts are the hash's order statistics, so that sizes are
 * exact to a row; only the hashes are held in memory, four bytes a row.
 */
async function ratioConditions(
  connection: DuckDBConnection,
  staged: StagedTable,
  split: Extract<SplitConfig, { by: "ratio" }>,
): Promise<SplitConditions> {
  const { turned, counts } = ratioCuts(staged.rows, split);
  const draw = mix32Sql(`xor(CAST(${ROW} AS UBIGINT) & 4294967295, ${hashKey(split.seed, "split")})`);
  const key2 = mix32(hashKey(split.seed, "split") ^ 0x6a09e667);
  const straight = mix32Sql(`((${draw} + ${key2}) & 4294967295)`);
  const from = (x: string): string => `SELECT CAST(${x} AS UINTEGER) AS x FROM ${stagedRows(staged, [])}`;
  // Half a row less, so that rounding cannot reach the next.
  const at = (x: string, ranks: readonly number[]): Promise<(string | undefined)[]> =>
    quantiles(
      connection,
      from(x),
      ranks.map((rank) => (rank >= staged.rows ? 1 : Math.max(rank - 0.5, 0) / staged.rows)),
    );
  const [last] = turned > 0 ? await at(straight, [turned]) : [undefined];
  const hash =
    last === undefined ? straight : `((${straight} + 4294967295 - CAST(${last} AS UBIGINT)) & 4294967295)`;
  const cuts = await at(hash, counts);
  // Below all hashes where a cut has no row.
  return cutConditions(
    hash,
    cuts.map((cut, k) => (counts[k] > 0 ? cut : sqlDouble(-1))),
    split,
  );
}

/** `mix32` of a UBIGINT expression below 2^32. */
function mix32Sql(x: string): string {
  const shift = (y: string, bits: number): string => `xor(${y}, ${y} >> ${bits})`;
  const multiply = (y: string, by: number): string => `((${y} * ${by}) & 4294967295)`;
  return shift(multiply(shift(multiply(shift(x, 16), 0x7feb352d), 15), 0x846ca68b), 16);
}

async function timeConditions(
  connection: DuckDBConnection,
  staged: StagedTable,
  split: Extract<SplitConfig, { by: "time" }>,
  timestamp: { readonly column: string | undefined; readonly unit: TimestampUnit },
): Promise<SplitConditions> {
  const column = split.column ?? timestamp.column;
  if (column === undefined) {
    throw new ConfigError("config data.split: a split by time needs a column", {
      details: { key: "data.split.column" },
      hint: "set split.column, or timestamp",
    });
  }
  const time = `(${timeSql(sqlName(column), staged.types.get(column)!, timestamp.unit, column)})`;
  const { missing } = await queryRow(
    connection,
    `SELECT count(*) FILTER (${time} IS NULL) AS missing FROM ${stagedRows(staged, [column])}`,
  );
  if (Number(missing) > 0) {
    throw new DataError(
      `${staged.files[0]}: column ${column} has no time in ${missing} rows, and the split is by time`,
      {
        details: { files: staged.files, column, count: Number(missing) },
        hint: "leave such rows out of the file, or split by ratio",
      },
    );
  }
  const { validFrom, testFrom } = split;
  if (validFrom !== undefined || testFrom !== undefined) {
    const valid = boundary(validFrom, "valid_from", timestamp.unit);
    const test = boundary(testFrom, "test_from", timestamp.unit);
    const first = valid ?? test!;
    return {
      train: `${time} < ${first}`,
      ...(valid !== undefined && {
        valid: `${time} >= ${valid}${test === undefined ? "" : ` AND ${time} < ${test}`}`,
      }),
      ...(test !== undefined && { test: `${time} >= ${test}` }),
    };
  }
  const { train, valid, test } = checkedShares(split);
  const from = `SELECT ${time} AS x FROM ${stagedRows(staged, [column])}`;
  const cuts = await quantiles(connection, from, [train, train + valid, train + valid + test]);
  return cutConditions(time, cuts, { valid, test });
}

function boundary(value: RawScalar, key: string, unit: TimestampUnit): string | undefined {
  if (value === undefined) return undefined;
  const seconds = parseTime(value, unit);
  if (seconds === undefined) {
    throw new ConfigError(`config data.split.${key}: ${JSON.stringify(value)} is no time`, {
      details: {
        key: `data.split.${key}`,
        expected: "a number, a date or an ISO 8601 time",
        received: value,
      },
    });
  }
  return sqlDouble(seconds);
}

function columnConditions(
  staged: StagedTable,
  split: Extract<SplitConfig, { by: "column" }>,
): SplitConditions {
  const { column } = split;
  const type = staged.types.get(column)!;
  const text = `trim(CAST(${keyCast(type, column).sql(sqlName(column))} AS VARCHAR))`;
  const oneOf = (values: readonly RawScalar[]): string => {
    const texts = values.map((value) => canonical(value, { valueType: "string", trim: true }) ?? "");
    // Doubles print with a point in SQL.
    if (type === "DOUBLE" || type === "FLOAT") texts.push(...texts.map((t) => `${t}.0`));
    return `coalesce(${text} IN (${texts.map(sqlText).join(", ")}), false)`;
  };
  return {
    train: oneOf(split.train),
    ...(split.valid.length > 0 && { valid: oneOf(split.valid) }),
    ...(split.test.length > 0 && { test: oneOf(split.test) }),
  };
}

/** Smallest values with at least these shares of all rows at or below them; a share of 1 or more has none. */
async function quantiles(
  connection: DuckDBConnection,
  from: string,
  shares: readonly number[],
): Promise<(string | undefined)[]> {
  const inner = shares.map((share, k) =>
    share >= 1 - 1e-9 ? `NULL AS q${k}` : `CAST(quantile_disc(x, ${sqlDouble(share)}) AS VARCHAR) AS q${k}`,
  );
  const row = await queryRow(connection, `SELECT ${inner.join(", ")} FROM (${from})`);
  return shares.map((_, k) => (row[`q${k}`] === null ? undefined : `CAST('${row[`q${k}`]}' AS DOUBLE)`));
}

function cutConditions(
  x: string,
  [first, second, third]: readonly (string | undefined)[],
  { valid, test }: { valid: number; test: number },
): SplitConditions {
  const between = (low: string | undefined, high: string | undefined): string => {
    if (low === undefined) return "false";
    return `${x} > ${low}${high === undefined ? "" : ` AND ${x} <= ${high}`}`;
  };
  return {
    train: first === undefined ? "true" : `${x} <= ${first}`,
    ...(valid > 0 && { valid: between(first, second) }),
    ...(test > 0 && { test: between(second, third) }),
  };
}
