/** Rows that cannot be used: a label, a weight or a vector that is none. Found in SQL, named in errors. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import { canonical, type Label } from "../schema/index.ts";
import { numberSql, sqlDouble } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { openSource } from "./source.ts";
import { queryRow, sqlName, sqlText } from "./source-sql.ts";
import { ROW, type StagedTable, stagedRows } from "./stage.ts";

/** The number of a label as DOUBLE, NULL for a raw value that is none; `labelValue` in SQL. */
export function labelSql({ column, positive, threshold, kind }: Label, duckdbType: string): string {
  const x = sqlName(column);
  if (positive !== undefined) {
    const cast = keyCast(duckdbType, column);
    const whole = `CAST(TRY_CAST(${cast.sql(x)} AS BIGINT) AS VARCHAR)`;
    const print = `CAST(${cast.sql(x)} AS VARCHAR)`;
    const isWhole = `${cast.sql(x)} = trunc(${cast.sql(x)})`;
    const text = cast.type === "DOUBLE" ? `CASE WHEN ${isWhole} THEN ${whole} ELSE ${print} END` : print;
    const known = positive.map((value) => sqlText(value)).join(", ");
    return `CASE WHEN trim(${text}) <> '' THEN CAST(CAST(nfc_normalize(trim(${text})) IN (${known}) AS INTEGER) AS DOUBLE) END`;
  }
  const number = `(${numberSql(x, duckdbType, column)})`;
  if (threshold !== undefined) {
    return `CASE WHEN ${number} IS NOT NULL THEN CAST(CAST(${number} > ${sqlDouble(threshold)} AS INTEGER) AS DOUBLE) END`;
  }
  return kind === "real" ? number : `CASE WHEN ${number} IN (0, 1) THEN ${number} END`;
}

/** Positive values of a label as `labelValue` compares them. */
export function positiveTexts(values: readonly (string | number | boolean)[]): string[] {
  return values.map((value) => canonical(value, { valueType: "string", trim: true }) ?? "");
}

/** One thing that a row must have. */
export interface RowRule {
  readonly column: string;
  /** SQL condition of good rows, never NULL. */
  readonly good: string;
  /** What the column is for, such as `label click`. */
  readonly role: string;
  readonly expected: string;
  readonly hint?: string;
}

/** @param columns staged columns that the rules look at */
export async function checkRows(
  connection: DuckDBConnection,
  staged: StagedTable,
  rules: readonly RowRule[],
  condition: string | undefined,
  onBadRow: "fail" | "drop",
): Promise<{ readonly good: string | undefined; readonly dropped: number }> {
  if (rules.length === 0) return { good: undefined, dropped: 0 };
  const columns = rules.map(({ column }) => column);
  const good = rules.map((rule) => `(${rule.good})`).join(" AND ");
  const { bad } = await queryRow(
    connection,
    `SELECT count(*) AS bad FROM ${stagedRows(staged, [...columns, ...staged.types.keys()], condition)} WHERE NOT (${good})`,
  );
  if (Number(bad) === 0) return { good: undefined, dropped: 0 };
  if (onBadRow === "drop") return { good, dropped: Number(bad) };
  for (const rule of rules) {
    const row = await queryRow(
      connection,
      `SELECT count(*) AS count, min(${ROW}) AS first, CAST(arg_min(${sqlName(rule.column)}, ${ROW}) AS VARCHAR) AS value,
       bool_and(${sqlName(rule.column)} IS NULL) AS null_only
       FROM ${stagedRows(staged, staged.types.keys(), condition)} WHERE NOT (${rule.good})`,
    );
    if (Number(row.count) === 0) continue;
    const value = await rawValue(connection, staged, rule.column, Number(row.first));
    const place = await placeOfRow(connection, staged, Number(row.first));
    const shown = value === undefined ? "empty" : JSON.stringify(value);
    throw new DataError(
      `${place.file}: row ${place.row}, column ${rule.column}: the ${rule.role} is ${shown}, expected ${rule.expected} (${row.count} such rows)`,
      {
        details: {
          ...place,
          column: rule.column,
          expected: rule.expected,
          received: value,
          count: Number(row.count),
        },
        hint:
          rule.hint ??
          "correct the rows, or set data.on_bad_row to drop, which leaves them out and counts them",
      },
    );
  }
  return { good: undefined, dropped: 0 };
}

async function rawValue(
  connection: DuckDBConnection,
  staged: StagedTable,
  column: string,
  row: number,
): Promise<string | undefined> {
  const { value } = await queryRow(
    connection,
    `SELECT CAST(${sqlName(column)} AS VARCHAR) AS value FROM ${stagedRows(staged, [column], `file_row_number = ${row}`)}`,
  );
  return value === null || value === undefined ? undefined : String(value);
}

/** File and data row (from 1, header not counted) of a staged row. */
export async function placeOfRow(
  connection: DuckDBConnection,
  staged: StagedTable,
  row: number,
): Promise<{ readonly file: string; readonly row: number }> {
  let left = row;
  for (const file of staged.files.slice(0, -1)) {
    const source = await openSource(connection, { ...staged.spec, files: [file] });
    try {
      if (left < source.rows) return { file, row: left + 1 };
      left -= source.rows;
    } finally {
      await source.close();
    }
  }
  return { file: staged.files[staged.files.length - 1], row: left + 1 };
}
