/** Numbers and times in SQL, by the same rules as `parseNumber`, `parseTime` and `transformNumber`. */
import { ConfigError } from "../core/index.ts";
import {
  FIRST_VALUE_ID,
  MISSING_ID,
  NUMBER_PATTERN,
  type NumericTransform,
  type TimestampUnit,
} from "../schema/index.ts";

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
    const number = `TRY_CAST(${text} AS DOUBLE)`;
    return `CASE WHEN regexp_full_match(${text}, '${NUMBER_PATTERN}') AND isfinite(${number}) THEN ${number} + 0 END`;
  }
  if (/^(DATE|TIMESTAMP)/.test(duckdbType)) return timeSql(x, duckdbType, "s", column);
  throw new ConfigError(`column ${column} holds ${duckdbType}, expected numbers`, {
    details: { column, expected: "numbers, or text of numbers", received: duckdbType },
    hint: duckdbType.endsWith("]") ? "make it a bag, a sequence or a dense feature" : undefined,
  });
}

const SECONDS: Readonly<Record<TimestampUnit, number>> = { s: 1, ms: 1e3, us: 1e6 };

/** Seconds since 1970 as DOUBLE, NULL where there is no time. */
export function timeSql(x: string, duckdbType: string, unit: TimestampUnit, column: string): string {
  if (/^(DATE|TIMESTAMP)/.test(duckdbType)) return `CAST(epoch(CAST(${x} AS TIMESTAMP)) AS DOUBLE)`;
  const number = `(${numberSql(x, duckdbType, column)}) / ${SECONDS[unit]}`;
  if (duckdbType !== "VARCHAR") return number;
  const dated = `CASE WHEN regexp_matches(${x}, '^\\s*[0-9]{4}-[0-9]') THEN epoch(TRY_CAST(${x} AS TIMESTAMP)) END`;
  return `coalesce(CAST(${dated} AS DOUBLE), ${number})`;
}

/** `transformNumber` of a DOUBLE without the standardisation. */
export function unscaledSql(x: string, { clip, log }: Pick<NumericTransform, "clip" | "log">): string {
  // least and greatest leave out NULLs instead of returning them.
  const clipped =
    clip === undefined
      ? x
      : `CASE WHEN ${x} IS NOT NULL THEN least(greatest(${x}, ${sqlDouble(clip[0])}), ${sqlDouble(clip[1])}) END`;
  return log ? `(sign(${clipped}) * ln(1 + abs(${clipped})))` : clipped;
}

/** `toFloat` in SQL. */
export function floatSql(x: string): string {
  return `(CAST(${x} AS FLOAT) + CAST(0 AS FLOAT))`;
}

/** The batch value of a DOUBLE that may be NULL, as FLOAT. */
export function transformSql(x: string, transform: NumericTransform): string {
  const { mean, scale, fill } = transform;
  const unscaled = unscaledSql(x, transform);
  const same = mean === 0 && scale === 1;
  const standard = same ? unscaled : `(${unscaled} - ${sqlDouble(mean)}) * ${sqlDouble(scale)}`;
  return floatSql(`coalesce(${standard}, ${sqlDouble(fill)})`);
}

/** `bucketId` of a DOUBLE that may be NULL, as a tree of comparisons. */
export function bucketSql(x: string, boundaries: readonly number[]): string {
  const tree = (low: number, high: number): string => {
    if (low === high) return String(FIRST_VALUE_ID + low);
    const middle = (low + high) >>> 1;
    const test = `${x} >= ${sqlDouble(boundaries[middle])}`;
    return `CASE WHEN ${test} THEN ${tree(middle + 1, high)} ELSE ${tree(low, middle)} END`;
  };
  return `CAST(CASE WHEN ${x} IS NULL THEN ${MISSING_ID} ELSE ${tree(0, boundaries.length)} END AS INTEGER)`;
}
