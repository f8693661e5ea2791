/** Columns of a source: that they are there, and what their values are. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, nearestName } from "../core/index.ts";
import type { ValueType } from "../schema/index.ts";
import { keyCast } from "./raw-key.ts";
import { inferColumnTypes, type ScalarType } from "./source-column-type.ts";
import type { RawColumn, RawSource } from "./source-spec.ts";

/**
 * A column by its name.
 *
 * @param user what needs the column, for the message
 * @throws ConfigError when the source has no such column, with the nearest name
 */
export function requireColumn(
  { columns, files }: Pick<RawSource, "columns" | "files">,
  column: string,
  user: string,
): RawColumn {
  const found = columns.find(({ name }) => name === column);
  if (found !== undefined) return found;
  const names = columns.map(({ name }) => name);
  const near = nearestName(column, names);
  const [file] = files;
  const partition = file.split(/[\\/]/).some((folder) => folder.startsWith(`${column}=`));
  throw new ConfigError(`${file} has no column ${column}, which ${user} needs`, {
    details: { file, column, expected: column, received: names },
    hint: partition
      ? "set data.hive_partitioning: the column stands in the folders' names"
      : near === undefined
        ? `its columns are ${names.join(", ")}`
        : `did you mean ${near}?`,
  });
}

const VALUE_TYPES: Readonly<Record<string, ValueType>> = {
  VARCHAR: "string",
  BIGINT: "int64",
  DOUBLE: "float64",
  BOOLEAN: "boolean",
};

/**
 * Types of the values of columns with one value a row. Texts that nobody has looked at are looked at: one
 * pass over these columns, by the rules for columns of text. Times are texts.
 *
 * @throws ConfigError for columns that are not there, and for lists
 */
export async function valueTypes(
  connection: DuckDBConnection,
  source: RawSource,
  columns: readonly string[],
  user: string,
): Promise<Map<string, ValueType>> {
  const found = await scalarTypes(connection, source, columns, user);
  return new Map([...found].map(([name, type]) => [name, type === "timestamp" ? "string" : type]));
}

/** The same, times told from texts. @throws ConfigError as `valueTypes` */
export async function scalarTypes(
  connection: DuckDBConnection,
  source: RawSource,
  columns: readonly string[],
  user: string,
): Promise<Map<string, ScalarType>> {
  const types = new Map<string, ScalarType>();
  for (const column of columns) {
    const { type, valueType } = requireColumn(source, column, user);
    const key = VALUE_TYPES[keyCast(type, column).type];
    types.set(column, valueType === "timestamp" ? valueType : key);
  }
  const texts = source.untyped ? [...types.keys()].filter((name) => types.get(name) === "string") : [];
  if (texts.length === 0) return types;
  try {
    const found = await inferColumnTypes(connection, source.sql, texts, new Map());
    for (const [name, type] of found.types) types.set(name, type);
    return types;
  } catch (cause) {
    throw source.unchecked === undefined ? cause : await source.unchecked.explain(cause);
  }
}
