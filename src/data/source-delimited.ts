/**
 * CSV, TSV and other delimited text. The reader (DuckDB) is told everything: separator, quote, header,
 * names, types; it guesses nothing, pads nothing and skips nothing. Around it stand an own look at the
 * first lines (`source-dialect.ts`), an own scan of the bytes (`source-scan.ts`) and, when something is
 * wrong, an own exact pass that says where (`source-defect.ts`).
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, nearestName } from "../core/index.ts";
import {
  castSql,
  DUCKDB_TYPE,
  inferColumnTypes,
  rawColumn,
  type ScalarType,
  type TextColumnTypes,
} from "./source-column-type.ts";
import { type DelimitedPlace, delimitedError, locateRecords, misfitError } from "./source-defect.ts";
import { type Dialect, sniffDialect } from "./source-dialect.ts";
import { literalPath } from "./source-files.ts";
import { refuseForeign, readHead } from "./source-format.ts";
import { checkNames, typedNames } from "./source-names.ts";
import { scanText, type TextScan } from "./source-scan.ts";
import type { OpenOptions, RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { sqlName, sqlText, sqlTextList } from "./source-sql.ts";

/** Opens delimited files as one table. @throws DataError, ConfigError as `openSource` */
export async function openDelimited(
  connection: DuckDBConnection,
  files: readonly string[],
  format: "csv" | "tsv",
  spec: SourceSpec,
  { untyped = false }: OpenOptions = {},
): Promise<RawSource> {
  const encoding = spec.encoding ?? "utf-8";
  const notes: SourceNote[] = [];
  for (const file of files) refuseForeign(file, readHead(file).bytes);
  const dialect = sniffDialect(files[0], format, spec);
  const scans: TextScan[] = [];
  for (const file of files) {
    const scan = await scanText(file, { encoding, separator: dialect.separator });
    if (scan.lines === 0 || scan.lines === scan.blankLines) {
      throw new DataError(`${file} is empty`, { details: { file, expected: "rows", received: "no text" } });
    }
    scans.push(scan);
  }
  for (const file of files.slice(1)) checkSameDialect(file, files[0], dialect, format, spec);
  const { names, declared } = columnNames(files[0], dialect, spec, notes);
  const nullTexts = ["", ...(spec.nullText ?? [])];
  const read = (of: readonly string[], types: ReadonlyMap<string, ScalarType>): string =>
    readCsv(of, dialect, names, types, nullTexts, encoding);

  const allText = read(files, new Map());
  const place = { separator: dialect.separator, encoding, header: dialect.header, names };
  const checkCount = (rows: number): void =>
    checkRowCount(files, scans, dialect, names.length, rows, allText);
  let found: TextColumnTypes;
  try {
    const looked = untyped ? [] : names;
    if (untyped && [...declared.values()].every((type) => type === "string")) {
      const headers = dialect.header ? files.length : 0;
      const rows = scans.reduce((sum, { lines, blankLines }) => sum + lines - blankLines, 0) - headers;
      found = { rows, types: new Map(), misfits: new Map(), nullOnly: [] };
    } else {
      found = await inferColumnTypes(connection, allText, looked, declared);
    }
  } catch (cause) {
    throw await delimitedError(files, place, cause);
  }
  for (const [k, file] of files.entries()) {
    await checkScan(file, scans[k], place, notes);
  }
  if (!untyped) checkCount(found.rows);
  if (found.rows === 0) {
    throw new DataError(`${files[0]} has a header and no rows`, {
      details: { file: files[0], expected: "at least one row", received: `${names.length} column names` },
    });
  }
  for (const [column, count] of found.misfits) {
    throw await misfitError(connection, files, place, column, declared.get(column)!, count, (file) =>
      read([file], new Map()),
    );
  }
  for (const column of found.nullOnly) {
    notes.push({
      kind: "null-only",
      column,
      count: found.rows,
      text: `column ${column} has no value in any row`,
    });
  }
  const types = new Map(names.map((name) => [name, found.types.get(name) ?? declared.get(name) ?? "string"]));
  const columns = names.map((name) => rawColumn(name, DUCKDB_TYPE[types.get(name)!]));
  return {
    format,
    files,
    columns,
    rows: found.rows,
    notes,
    sql: read(files, types),
    locate: (rows) => locateRecords(files, place, rows),
    ...(untyped && {
      untyped,
      unchecked: { checkCount, explain: (cause: unknown) => delimitedError(files, place, cause) },
    }),
    close: async () => {},
  };
}

/** Names in file order, and the types that the spec or a typed header declares. */
function columnNames(
  file: string,
  dialect: Dialect,
  spec: SourceSpec,
  notes: SourceNote[],
): { names: readonly string[]; declared: ReadonlyMap<string, ScalarType> } {
  if (dialect.byteOrderMark) {
    notes.push({ kind: "byte-order-mark", file, count: 1, text: `${file}: a byte order mark is left out` });
  }
  if (
    spec.columns !== undefined &&
    dialect.names === undefined &&
    spec.columns.length !== dialect.fieldCount
  ) {
    throw countError(file, spec.columns.length, dialect.fieldCount);
  }
  let names = spec.columns ?? dialect.names;
  let declared = new Map<string, ScalarType>();
  if (names === undefined) {
    names = Array.from({ length: dialect.fieldCount }, (_, k) => `column${k}`);
    notes.push({
      kind: "no-header",
      file,
      count: 1,
      text: `${file} has no header line; columns are named column0 to column${names.length - 1}`,
    });
  } else if (spec.columns === undefined) {
    const typed = typedNames(names);
    if (typed !== undefined) {
      names = typed.names;
      declared = new Map(Object.entries(typed.types));
    }
  } else if (dialect.names !== undefined && dialect.names.length !== names.length) {
    throw countError(file, names.length, dialect.names.length);
  }
  const checked = checkNames(file, names, notes);
  for (const [name, type] of Object.entries(spec.types ?? {})) {
    if (!checked.includes(name)) {
      const near = nearestName(name, checked);
      throw new ConfigError(`types: ${file} has no column ${name}`, {
        details: { file, column: name, expected: checked },
        hint: near === undefined ? `columns are ${checked.join(", ")}` : `did you mean ${near}?`,
      });
    }
    declared.set(name, type);
  }
  for (const name of spec.textColumns ?? []) {
    if (checked.includes(name) && !declared.has(name)) declared.set(name, "string");
  }
  return { names: checked, declared };
}

