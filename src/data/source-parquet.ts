/**
 * Parquet files as one table. The file's own types decide; those that the platform does not know are
 * read as the nearest that loses nothing: unsigned and 128-bit integers as 64-bit ones when every value
 * fits and as text otherwise, decimals as doubles, times of any kind as timestamps (UTC), nested
 * values as JSON text. All pages are decoded once, so that a damaged file is found here. Parquet files
 * seldom carry check sums: a flipped bit inside a page of values may go unseen.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, MillraceError, nearestName } from "../core/index.ts";
import { DUCKDB_TYPE, fitsDeclared, rawColumn } from "./source-column-type.ts";
import { readerError } from "./source-defect.ts";
import { literalPath } from "./source-files.ts";
import { type PartitionColumn, partitionColumns, partitionSql } from "./source-hive.ts";
import { checkNames } from "./source-names.ts";
import { clip } from "./source-scan.ts";
import type { RawColumn, RawSource, RowPlace, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, queryRows, sqlName, sqlText } from "./source-sql.ts";

interface ParquetColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * Opens Parquet files.
 *
 * @param held the columns that are there, when the files are copies with holes; absent: all
 * @throws DataError, ConfigError as `openSource`
 */
export async function openParquet(
  connection: DuckDBConnection,
  files: readonly string[],
  spec: SourceSpec,
  held?: readonly string[],
): Promise<RawSource> {
  try {
    return await openChecked(connection, files, spec, held);
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : readerError(files, cause);
  }
}

