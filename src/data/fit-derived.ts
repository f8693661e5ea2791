/** From definitions of derived columns in a config to ones with types, units and tables, by the training data. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError } from "../core/index.ts";
import {
  canonical,
  type DerivedColumn,
  type DerivedInput,
  type DerivedList,
  type LookupColumn,
  lookupKey,
  type RawScalar,
  type TimestampUnit,
} from "../schema/index.ts";
import { addDerivedColumn, type DeriveOptions } from "./derive-columns.ts";
import { type DerivedConfig, durationSeconds, offsetSeconds, timeColumn } from "./derived-config.ts";
import { keyCast } from "./raw-key.ts";
import { rawList } from "./raw-list.ts";
import { openSource } from "./source.ts";
import type { ScalarType } from "./source-column-type.ts";
import { sourceSpecOf } from "./source-config.ts";
import { requireColumn, scalarTypes, valueTypes } from "./source-columns.ts";
import { clip } from "./source-scan.ts";
import type { RawSource } from "./source-spec.ts";
import { queryRows, sqlName } from "./source-sql.ts";
import { guessTimeUnit } from "./time-unit.ts";

export interface DerivedSource {
  readonly source: RawSource;
  readonly derived: readonly DerivedColumn[];
}

export interface FitDerivedOptions extends DeriveOptions {
  readonly timestamp: string | undefined;
  readonly timestampUnit: TimestampUnit | undefined;
  /** Folder of copies of remote files. */
  readonly cacheDir?: string;
}

/** Settles the definitions one after another, each on the source with those before it. */
export async function fitDerived(
  connection: DuckDBConnection,
  source: RawSource,
  definitions: readonly DerivedConfig[],
  options: FitDerivedOptions,
): Promise<DerivedSource> {
  let made = source;
  const derived: DerivedColumn[] = [];
  for (const definition of definitions) {
    const column = await settle(connection, made, definition, options);
    made = await addDerivedColumn(connection, made, column, options);
    derived.push(column);
  }
  return { source: made, derived };
}

async function settle(
  connection: DuckDBConnection,
  source: RawSource,
  definition: DerivedConfig,
  options: FitDerivedOptions,
): Promise<DerivedColumn> {
  const { name } = definition;
  const user = `derived ${name}`;
  const inputs = async (columns: readonly string[]): Promise<DerivedInput[]> => {
    const types = await valueTypes(connection, source, columns, user);
    return columns.map((column) => ({ column, valueType: types.get(column)! }));
  };
  switch (definition.kind) {
    case "cross":
      return { kind: "cross", name, inputs: await inputs(definition.columns) };
    case "lookup": {
      const types = await scalarTypes(connection, source, [definition.column], user);
      return lookupColumn(connection, definition, types.get(definition.column)!, options);
    }
    case "expression":
      return { kind: "expression", name, expression: definition.expression };
    case "ratio": {
      const { numerator, denominator } = definition;
      return { kind: "ratio", name, numerator, denominator };
    }
    case "time": {
      const column = timeColumn(definition, options.timestamp);
      const unit = definition.unit ?? (await unitOf(connection, source, column, user, options));
      const { part, offset } = definition;
      return { kind: "time", name, column, part, unit, offsetSeconds: offsetSeconds(offset) };
    }
    case "tokens": {
      const { column, characters, lowerCase } = definition;
      const words = definition.words ?? (characters === undefined ? ([1, 1] as const) : undefined);
      return { kind: "tokens", name, column, words, characters, lowerCase };
    }
    case "overlap": {
      const { columns, separator, measure } = definition;
      const [first, second] = columns.map((column) => ({ column, separator }));
      return { kind: "overlap", name, lists: [first, second], measure };
    }
    case "similarity": {
      const { columns, separator, measure } = definition;
      const [first, second] = columns.map((column) => vectorColumn(source, column, separator, user));
      return { kind: "similarity", name, vectors: [first, second], measure };
    }
    case "text_id": {
      const { columns, characters, lowerCase, bits, seed } = definition;
      const words = definition.words ?? (characters === undefined ? ([1, 1] as const) : undefined);
      return { kind: "text_id", name, columns: [columns].flat(), words, characters, lowerCase, bits, seed };
    }
    case "vector_id": {
      const { column, separator, bits, seed } = definition;
      return { kind: "vector_id", name, vector: vectorColumn(source, column, separator, user), bits, seed };
    }
    case "prefix": {
      const { column, separator, depth } = definition;
      return { kind: "prefix", name, column, separator, depth };
    }
    case "count": {
      const timestamp = timeColumn(definition, options.timestamp);
      return {
        kind: "count",
        name,
        by: await inputs([definition.by].flat()),
        timestamp,
        unit: await unitOf(connection, source, timestamp, user, options),
        windowSeconds: definition.window === undefined ? undefined : durationSeconds(definition.window),
        delaySeconds: durationSeconds(definition.delay),
        sum: definition.sum,
      };
    }
  }
}

/** @throws ConfigError for a column that is not there, and for text that nothing says how to cut */
function vectorColumn(
  source: RawSource,
  column: string,
  separator: string | undefined,
  user: string,
): DerivedList {
  rawList(sqlName(column), requireColumn(source, column, user).type, column, separator);
  return { column, separator };
}

