/**
 * JSON lines as one table: one object a line, its keys the columns; a key that a line does not have is a
 * missing value there. Types come from the whole data, and a value is never bent to fit one: numbers
 * beside texts make a column of text, integers beyond 64 bits stay text.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, MillraceError, nearestName } from "../core/index.ts";
import { castSql, DUCKDB_TYPE, inferColumnTypes, rawColumn, type ScalarType } from "./source-column-type.ts";
import { placesOf } from "./source-defect.ts";
import { literalPath } from "./source-files.ts";
import { refuseForeign, readHead } from "./source-format.ts";
import { checkNames } from "./source-names.ts";
import { jsonError, jsonLines, jsonMisfit } from "./source-json-defect.ts";
import { scanText } from "./source-scan.ts";
import type { RawColumn, RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, sqlName, sqlText, sqlTextList } from "./source-sql.ts";

/** What DuckDB's `json_group_structure` says of a value: a type name, a list of one, or an object. */
type Structure = string | readonly Structure[] | { readonly [key: string]: Structure };

/** Longest line, in bytes. */
const MAX_OBJECT_BYTES = 16 << 20;

/** Opens JSON lines files. @throws DataError, ConfigError as `openSource` */
export async function openJsonLines(
  connection: DuckDBConnection,
  files: readonly string[],
  spec: SourceSpec,
): Promise<RawSource> {
  if (spec.encoding === "latin-1") {
    throw new ConfigError("encoding: JSON lines are UTF-8", { details: { files } });
  }
  const notes: SourceNote[] = [];
  let lines = 0;
  for (const file of files) {
    refuseForeign(file, readHead(file).bytes);
    const scan = await scanText(file, { encoding: "utf-8" });
    const blank = scan.blankLines + scan.whiteLines;
    if (scan.lines === blank) {
      throw new DataError(`${file} is empty`, { details: { file, expected: "rows", received: "no text" } });
    }
    if (blank > 0) {
      notes.push({
        kind: "blank-lines",
        file,
        count: blank,
        text: `${file}: ${blank} blank lines are left out`,
      });
    }
    lines += scan.lines - blank;
  }
  try {
    return await openChecked(connection, files, spec, notes, lines);
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw await jsonError(files, cause);
  }
}

async function openChecked(
  connection: DuckDBConnection,
  files: readonly string[],
  spec: SourceSpec,
  notes: SourceNote[],
  lines: number,
): Promise<RawSource> {
  const structure = await readStructure(connection, files, notes);
  const names = checkNames(files[0], Object.keys(structure), []);
  for (const name of Object.keys(structure)) {
    if (!names.includes(name)) {
      throw new DataError(`${files[0]}: the key ${JSON.stringify(name)} is empty or has blanks around it`, {
        details: { file: files[0], column: name },
        hint: "give the key a plain name",
      });
    }
  }
  const declared = declaredTypes(files[0], names, spec);
  const isList = (name: string): boolean => Array.isArray(structure[name]) && !declared.has(name);
  const lists = names.filter(isList);
  const scalars = names.filter((name) => !isList(name));
  for (const name of scalars) {
    if (typeof structure[name] === "object") {
      const text = `column ${name} holds JSON objects; they are kept as JSON text`;
      notes.push({ kind: "nested", column: name, count: lines, text });
    }
  }
  const options = [
    "format = 'newline_delimited'",
    "records = 'true'",
    "ignore_errors = false",
    `maximum_object_size = ${MAX_OBJECT_BYTES}`,
    `columns = {${names.map((name) => `${sqlText(name)}: '${isList(name) ? "VARCHAR[]" : "VARCHAR"}'`).join(", ")}}`,
  ];
  const text = `read_json(${sqlTextList(files.map(literalPath))}, ${options.join(", ")})`;
  const found = await inferColumnTypes(connection, text, scalars, declared, (name) =>
    candidates(structure[name]),
  );
  if (found.rows !== lines) {
    throw new DataError(`${files.join(", ")}: ${lines} lines were read as ${found.rows} rows`, {
      details: { files, expected: lines, received: found.rows },
      hint: "JSON lines hold one object a line",
    });
  }
  for (const [column, count] of found.misfits) {
    throw await jsonMisfit(connection, files, text, column, declared.get(column)!, count);
  }
  for (const column of found.nullOnly) {
    notes.push({
      kind: "null-only",
      column,
      count: found.rows,
      text: `column ${column} has no value in any row`,
    });
  }
  const elementTypes = await listTypes(connection, text, lists, structure);
  const columns = names.map((name): RawColumn => {
    const element = elementTypes.get(name);
    return rawColumn(name, element === undefined ? DUCKDB_TYPE[found.types.get(name)!] : `${element}[]`);
  });
  const selected = columns.map(({ name, type }) => `${castSql(sqlName(name), type)} AS ${sqlName(name)}`);
  return {
    format: "jsonl",
    files,
    columns,
    rows: found.rows,
    notes,
    sql: `(SELECT ${selected.join(", ")} FROM ${text})`,
    locate: (rows) =>
      placesOf(files, rows, async function* (file) {
        for await (const { row } of jsonLines(file)) yield row;
      }),
    close: async () => {},
  };
}