async function openChecked(
  connection: DuckDBConnection,
  files: readonly string[],
  spec: SourceSpec,
  held: readonly string[] | undefined,
): Promise<RawSource> {
  const notes: SourceNote[] = [];
  const partitions = spec.hivePartitioning ? partitionColumns(files) : [];
  let stored: readonly ParquetColumn[] | undefined;
  const counts: number[] = [];
  let rows = 0;
  for (const file of files) {
    const all = await describe(connection, file);
    const columns = held === undefined ? all : all.filter(({ name }) => held.includes(name));
    if (stored === undefined) stored = columns;
    else checkSameColumns(file, columns, files[0], stored);
    const count = await decodeAll(connection, file, columns);
    counts.push(count);
    rows += count;
  }
  if (stored === undefined || rows === 0) {
    throw new DataError(`${files[0]} has columns and no rows`, {
      details: { file: files[0], expected: "at least one row", received: `${stored?.length ?? 0} columns` },
    });
  }
  if (partitions.length > 0) stored = withPartitions(files[0], stored, partitions, notes);
  checkNames(
    files[0],
    stored.map(({ name }) => name),
    [],
  );
  const table = parquetTable(files, partitions, stored);
  const columns: RawColumn[] = [];
  const selected: string[] = [];
  const types = new Map(Object.entries(spec.types ?? {}));
  for (const column of stored) {
    const declared = types.get(column.name);
    const read =
      declared === undefined
        ? await readAs(connection, table, column, notes)
        : await readDeclared(connection, table, files, column, declared);
    columns.push(rawColumn(column.name, read.type));
    selected.push(`${read.sql} AS ${sqlName(column.name)}`);
  }
  for (const name of types.keys()) {
    if (stored.some((column) => column.name === name)) continue;
    const names = stored.map((column) => column.name);
    const near = nearestName(name, names);
    throw new ConfigError(`types: ${files[0]} has no column ${name}`, {
      details: { file: files[0], column: name, expected: names },
      hint: near === undefined ? `columns are ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return {
    format: "parquet",
    files,
    columns,
    rows,
    notes,
    sql: `(SELECT ${selected.join(", ")} FROM ${table})`,
    locate: async (wanted) => wanted.map((row) => placeInFiles(files, counts, row)),
    close: async () => {},
  };
}

function placeInFiles(files: readonly string[], counts: readonly number[], row: number): RowPlace {
  let left = row;
  for (const [k, count] of counts.entries()) {
    if (left < count) return { file: files[k], row: left + 1 };
    left -= count;
  }
  return { file: files[files.length - 1], row: left + 1 };
}

/** Without being asked, directory names such as day=3 must not become columns that other readers do not see. */
function parquetTable(
  files: readonly string[],
  partitions: readonly PartitionColumn[] = [],
  columns: readonly ParquetColumn[] = [],
): string {
  const paths = files.map((file) => sqlText(literalPath(file))).join(", ");
  const table = `read_parquet([${paths}], binary_as_string = true, hive_partitioning = false)`;
  if (partitions.length === 0) return table;
  const own = columns.filter(({ name }) => !partitions.some((partition) => partition.name === name));
  const selected = [...own.map(({ name }) => sqlName(name)), ...partitions.map(partitionSql)];
  return `(SELECT ${selected.join(", ")} FROM ${table})`;
}

/** The files' columns and those of their folders, which win. */
function withPartitions(
  file: string,
  stored: readonly ParquetColumn[],
  partitions: readonly PartitionColumn[],
  notes: SourceNote[],
): ParquetColumn[] {
  const inFolders = (name: string): boolean => partitions.some((column) => column.name === name);
  for (const { name } of stored) {
    if (name.toLowerCase() === "file_index") {
      throw new DataError(`${file}: a column of partitioned files cannot be called ${name}`, {
        details: { file, column: name, expected: "another name", received: name },
        hint: "the reader keeps this name for itself there; rename the column in the files",
      });
    }
    if (!inFolders(name)) continue;
    const text = `column ${name} is taken from the folders' names, not from the files`;
    notes.push({ kind: "partition-column", column: name, count: 1, text });
  }
  return [...stored.filter(({ name }) => !inFolders(name)), ...partitions];
}

async function describe(connection: DuckDBConnection, file: string): Promise<ParquetColumn[]> {
  try {
    // DuckDB renames columns that differ by case alone; the file's own names stand in its schema.
    const described = await queryRows(connection, `DESCRIBE SELECT * FROM ${parquetTable([file])}`);
    const top = await topLevelNames(connection, file);
    if (top.length === described.length) checkNames(file, top, []);
    return described.map((row) => ({ name: String(row.column_name), type: String(row.column_type) }));
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : readerError([file], cause);
  }
}

/** Names of the root's children, in order. */
async function topLevelNames(connection: DuckDBConnection, file: string): Promise<string[]> {
  const schema = await queryRows(
    connection,
    `SELECT name, num_children FROM parquet_schema(${sqlText(literalPath(file))})`,
  );
  const names: string[] = [];
  let skip = 0;
  for (const [k, { name, num_children }] of schema.entries()) {
    if (k === 0) continue;
    if (skip > 0) skip += Number(num_children ?? 0) - 1;
    else {
      names.push(String(name));
      skip = Number(num_children ?? 0);
    }
  }
  return names;
}

/** Decodes every value and counts the rows. */
async function decodeAll(
  connection: DuckDBConnection,
  file: string,
  columns: readonly ParquetColumn[],
): Promise<number> {
  try {
    const hashes = columns.map(({ name }, k) => `bit_xor(hash(${sqlName(name)})) AS h${k}`);
    const row = await queryRow(
      connection,
      `SELECT ${["count(*) AS rows", ...hashes].join(", ")} FROM ${parquetTable([file])}`,
    );
    return Number(row.rows);
  } catch (cause) {
    throw readerError([file], cause);
  }
}

function checkSameColumns(
  file: string,
  columns: readonly ParquetColumn[],
  first: string,
  expected: readonly ParquetColumn[],
): void {
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]));
  const fail = (what: string, column: string, want: string, got: string): never => {
    throw new DataError(`${file}: ${what}`, {
      details: { file, column, expected: want, received: got },
      hint: "files of one source have the same columns with the same types; name the others apart",
    });
  };
  for (const { name, type } of expected) {
    const got = typeOf.get(name);
    if (got === undefined) fail(`column ${name} of ${first} is missing`, name, type, "no such column");
    else if (got !== type) fail(`column ${name} is ${got}, in ${first} it is ${type}`, name, type, got);
  }
  const extra = columns.find(({ name }) => !expected.some((column) => column.name === name));
  if (extra !== undefined)
    fail(`column ${extra.name} is not in ${first}`, extra.name, "no such column", extra.type);
}