async function unitOf(
  connection: DuckDBConnection,
  source: RawSource,
  column: string,
  user: string,
  { timestamp, timestampUnit }: FitDerivedOptions,
): Promise<TimestampUnit> {
  if (column === timestamp && timestampUnit !== undefined) return timestampUnit;
  const { type } = requireColumn(source, column, user);
  return guessTimeUnit(connection, source.sql, column, type);
}

/** Most entries of a table: it stands in the feature map, which servers and browsers load. */
const LARGEST_TABLE = 1_000_000;

async function lookupColumn(
  connection: DuckDBConnection,
  definition: Extract<DerivedConfig, { kind: "lookup" }>,
  type: ScalarType,
  options: FitDerivedOptions,
): Promise<LookupColumn> {
  const { name, column, values, default: fallback } = definition;
  const input = { column, valueType: type === "timestamp" ? ("string" as const) : type };
  const { table, instants } =
    values === undefined
      ? await tableOfFile(connection, definition, { input, instants: type === "timestamp" }, options)
      : tableOfValues(name, values, { input, instants: type === "timestamp" });
  if (fallback !== undefined && table.some(([, value]) => typeof value !== typeof fallback)) {
    throw new ConfigError(
      `config derived: ${name}: the default ${JSON.stringify(fallback)} is of another sort than the table's values`,
      { details: { key: "derived", received: fallback }, hint: "all are numbers, or all are texts" },
    );
  }
  return { kind: "lookup", name, input, ...(instants && { instants }), table, fallback };
}

type TableEntry = readonly [string, string | number];

/** How values are compared. */
type Compared = Pick<LookupColumn, "input"> & { readonly instants: boolean };

interface LookupTable {
  readonly table: readonly TableEntry[];
  readonly instants: boolean;
}

function tableOfValues(
  name: string,
  values: { readonly [value: string]: string | number },
  compared: Compared,
): LookupTable {
  const { instants, input } = compared;
  const known = new Map<string | number, TableEntry>();
  for (const [raw, value] of Object.entries(values)) {
    const key = lookupKey(raw, compared) ?? "";
    if (known.has(key)) {
      throw new ConfigError(`config derived: ${name}: the value ${raw} stands in the table twice`, {
        details: { key: "derived", received: raw },
        hint: `values are compared as ${instants ? "times" : input.valueType}`,
      });
    }
    known.set(key, [canonicalText(raw, compared) ?? "", value]);
  }
  return { table: [...known.values()], instants };
}

function canonicalText(value: RawScalar, { input }: Compared): string | undefined {
  return canonical(value, { valueType: input.valueType, trim: false });
}

async function tableOfFile(
  connection: DuckDBConnection,
  { name, file, column, key = column, value = name }: Extract<DerivedConfig, { kind: "lookup" }>,
  { input, instants: times }: Compared,
  { cacheDir }: FitDerivedOptions,
): Promise<LookupTable> {
  const user = `derived ${name}`;
  const source = await openSource(connection, sourceSpecOf(file!, {}), { wanted: [key, value], cacheDir });
  try {
    const keys = keyCast(requireColumn(source, key, user).type, key);
    const keyType = (await scalarTypes(connection, source, [key], user)).get(key);
    // As in joins: beside times a text is one, however it is written.
    const instants = times || (keyType === "timestamp" && input.valueType === "string");
    const values = keyCast(requireColumn(source, value, user).type, value);
    if (source.rows > LARGEST_TABLE) {
      throw new DataError(`${source.files[0]} has ${source.rows} rows, a lookup at most ${LARGEST_TABLE}`, {
        details: { file: source.files[0], expected: LARGEST_TABLE, received: source.rows },
        hint: "join the file instead: data.joins",
      });
    }
    // A whole double is the number that JavaScript has; so is an integer up to 2^53.
    const number = values.type === "BIGINT" || values.type === "DOUBLE";
    const selected = number
      ? `CAST(${values.sql(sqlName(value))} AS DOUBLE)`
      : `CAST(${values.sql(sqlName(value))} AS VARCHAR)`;
    const rows = await queryRows(
      connection,
      `SELECT ${keys.sql(sqlName(key))} AS k, ${selected} AS v FROM ${source.sql}`,
    );
    const known = new Map<string | number, TableEntry>();
    const first = new Map<string | number, number>();
    for (const [row, { k, v }] of rows.entries()) {
      const text = canonicalText(k as RawScalar, { input, instants });
      if (text === undefined || v === null || (number && !Number.isFinite(v))) continue;
      const same = lookupKey(text, { input, instants })!;
      if (known.has(same)) throw await twice(source, key, text, first.get(same)!, row);
      known.set(same, [text, v as string | number]);
      first.set(same, row);
    }
    return { table: [...known.values()], instants };
  } finally {
    await source.close();
  }
}

async function twice(
  source: RawSource,
  column: string,
  key: string,
  first: number,
  second: number,
): Promise<DataError> {
  const [before, { file, row }] = await source.locate([first, second]);
  const shown = JSON.stringify(clip(key));
  return new DataError(
    `${file}: row ${row}, column ${column}: ${shown} stands in row ${before.row} already`,
    {
      details: { file, row, column, expected: "each value once", received: key },
      hint: "a lookup table has one row a value",
    },
  );
}
