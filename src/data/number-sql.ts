/** Numbers and times in SQL, by the same rules as `parseNumber` and `parseTime`. */
import { ConfigError } from "../core/index.ts";
import { NUMBER_PATTERN, TIME_PATTERN, type TimestampUnit } from "../schema/index.ts";

/** A double as SQL; a plain literal would be read as a decimal. */
export function sqlDouble(x: number): string {
  return `CAST('${x}' AS DOUBLE)`;
}

const OUTER_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)";

/** A finite DOUBLE, never -0, from an expression of a DuckDB type, NULL where there is none. */
export function numberSql(x: string, duckdbType: string, column: string): string {
  if (/^(U?TINYINT|U?SMALLINT|U?INTEGER|U?BIGINT|DECIMAL.*)$/.test(duckdbType)) return `CAST(${x} AS DOUBLE)`;
  if (duckdbType === "BOOLEAN") return `CAST(CAST(${x} AS INTEGER) AS DOUBLE)`;
  if (duckdbType === "FLOAT" || duckdbType === "DOUBLE") {
    return `CASE WHEN isfinite(${x}) THEN CAST(${x} AS DOUBLE) + 0 END`;
  }
  if (duckdbType === "VARCHAR") {
    const text = `trim(${x}, ${OUTER_SPACE})`;
    const number = `CASE WHEN regexp_full_match(${text}, '${NUMBER_PATTERN}') THEN TRY_CAST(${text} AS DOUBLE) END`;
    return `CASE WHEN isfinite(${number}) THEN ${number} + 0 ELSE ${wordSql(text)} END`;
  }
  if (/^(DATE|TIMESTAMP)/.test(duckdbType)) return timeSql(x, duckdbType, "s", column);
  throw new ConfigError(`column ${column} holds ${duckdbType}, expected numbers`, {
    details: { column, expected: "numbers, or text of numbers", received: duckdbType },
    hint: duckdbType.endsWith("]") ? "make it a bag, a sequence or a dense feature" : undefined,
  });
}

/** Truth values and times in text, as DOUBLE; NULL for other texts. */
function wordSql(text: string): string {
  return `CASE lower(${text}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ${isoSql(text)} END`;
}

/** Seconds since 1970 of an ISO 8601 text; without a zone it is UTC. */
function isoSql(text: string): string {
  return `CASE WHEN regexp_full_match(${text}, '${TIME_PATTERN}') THEN CAST(epoch(TRY_CAST(${text} AS TIMESTAMPTZ)) AS DOUBLE) END`;
}

/** A DOUBLE, NULL only where there is no value: what is no finite number comes as one that is not finite. */
export function anyNumberSql(x: string, duckdbType: string, column: string): string {
  if (duckdbType === "DOUBLE") return x;
  if (duckdbType === "FLOAT") return `CAST(${x} AS DOUBLE)`;
  if (duckdbType !== "VARCHAR") return numberSql(x, duckdbType, column);
  // What the cast takes beyond the pattern: underscores between digits. Only what is no number is looked
  // at closer, since trimming costs more than everything else here.
  const number = `CASE WHEN NOT contains(${x}, '_') THEN TRY_CAST(${x} AS DOUBLE) END`;
  const text = `trim(${x}, ${OUTER_SPACE})`;
  const other = `CASE WHEN ${text} <> '' THEN coalesce(${wordSql(text)}, CAST('inf' AS DOUBLE)) END`;
  // Else the database would trim rows without a value, too.
  return `CASE WHEN ${x} IS NOT NULL THEN coalesce(${number}, ${other}) END`;
}

const SECONDS: Readonly<Record<TimestampUnit, number>> = { s: 1, ms: 1e3, us: 1e6 };

/** Seconds since 1970 as DOUBLE, NULL where there is no time. */
export function timeSql(x: string, duckdbType: string, unit: TimestampUnit, column: string): string {
  if (/^(DATE|TIMESTAMP)/.test(duckdbType)) return `CAST(epoch(CAST(${x} AS TIMESTAMP)) AS DOUBLE)`;
  const number = `(${numberSql(x, duckdbType, column)}) / ${SECONDS[unit]}`;
  if (duckdbType !== "VARCHAR") return number;
  return `coalesce(${isoSql(`trim(${x}, ${OUTER_SPACE})`)}, ${number})`;
}
