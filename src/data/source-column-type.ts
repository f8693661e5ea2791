/**
 * What type a text column has: the narrowest of boolean, int64, float64 and timestamp that every value
 * of the whole data fits without loss, else string. Numbers count only in their plain form, so that
 * identifiers such as `007`, `1_000` or 25 digits stay text and two different texts never become one value.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { ValueType } from "../schema/index.ts";
import type { RawColumn } from "./source-spec.ts";
import { queryAggregates, sqlName } from "./source-sql.ts";

export type ScalarType = ValueType | "timestamp";

export const DUCKDB_TYPE: Readonly<Record<ScalarType, string>> = {
  string: "VARCHAR",
  int64: "BIGINT",
  float64: "DOUBLE",
  boolean: "BOOLEAN",
  timestamp: "TIMESTAMP",
};

/** A value as a type. A time's offset counts, which `CAST(… AS TIMESTAMP)` would drop; without one it is UTC, as the session is. */
export function castSql(x: string, type: string): string {
  if (type !== "TIMESTAMP") return `CAST(${x} AS ${type})`;
  return `CAST((CAST(${x} AS TIMESTAMPTZ) AT TIME ZONE 'UTC') AS TIMESTAMP)`;
}

/** The instant of a text where it is a time, else NULL. */
export function timeOrNull(x: string): string {
  return `CASE WHEN ${looksLike("timestamp", x)} THEN ${castSql(x, "TIMESTAMP")} END`;
}

/** Rows at the start that propose a type; the whole data then confirms or refutes it. */
const PROPOSING_ROWS = 10_000;

const INFERRED_FLOAT = "[+-]?(nan|inf|infinity|((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)(e[+-]?[0-9]+)?)";
const DECLARED_FLOAT = "\\s*[+-]?(nan|inf|infinity|([0-9]+\\.?[0-9]*|\\.[0-9]+)(e[+-]?[0-9]+)?)\\s*";

/** SQL condition that a non-null text `x` is a value of this type by its looks alone. */
function looksLike(type: ScalarType, x: string): string {
  switch (type) {
    case "string":
      return "true";
    case "boolean":
      return `lower(${x}) IN ('true', 'false')`;
    case "int64":
      return `CAST(TRY_CAST(${x} AS BIGINT) AS VARCHAR) IS NOT DISTINCT FROM ${x}`;
    case "float64":
      // Sixteen digits and more without a point are an identifier; a double would merge neighbours.
      return `(regexp_full_match(${x}, '${INFERRED_FLOAT}', 'i') AND NOT regexp_full_match(${x}, '[+-]?[0-9]{16,}'))`;
    case "timestamp":
      return `(TRY_CAST(${x} AS TIMESTAMP) IS NOT NULL AND regexp_matches(${x}, '^[0-9]{4}-[0-9]'))`;
  }
}

/** SQL condition that a non-null text `x` can be read as a declared type. */
export function fitsDeclared(type: ScalarType, x: string): string {
  switch (type) {
    case "int64":
      return `(TRY_CAST(${x} AS BIGINT) IS NOT NULL AND regexp_full_match(${x}, '\\s*[+-]?[0-9]+\\s*'))`;
    case "float64":
      return `regexp_full_match(${x}, '${DECLARED_FLOAT}', 'i')`;
    case "boolean":
      return `TRY_CAST(${x} AS BOOLEAN) IS NOT NULL`;
    default:
      return looksLike(type, x);
  }
}

/** What text may turn out to be. */
export const TEXT_CANDIDATES: readonly ScalarType[] = ["boolean", "int64", "float64", "timestamp"];

export interface TextColumnTypes {
  readonly rows: number;
  readonly types: ReadonlyMap<string, ScalarType>;
  /** Declared columns whose values do not all fit, with the number of those that do not. */
  readonly misfits: ReadonlyMap<string, number>;
  readonly nullOnly: readonly string[];
}

/**
 * Types of columns of text.
 *
 * @param table SQL table expression whose columns `names` are all VARCHAR
 * @param declared types that are not up for choice; their values are only checked
 * @param candidatesOf types that come into question for a column, narrowest first
 */