/** Keys of all files with what their values are; keys that a whole file lacks are noted. */
async function readStructure(
  connection: DuckDBConnection,
  files: readonly string[],
  notes: SourceNote[],
): Promise<Record<string, Structure>> {
  const merged = new Map<string, Structure>();
  const keysOf = new Map<string, ReadonlySet<string>>();
  for (const file of files) {
    const objects = `read_json_objects(${sqlText(literalPath(file))}, format = 'newline_delimited', maximum_object_size = ${MAX_OBJECT_BYTES})`;
    const row = await queryRow(
      connection,
      `SELECT CAST(json_group_structure(json) AS VARCHAR) AS structure,
              count(*) FILTER (json_type(json) IS DISTINCT FROM 'OBJECT') AS others FROM ${objects}`,
    );
    if (row.others !== 0n) throw await jsonError([file], undefined);
    const structure = JSON.parse(String(row.structure)) as Record<string, Structure>;
    for (const [key, value] of Object.entries(structure)) {
      const before = merged.get(key);
      merged.set(key, before === undefined ? value : mergeStructure(before, value));
    }
    keysOf.set(file, new Set(Object.keys(structure)));
  }
  for (const [file, keys] of keysOf) {
    for (const key of merged.keys()) {
      if (keys.has(key)) continue;
      const near = nearestName(
        key,
        [...keys].filter((name) => files.some((other) => !keysOf.get(other)?.has(name))),
      );
      const text = `${file}: no line has the key ${key}, all its rows miss it${near === undefined ? "" : ` (it has ${near})`}`;
      notes.push({ kind: "key-absent", file, column: key, count: 1, text });
    }
  }
  // DuckDB gives keys in an order of its own that may differ from run to run.
  return Object.fromEntries(keyOrder(files[0], [...merged.keys()]).map((key) => [key, merged.get(key)!]));
}

/** Keys as they first appear in the head of a file, then the others by name. */
function keyOrder(file: string, keys: readonly string[]): string[] {
  const seen = new Set<string>();
  for (const line of readHead(file).bytes.toString("utf8").split("\n", 1000)) {
    try {
      for (const key of Object.keys(JSON.parse(line))) seen.add(key);
    } catch {
      // The head's last line is cut off; NaN is no JSON: their keys come by name.
    }
  }
  const known = new Set(keys);
  return [...[...seen].filter((key) => known.has(key)), ...keys.filter((key) => !seen.has(key)).sort()];
}

function mergeStructure(a: Structure, b: Structure): Structure {
  if (a === "NULL") return b;
  if (b === "NULL") return a;
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  if (Array.isArray(a) && Array.isArray(b)) return [mergeStructure(a[0], b[0])];
  if (isNumber(a) && isNumber(b)) return a === "DOUBLE" || b === "DOUBLE" ? "DOUBLE" : "HUGEINT";
  return "JSON";
}

/** Signed, unsigned, both (`HUGEINT`), or with a fraction or exponent. */
function isNumber(structure: Structure): boolean {
  return typeof structure === "string" && /^(U?BIGINT|HUGEINT|DOUBLE)$/.test(structure);
}

/** Scalar types that values of a JSON type may be read as, narrowest first. */
function candidates(structure: Structure): readonly ScalarType[] {
  if (isNumber(structure)) return ["int64", "float64"];
  if (structure === "BOOLEAN") return ["boolean"];
  return structure === "VARCHAR" ? ["timestamp"] : [];
}

/** DuckDB types of list elements: 64-bit integers or doubles when every element is one, else text. */
async function listTypes(
  connection: DuckDBConnection,
  table: string,
  lists: readonly string[],
  structure: Readonly<Record<string, Structure>>,
): Promise<Map<string, string>> {
  const types = new Map<string, string>();
  for (const name of lists) {
    const [element] = structure[name] as readonly Structure[];
    types.set(name, "VARCHAR");
    if (!isNumber(element)) continue;
    const whole = element !== "DOUBLE";
    const x = sqlName(name);
    const fits = whole ? "TRY_CAST(e AS BIGINT) IS NULL" : "regexp_full_match(e, '-?[0-9]{16,}')";
    const row = await queryRow(
      connection,
      `SELECT count(*) AS bad FROM ${table} WHERE len(list_filter(${x}, lambda e: e IS NOT NULL AND ${fits})) > 0`,
    );
    if (row.bad === 0n) types.set(name, whole ? "BIGINT" : "DOUBLE");
  }
  return types;
}

function declaredTypes(
  file: string,
  names: readonly string[],
  spec: SourceSpec,
): ReadonlyMap<string, ScalarType> {
  const declared = new Map<string, ScalarType>();
  for (const [name, type] of Object.entries(spec.types ?? {})) {
    if (!names.includes(name)) {
      const near = nearestName(name, names);
      throw new ConfigError(`types: ${file} has no column ${name}`, {
        details: { file, column: name, expected: names },
        hint: near === undefined ? `columns are ${names.join(", ")}` : `did you mean ${near}?`,
      });
    }
    declared.set(name, type);
  }
  return declared;
}
