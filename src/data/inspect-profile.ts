/**
 * What the values of each column look like: counts, bounds, quantiles, most frequent values, lengths of
 * lists. Exact over the rows looked at, computed by SQL column by column in bounded memory, the same in
 * every run.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { RawColumn } from "./source-spec.ts";
import { queryRow, queryRows, sqlName, sqlText } from "./source-sql.ts";

export interface TopValue {
  readonly value: string;
  readonly count: number;
}

export interface NumberProfile {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly deviation: number;
  /** Quantiles 0.01, 0.25, 0.5, 0.75 and 0.99. */
  readonly quantiles: readonly number[];
  readonly nan: number;
  readonly infinite: number;
  readonly zeros: number;
  readonly negatives: number;
  /** Every finite value is a whole number. */
  readonly whole: boolean;
}

export interface ListProfile {
  /** What stands between entries in text; undefined for true lists. */
  readonly separator: string | undefined;
  readonly elementType: "string" | "int64" | "float64";
  readonly minLength: number;
  readonly medianLength: number;
  readonly p99Length: number;
  readonly maxLength: number;
  readonly distinctEntries: number;
}

export interface ColumnProfile {
  readonly name: string;
  readonly type: string;
  readonly valueType: RawColumn["valueType"];
  readonly rows: number;
  readonly nulls: number;
  /** Different values, nulls not counted. */
  readonly distinct: number;
  /** Values that occur once. */
  readonly singles: number;
  /** The most frequent values, ties by text. */
  readonly top: readonly TopValue[];
  readonly numbers: NumberProfile | undefined;
  /** Characters of text values. */
  readonly textLength: { readonly mean: number; readonly max: number } | undefined;
  readonly list: ListProfile | undefined;
  /** First and last time, ISO 8601. */
  readonly times: { readonly first: string; readonly last: string } | undefined;
  /** A text that stands for "no value" in a column of numbers otherwise. */
  readonly nullTextSuspect: string | undefined;
}

const TOP_VALUES = 5;
export const QUANTILES = [0.01, 0.25, 0.5, 0.75, 0.99] as const;
const SEPARATORS = ["|", ",", ";", " ", "\t"];
const NULL_TEXTS = ["NA", "N/A", "n/a", "NULL", "null", "None", "none", "\\N", "?", "-", "nan", "NaN"];

/** Profiles one column of a table expression with `rows` rows. */
export async function profileColumn(
  connection: DuckDBConnection,
  table: string,
  column: RawColumn,
  rows: number,
): Promise<ColumnProfile> {
  const isList = column.valueType === "list";
  const counts = isList
    ? await countListNulls(connection, table, column.name)
    : await countValues(connection, table, column.name);
  const isNumber = column.valueType === "int64" || column.valueType === "float64";
  const isText = column.valueType === "string";
  return {
    name: column.name,
    type: column.type,
    valueType: column.valueType,
    rows,
    nulls: rows - counts.present,
    distinct: counts.distinct,
    singles: counts.singles,
    top: counts.top,
    numbers:
      isNumber && counts.present > 0 ? await profileNumbers(connection, table, column.name) : undefined,
    textLength: isText ? await profileText(connection, table, column.name) : undefined,
    list: isList
      ? await profileList(connection, table, sqlName(column.name), undefined, elementType(column.type))
      : isText
        ? await findListText(connection, table, column.name, counts)
        : undefined,
    times: column.valueType === "timestamp" ? await profileTimes(connection, table, column.name) : undefined,
    nullTextSuspect: isText ? await findNullText(connection, table, column.name) : undefined,
  };
}

interface ValueCounts {
  readonly present: number;
  readonly distinct: number;
  readonly singles: number;
  readonly top: readonly TopValue[];
}