interface ReadColumn {
  readonly type: string;
  readonly sql: string;
}

async function readAs(
  connection: DuckDBConnection,
  table: string,
  { name, type }: ParquetColumn,
  notes: SourceNote[],
): Promise<ReadColumn> {
  const x = sqlName(name);
  if (/^(UBIGINT|HUGEINT|UHUGEINT)$/.test(type)) {
    const row = await queryRow(
      connection,
      `SELECT count(*) AS bad FROM ${table} WHERE ${x} IS NOT NULL AND TRY_CAST(${x} AS BIGINT) IS NULL`,
    );
    const target = row.bad === 0n ? "BIGINT" : "VARCHAR";
    return { type: target, sql: `CAST(${x} AS ${target})` };
  }
  if (/^(DATE|TIMESTAMP)[^[]*$/.test(type)) {
    const utc = type === "TIMESTAMP WITH TIME ZONE" ? `(${x} AT TIME ZONE 'UTC')` : x;
    return { type: "TIMESTAMP", sql: `CAST(${utc} AS TIMESTAMP)` };
  }
  if (type.startsWith("DECIMAL") && !type.endsWith("]"))
    return { type: "DOUBLE", sql: `CAST(${x} AS DOUBLE)` };
  const element = /^(.*)\[\d*\]$/.exec(type)?.[1];
  if (element !== undefined) return readList(x, element, type);
  if (/^(STRUCT|MAP|UNION)/.test(type)) {
    notes.push({
      kind: "nested",
      column: name,
      count: 1,
      text: `column ${name} (${type}) is kept as JSON text`,
    });
    return { type: "VARCHAR", sql: `CAST(to_json(${x}) AS VARCHAR)` };
  }
  const known =
    /^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER|FLOAT|DOUBLE|BOOLEAN|VARCHAR)$/;
  return known.test(type) ? { type, sql: x } : { type: "VARCHAR", sql: `CAST(${x} AS VARCHAR)` };
}

function readList(x: string, element: string, type: string): ReadColumn {
  if (
    /^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER|FLOAT|DOUBLE|BOOLEAN|VARCHAR)$/.test(
      element,
    )
  ) {
    return { type: `${element}[]`, sql: type.endsWith("[]") ? x : `CAST(${x} AS ${element}[])` };
  }
  if (element.startsWith("DECIMAL")) return { type: "DOUBLE[]", sql: `CAST(${x} AS DOUBLE[])` };
  if (/^(DATE|TIMESTAMP)[^[]*$/.test(element))
    return { type: "TIMESTAMP[]", sql: `CAST(${x} AS TIMESTAMP[])` };
  return { type: "VARCHAR[]", sql: `CAST(${x} AS VARCHAR[])` };
}

async function readDeclared(
  connection: DuckDBConnection,
  table: string,
  files: readonly string[],
  { name, type }: ParquetColumn,
  declared: NonNullable<SourceSpec["types"]>[string],
): Promise<ReadColumn> {
  const text = `CAST(${sqlName(name)} AS VARCHAR)`;
  const target = DUCKDB_TYPE[declared];
  if (declared === "string") return { type: target, sql: text };
  // A double prints whole numbers as 3.0: as an integer it is 3.
  const plain = /^(FLOAT|DOUBLE|DECIMAL)/.test(type) ? `regexp_replace(${text}, '\\.0+$', '')` : text;
  const [bad] = await queryRows(
    connection,
    `SELECT value, count(*) OVER () AS count FROM (SELECT ${plain} AS value FROM ${table})
     WHERE value IS NOT NULL AND NOT ${fitsDeclared(declared, "value")} LIMIT 1`,
  );
  if (bad !== undefined) {
    const value = clip(String(bad.value));
    throw new DataError(`${files[0]}: column ${name}: ${JSON.stringify(value)} is no ${declared}`, {
      details: {
        file: files[0],
        column: name,
        expected: declared,
        received: value,
        count: Number(bad.count),
      },
      hint: `${bad.count} such values; declare the column as string or leave its own type ${type}`,
    });
  }
  return { type: target, sql: `CAST(${plain} AS ${target})` };
}