export async function inferColumnTypes(
  connection: DuckDBConnection,
  table: string,
  names: readonly string[],
  declared: ReadonlyMap<string, ScalarType>,
  candidatesOf: (name: string) => readonly ScalarType[] = () => TEXT_CANDIDATES,
): Promise<TextColumnTypes> {
  const open = names.filter((name) => !declared.has(name));
  const sample = `(SELECT * FROM ${table} LIMIT ${PROPOSING_ROWS})`;
  const head = await countMisfits(
    connection,
    sample,
    [],
    new Map(open.map((name) => [name, candidatesOf(name)])),
  );
  const asked = new Map<string, readonly ScalarType[]>();
  for (const name of open) {
    const proposed = firstFitting(head, name, candidatesOf(name));
    // No value in the sample says nothing: ask for everything.
    if (head.counts.get(name) === 0n) asked.set(name, candidatesOf(name));
    else asked.set(name, proposed === undefined ? [] : [proposed]);
  }
  const whole = await countMisfits(connection, table, names, asked, declared);
  const types = new Map<string, ScalarType>(names.map((name) => [name, declared.get(name) ?? "string"]));
  const refuted = new Map<string, readonly ScalarType[]>();
  for (const [name, candidates] of asked) {
    if (whole.counts.get(name) === 0n) continue;
    const type = firstFitting(whole, name, candidates);
    if (type !== undefined) types.set(name, type);
    else if (candidates.length === 1) refuted.set(name, candidatesOf(name));
  }
  if (refuted.size > 0) {
    const again = await countMisfits(connection, table, [], refuted);
    for (const [name, candidates] of refuted)
      types.set(name, firstFitting(again, name, candidates) ?? "string");
  }
  const misfits = new Map<string, number>();
  for (const column of declared.keys()) {
    const count = Number(whole.misfits.get(`${column}\0declared`) ?? 0n);
    if (count > 0) misfits.set(column, count);
  }
  return {
    rows: Number(whole.rows),
    types,
    misfits,
    nullOnly: names.filter((name) => whole.counts.get(name) === 0n),
  };
}

function firstFitting(
  found: Misfits,
  name: string,
  candidates: readonly ScalarType[],
): ScalarType | undefined {
  return candidates.find((type) => found.misfits.get(`${name}\0${type}`) === 0n);
}

interface Misfits {
  readonly rows: bigint;
  /** Non-null values by column. */
  readonly counts: ReadonlyMap<string, bigint>;
  /** Values that do not fit, by `column\0type`. */
  readonly misfits: ReadonlyMap<string, bigint>;
}

async function countMisfits(
  connection: DuckDBConnection,
  table: string,
  counted: readonly string[],
  asked: ReadonlyMap<string, readonly ScalarType[]>,
  declared: ReadonlyMap<string, ScalarType> = new Map(),
): Promise<Misfits> {
  const terms = ["count(*)"];
  const keys = ["rows"];
  const add = (key: string, term: string): void => {
    keys.push(key);
    terms.push(term);
  };
  for (const name of new Set([...counted, ...asked.keys()]))
    add(`\0count\0${name}`, `count(${sqlName(name)})`);
  for (const [name, types] of asked) {
    for (const type of types)
      add(
        `${name}\0${type}`,
        misfitCount(name, (x) => looksLike(type, x)),
      );
  }
  for (const [name, type] of declared) {
    if (type !== "string")
      add(
        `${name}\0declared`,
        misfitCount(name, (x) => fitsDeclared(type, x)),
      );
  }
  const found = await queryAggregates(connection, terms, table);
  const values = new Map(keys.map((key, k) => [key, found[k] as bigint]));
  const counts = new Map<string, bigint>();
  for (const [key, value] of values) if (key.startsWith("\0count\0")) counts.set(key.slice(7), value);
  return { rows: values.get("rows") ?? 0n, counts, misfits: values };
}

function misfitCount(name: string, condition: (x: string) => string): string {
  const x = sqlName(name);
  return `count(*) FILTER (${x} IS NOT NULL AND NOT ${condition(x)})`;
}

/** The column as others see it, from a DuckDB type. */
export function rawColumn(name: string, type: string): RawColumn {
  return { name, type, valueType: valueTypeOf(type) };
}

function valueTypeOf(type: string): RawColumn["valueType"] {
  if (type.endsWith("]")) return "list";
  if (/^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/.test(type)) return "int64";
  if (/^(FLOAT|DOUBLE|DECIMAL)/.test(type)) return "float64";
  if (/^(DATE|TIMESTAMP)/.test(type)) return "timestamp";
  return type === "BOOLEAN" ? "boolean" : "string";
}