async function countValues(connection: DuckDBConnection, table: string, name: string): Promise<ValueCounts> {
  const x = sqlName(name);
  const row = await queryRow(
    connection,
    `WITH groups AS MATERIALIZED (
       SELECT CAST(${x} AS VARCHAR) AS value, count(*) AS n FROM ${table} WHERE ${x} IS NOT NULL GROUP BY ${x}
     )
     SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS present, count(*) AS distinct,
            count(*) FILTER (n = 1) AS singles,
            (SELECT list(value ORDER BY n DESC, value) FROM
               (FROM groups ORDER BY n DESC, value LIMIT ${TOP_VALUES})) AS top_values,
            (SELECT list(n ORDER BY n DESC, value) FROM
               (FROM groups ORDER BY n DESC, value LIMIT ${TOP_VALUES})) AS top_counts
     FROM groups`,
  );
  const values = (row.top_values ?? []) as string[];
  const counts = (row.top_counts ?? []) as bigint[];
  return {
    present: Number(row.present),
    distinct: Number(row.distinct),
    singles: Number(row.singles),
    top: values.map((value, k) => ({ value, count: Number(counts[k]) })),
  };
}

async function countListNulls(
  connection: DuckDBConnection,
  table: string,
  name: string,
): Promise<ValueCounts> {
  const x = sqlName(name);
  const row = await queryRow(
    connection,
    `SELECT count(${x}) AS present, approx_count_distinct(hash(${x})) AS distinct FROM ${table}`,
  );
  return { present: Number(row.present), distinct: Number(row.distinct), singles: 0, top: [] };
}

async function profileNumbers(
  connection: DuckDBConnection,
  table: string,
  name: string,
): Promise<NumberProfile | undefined> {
  const x = `CAST(${sqlName(name)} AS DOUBLE)`;
  const finite = `(SELECT ${x} AS v FROM ${table} WHERE isfinite(${x}))`;
  const row = await queryRow(
    connection,
    `SELECT count(*) AS present, min(v) AS low, max(v) AS high, favg(v) AS mean,
            quantile_disc(v, [${QUANTILES.join(", ")}]) AS quantiles,
            count(*) FILTER (v = 0) AS zeros, count(*) FILTER (v < 0) AS negatives,
            coalesce(bool_and(v = trunc(v)), false) AS whole FROM ${finite}`,
  );
  if (row.present === 0n) return undefined;
  const mean = Number(row.mean);
  const more = await queryRow(
    connection,
    `SELECT sqrt(fsum((v - CAST('${mean}' AS DOUBLE)) ** 2) / count(*)) AS deviation FROM ${finite}`,
  );
  const odd = await queryRow(
    connection,
    `SELECT count(*) FILTER (isnan(${x})) AS nan, count(*) FILTER (isinf(${x})) AS infinite FROM ${table}`,
  );
  return {
    min: Number(row.low),
    max: Number(row.high),
    mean,
    deviation: Number(more.deviation),
    quantiles: (row.quantiles as number[]).map(Number),
    nan: Number(odd.nan),
    infinite: Number(odd.infinite),
    zeros: Number(row.zeros),
    negatives: Number(row.negatives),
    whole: row.whole === true,
  };
}

async function profileText(
  connection: DuckDBConnection,
  table: string,
  name: string,
): Promise<ColumnProfile["textLength"]> {
  const x = sqlName(name);
  const row = await queryRow(
    connection,
    `SELECT favg(length(${x})) AS mean, max(length(${x})) AS max FROM ${table}`,
  );
  return row.max === null ? undefined : { mean: Number(row.mean), max: Number(row.max) };
}

async function profileTimes(
  connection: DuckDBConnection,
  table: string,
  name: string,
): Promise<ColumnProfile["times"]> {
  const x = sqlName(name);
  const row = await queryRow(connection, `SELECT min(${x}) AS first, max(${x}) AS last FROM ${table}`);
  const text = (time: unknown): string => (time instanceof Date ? time.toISOString() : String(time));
  return row.first === null ? undefined : { first: text(row.first), last: text(row.last) };
}

/** Rows of a text column that are looked at for a separator. */
const LIST_SAMPLE = 50_000;

/**
 * Text that lists short entries: the separator occurs in a good part of the different values, entries are
 * short and far fewer than whole values, and they come again in other values (words of a name do not).
 */
