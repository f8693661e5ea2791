/** Rows that cannot be used: a label, a weight or a vector that is none. Found in SQL, named in errors. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import { canonical, type FeatureMap, type Label } from "../schema/index.ts";
import { numberSql, sqlDouble } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { rawList } from "./raw-list.ts";
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
interface RowRule {
  readonly column: string;
  /** SQL condition of good rows, never NULL. */
  readonly good: string;
  /** What the column is for, such as `label click`. */
  readonly role: string;
  readonly expected: string;
  readonly hint?: string;
}

const CORRECT_OR_DROP =
  "correct the rows, or set data.on_bad_row to drop, which leaves them out and counts them";

/** The part of a feature map that says what a row must have. */
export type RowNeeds = Pick<FeatureMap, "features" | "labels" | "weight">;

/** Rules for columns that are staged: labels are numbers, weights not negative, vectors of one length. */
function rowRules({ features, labels, weight }: RowNeeds, staged: StagedTable): RowRule[] {
  const rules: RowRule[] = [];
  for (const feature of features) {
    if (feature.kind !== "dense") continue;
    const { name, column, dim, separator } = feature;
    const list = rawList(sqlName(column), staged.types.get(column)!, column, separator);
    const good = `len(${list.sql}) IN (0, ${dim})`;
    rules.push({ column, good, role: `vector ${name}`, expected: `${dim} numbers` });
  }
  for (const label of labels) {
    const type = staged.types.get(label.column);
    if (type === undefined) continue;
    const plain = label.kind === "binary" && label.threshold === undefined && label.positive === undefined;
    rules.push({
      column: label.column,
      good: `(${labelSql(label, type)}) IS NOT NULL`,
      role: `label ${label.name}`,
      expected: plain ? "0 or 1" : label.positive === undefined ? "a finite number" : "a value",
      hint: plain
        ? `set the label's threshold or positive values, or kind: real; or ${CORRECT_OR_DROP}`
        : undefined,
    });
  }
  if (weight !== undefined && staged.types.has(weight)) {
    const number = numberSql(sqlName(weight), staged.types.get(weight)!, weight);
    rules.push({
      column: weight,
      good: `coalesce((${number}) >= 0, false)`,
      role: "sample weight",
      expected: "a finite number, not negative",
    });
  }
  return rules;
}

export interface GoodRows {
  /** SQL condition of the rows to use; undefined: all. */
  readonly condition: string | undefined;
  /** Rows left out. */
  readonly dropped: number;
}

/**
 * Rows of a piece of staged data that can be used.
 *
 * @param condition the piece, as a condition over `stagedRows`
 * @throws DataError that names file, row, column and value of the first bad row, unless they are dropped
 */
export async function usableRows(
  connection: DuckDBConnection,
  staged: StagedTable,
  needs: RowNeeds,
  condition: string | undefined,
  onBadRow: "fail" | "drop",
): Promise<GoodRows> {
  const rules = rowRules(needs, staged);
  if (rules.length === 0) return { condition, dropped: 0 };
  const rows = stagedRows(
    staged,
    rules.map(({ column }) => column),
    condition,
  );
  const good = rules.map((rule) => `(${rule.good})`).join(" AND ");
  const { bad } = await queryRow(connection, `SELECT count(*) AS bad FROM ${rows} WHERE NOT (${good})`);
  if (Number(bad) === 0) return { condition, dropped: 0 };
  if (onBadRow === "fail") throw await badRow(connection, staged, rules, rows);
  return { condition: condition === undefined ? good : `(${condition}) AND ${good}`, dropped: Number(bad) };
}

async function badRow(
  connection: DuckDBConnection,
  staged: StagedTable,
  rules: readonly RowRule[],
  rows: string,
): Promise<DataError> {
  for (const { column, good, role, expected, hint = CORRECT_OR_DROP } of rules) {
    const { count, first } = await queryRow(
      connection,
      `SELECT count(*) AS count, min(${ROW}) AS first FROM ${rows} WHERE NOT (${good})`,
    );
    if (Number(count) === 0) continue;
    const at = `file_row_number = ${first}`;
    const { value } = await queryRow(
      connection,
      `SELECT CAST(${sqlName(column)} AS VARCHAR) AS value FROM ${stagedRows(staged, [column], at)}`,
    );
    const [{ file, row }] = await staged.locate([Number(first)]);
    const shown = value === null ? "empty" : JSON.stringify(value);
    const more = Number(count) > 1 ? ` (${count} such rows)` : "";
    return new DataError(
      `${file}: row ${row}, column ${column}: the ${role} is ${shown}, expected ${expected}${more}`,
      { details: { file, row, column, expected, received: value, count: Number(count) }, hint },
    );
  }
  throw new Error("internal error: a row was bad by no rule");
}