function countError(file: string, declared: number, found: number): DataError {
  return new DataError(`${file}: ${declared} column names are declared, its lines have ${found} fields`, {
    details: { file, row: 1, expected: `${declared} fields`, received: `${found} fields` },
    hint: "compare the names with a line of the file; is the separator right?",
  });
}

function readCsv(
  files: readonly string[],
  dialect: Dialect,
  names: readonly string[],
  types: ReadonlyMap<string, ScalarType>,
  nullTexts: readonly string[],
  encoding: string,
): string {
  const columns = names.map((name) => {
    const type = types.get(name) ?? "string";
    // Truth values and times are cast outside, by the rules that they were checked with.
    const read = type === "int64" || type === "float64" ? DUCKDB_TYPE[type] : "VARCHAR";
    return `${sqlText(name)}: '${read}'`;
  });
  const options = [
    "auto_detect = false",
    `delim = ${sqlText(dialect.separator)}`,
    `quote = '"'`,
    `escape = '"'`,
    `header = ${dialect.header}`,
    "skip = 0",
    "comment = ''",
    `columns = {${columns.join(", ")}}`,
    `nullstr = ${sqlTextList(nullTexts)}`,
    `encoding = ${sqlText(encoding)}`,
    "strict_mode = true",
    "null_padding = false",
    "ignore_errors = false",
    "max_line_size = 16777216",
    // Several buffers even of a file of moderate size: threads read a buffer each.
    "buffer_size = 16777216",
  ];
  const selected = names.map((name) => {
    const type = types.get(name);
    return type === "boolean" || type === "timestamp"
      ? `${castSql(sqlName(name), DUCKDB_TYPE[type])} AS ${sqlName(name)}`
      : sqlName(name);
  });
  const from = `read_csv(${sqlTextList(files.map(literalPath))}, ${options.join(", ")})`;
  return `(SELECT ${selected.join(", ")} FROM ${from})`;
}

/** Later files must be written as the first: same separator, same header, same number of fields. */
function checkSameDialect(
  file: string,
  first: string,
  dialect: Dialect,
  format: "csv" | "tsv",
  spec: SourceSpec,
): void {
  const other = sniffDialect(file, format, { ...spec, separator: dialect.separator, header: dialect.header });
  const expected = dialect.names ?? [];
  const received = other.names ?? [];
  const differs = expected.findIndex((name, k) => name !== received[k]);
  if (other.fieldCount === dialect.fieldCount && differs < 0) return;
  const missing = expected.find((name) => !received.includes(name));
  const extra = received.find((name) => !expected.includes(name));
  const column = other.names === undefined ? undefined : (missing ?? extra);
  let what = `column ${differs + 1} named ${received[differs]}, expected ${expected[differs]} as in ${first}`;
  if (column !== undefined) {
    what =
      missing === undefined
        ? `a column ${column}, which ${first} does not have`
        : `no column ${column}, which ${first} has`;
  } else if (other.fieldCount !== dialect.fieldCount) {
    what = `${other.fieldCount} columns, expected ${dialect.fieldCount} as in ${first}`;
  }
  throw new DataError(`${file} has ${what}`, {
    details: {
      file,
      row: 1,
      ...(column !== undefined && { column }),
      expected: dialect.names ?? dialect.fieldCount,
      received: other.names ?? other.fieldCount,
    },
    hint: "files of one source have the same columns in the same order; name the others apart",
  });
}

/** What the reader lets pass and what it says too vaguely. */
async function checkScan(
  file: string,
  scan: TextScan,
  place: DelimitedPlace,
  notes: SourceNote[],
): Promise<void> {
  // The reader forgives one separator too many at the end of a line.
  const suspicious =
    (scan.separatorEnds > 0 && (scan.quotes || scan.mostSeparators >= place.names.length)) ||
    scan.firstMixedEnd !== undefined ||
    scan.firstLoneReturn !== undefined;
  if (suspicious) {
    const error = await delimitedError([file], place, undefined);
    if (error !== undefined) throw error;
  }
  if (scan.blankLines > 0 && place.names.length > 1) {
    const text = `${file}: ${scan.blankLines} blank lines are left out`;
    notes.push({ kind: "blank-lines", file, count: scan.blankLines, text });
  }
}

/** Where no quote can hide a line end, rows and lines must agree. */
function checkRowCount(
  files: readonly string[],
  scans: readonly TextScan[],
  dialect: Dialect,
  width: number,
  rows: number,
  table: string,
): void {
  if (scans.some((scan) => scan.quotes || scan.firstLoneReturn !== undefined)) return;
  const headers = dialect.header ? files.length : 0;
  const lines = scans.reduce((sum, scan) => sum + scan.lines - (width > 1 ? scan.blankLines : 0), 0);
  if (lines - headers === rows) return;
  throw new DataError(`${files.join(", ")}: ${lines - headers} lines of data were read as ${rows} rows`, {
    details: { files, expected: lines - headers, received: rows, table },
    hint: "the file is not plain delimited text; declare separator and header",
  });
}
