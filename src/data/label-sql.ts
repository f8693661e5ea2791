/** Labels in SQL, for `validate`, and their positive values. */
import { canonical, type Label } from "../schema/index.ts";
import { numberSql, sqlDouble } from "./number-sql.ts";
import { keyCast } from "./raw-key.ts";
import { sqlName, sqlText } from "./source-sql.ts";

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