async function findListText(
  connection: DuckDBConnection,
  table: string,
  name: string,
  counts: ValueCounts,
): Promise<ListProfile | undefined> {
  if (counts.distinct < 3) return undefined;
  const x = sqlName(name);
  const sample = `(SELECT DISTINCT ${x} AS v FROM (SELECT ${x} FROM ${table} LIMIT ${LIST_SAMPLE}) WHERE ${x} IS NOT NULL)`;
  const cutCounts = SEPARATORS.map((s, k) => `count(*) FILTER (contains(v, ${sqlText(s)})) AS cut${k}`);
  const seen = await queryRow(
    connection,
    `SELECT count(*) AS whole, ${cutCounts.join(", ")},
            count(*) FILTER (regexp_matches(v, '^[\\[({]|[\\])}]$')) AS bracketed FROM ${sample}`,
  );
  const whole = Number(seen.whole);
  if (Number(seen.bracketed) > 0.5 * whole) return undefined;
  for (const [k, separator] of SEPARATORS.entries()) {
    if (Number(seen[`cut${k}`]) < Math.max(2, 0.05 * whole)) continue;
    const cut = `string_split(v, ${sqlText(separator)})`;
    const entries = await queryRow(
      connection,
      `SELECT count(DISTINCT trim(e)) AS distinct, favg(length(e)) AS length, max(length(e)) AS longest,
              count(*) AS entries, count(*) FILTER (e = '') AS empty,
              count(*) FILTER (NOT regexp_full_match(trim(e), '-?[0-9]+')) AS not_whole
       FROM (SELECT unnest(${cut}) AS e FROM ${sample})`,
    );
    const numbers = entries.not_whole === 0n;
    const few = Number(entries.distinct) < 0.5 * whole || (numbers && Number(entries.entries) >= 2 * whole);
    const short = Number(entries.length) <= 20 && Number(entries.longest) <= 60;
    const repeated = Number(entries.entries) >= 2 * Number(entries.distinct);
    const sentence = separator === " " && !numbers && (Number(entries.distinct) > 1000 || whole < 20);
    const clock = separator === " " && /^\d{4}-\d/.test(counts.top[0]?.value ?? "");
    if (
      !few ||
      !short ||
      !repeated ||
      sentence ||
      clock ||
      Number(entries.empty) > 0.2 * Number(entries.entries)
    ) {
      continue;
    }
    return profileList(
      connection,
      table,
      `string_split(${x}, ${sqlText(separator)})`,
      separator,
      numbers ? "int64" : "string",
    );
  }
  return undefined;
}

function elementType(type: string): ListProfile["elementType"] {
  if (/^(FLOAT|DOUBLE)/.test(type)) return "float64";
  return /INT/.test(type) ? "int64" : "string";
}

/** @param list SQL expression of a list, null where the row has none */
async function profileList(
  connection: DuckDBConnection,
  table: string,
  list: string,
  separator: string | undefined,
  type: ListProfile["elementType"],
): Promise<ListProfile | undefined> {
  const lengths = await queryRow(
    connection,
    `SELECT min(n) AS low, quantile_disc(n, [0.5, 0.99]) AS quantiles, max(n) AS high
     FROM (SELECT len(l) AS n FROM (SELECT ${list} AS l FROM ${table}) WHERE l IS NOT NULL)`,
  );
  if (lengths.high === null) return undefined;
  const entries = await queryRow(
    connection,
    `SELECT approx_count_distinct(e) AS distinct FROM (SELECT unnest(${list}) AS e FROM ${table})`,
  );
  const [medianLength, p99Length] = (lengths.quantiles as bigint[]).map(Number);
  return {
    separator,
    elementType: type,
    minLength: Number(lengths.low),
    medianLength,
    p99Length,
    maxLength: Number(lengths.high),
    distinctEntries: Number(entries.distinct),
  };
}

/** The one usual text for "no value" that keeps a column from being one of numbers. */
async function findNullText(
  connection: DuckDBConnection,
  table: string,
  name: string,
): Promise<string | undefined> {
  const x = sqlName(name);
  const number = `regexp_full_match(${x}, '\\s*[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[+-]?[0-9]+)?\\s*', 'i')`;
  const others = await queryRows(
    connection,
    `SELECT ${x} AS value, (SELECT count(*) FROM ${table} WHERE ${number}) AS numbers, count(*) AS n
     FROM ${table} WHERE ${x} IS NOT NULL AND NOT ${number} GROUP BY ${x} LIMIT 2`,
  );
  if (others.length !== 1) return undefined;
  const [{ value, numbers, n }] = others;
  return NULL_TEXTS.includes(String(value)) && Number(numbers) > Number(n) ? String(value) : undefined;
}
