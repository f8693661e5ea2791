/**
 * libsvm and libfm text: `label index:value index:value …`, one row a line, `#` starts a comment,
 * `qid:n` after the label names a query.
 *
 * Two tables can come of it. When every row has the same number of ids, all with value 1 and in field
 * order (no id of one field is as large as any id of the next), the ids are one-hot fields: columns
 * `label, f0, f1, …`. Otherwise `label, indices, values` with two lists of one length. The text is turned
 * into a temporary Parquet file, in bounded memory, which `close` removes.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, DataError, MillraceError } from "../core/index.ts";
import { removePath } from "../core/node/index.ts";
import { rawColumn } from "./source-column-type.ts";
import { placesOf, readerError } from "./source-defect.ts";
import { literalPath } from "./source-files.ts";
import { checkNames } from "./source-names.ts";
import { clip, readLineBlocks, scanText } from "./source-scan.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, sqlName, sqlText, sqlTextList } from "./source-sql.ts";

const NUMBER = "[+-]?(?:nan|inf|(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:e[+-]?[0-9]+)?)";
const LINE = `\\s*${NUMBER}(?:\\s+qid:[0-9]+)?(?:\\s+[0-9]{1,18}:${NUMBER})*\\s*(?:#.*)?`;

/** Opens libsvm or libfm files. @throws DataError, ConfigError as `openSource` */
export async function openLibsvm(
  connection: DuckDBConnection,
  files: readonly string[],
  format: "libsvm" | "libfm",
  spec: SourceSpec,
): Promise<RawSource> {
  const notes: SourceNote[] = [];
  let lines = 0;
  for (const file of files) {
    const scan = await scanText(file, { encoding: "utf-8" });
    const blank = scan.blankLines + scan.whiteLines;
    if (scan.lines === blank) {
      throw new DataError(`${file} is empty`, { details: { file, expected: "rows", received: "no text" } });
    }
    const odd = scan.firstMixedEnd ?? scan.firstLoneReturn;
    if (odd !== undefined) {
      throw new DataError(`${file}: line ${odd} ends differently from the lines before`, {
        details: { file, row: odd, expected: "one kind of line end" },
        hint: "write the file with LF line ends",
      });
    }
    if (blank > 0) {
      const text = `${file}: ${blank} blank lines are left out`;
      notes.push({ kind: "blank-lines", file, count: blank, text });
    }
    lines += scan.lines - blank;
  }
  const folder = mkdtempSync(join(tmpdir(), "millrace-source-"));
  try {
    return await convert(connection, files, format, spec, { folder, lines, notes });
  } catch (cause) {
    removePath(folder);
    throw cause instanceof MillraceError ? cause : readerError(files, cause);
  }
}

async function convert(
  connection: DuckDBConnection,
  files: readonly string[],
  format: "libsvm" | "libfm",
  spec: SourceSpec,
  { folder, lines, notes }: { folder: string; lines: number; notes: SourceNote[] },
): Promise<RawSource> {
  const raw = `read_csv(${sqlTextList(files.map(literalPath))}, auto_detect = false, delim = '', quote = '',
    escape = '', comment = '', header = false, columns = {'line': 'VARCHAR'}, strict_mode = true,
    ignore_errors = false, max_line_size = 16777216, buffer_size = 16777216)`;
  const kept = `(SELECT line FROM ${raw} WHERE line IS NOT NULL AND trim(line, ' \t') <> '')`;
  const check = await queryRow(
    connection,
    `SELECT count(*) AS rows, count(*) FILTER (NOT regexp_full_match(line, ${sqlText(LINE)}, 'i')) AS bad,
            count(*) FILTER (regexp_matches(line, '#|\\t|  |^ | $')) AS loose,
            count(*) FILTER (contains(line, ' qid:') OR contains(line, '\tqid:')) AS queries
     FROM ${kept}`,
  );
  if (check.bad !== 0n) throw await lineError(files, Number(check.bad));
  if (Number(check.rows) !== lines) {
    throw new DataError(`${files.join(", ")}: ${lines} lines were read as ${check.rows} rows`, {
      details: { files, expected: lines, received: Number(check.rows) },
    });
  }
  if (check.queries !== 0n && check.queries !== check.rows) {
    throw new DataError(`${files[0]}: ${check.queries} of ${check.rows} rows have a qid`, {
      details: { file: files[0], column: "qid", expected: "a qid in every row or in none" },
    });
  }
  const hasQuery = check.queries !== 0n;
  const line =
    check.loose === 0n ? "line" : "trim(regexp_replace(regexp_replace(line, '#.*', ''), '\\s+', ' ', 'g'))";
  const tokens = `(SELECT string_split(${line}, ' ') AS tokens FROM ${kept})`;
  const first = hasQuery ? 3 : 2;
  const entries = `tokens[${first}:]`;
  const part = (token: string, which: 1 | 2): string => `split_part(${token}, ':', ${which})`;
  const shape = await queryRow(
    connection,
    `SELECT min(len(${entries})) AS low, max(len(${entries})) AS high,
            bool_and(len(list_filter(${entries}, lambda e: ${part("e", 2)} <> '1')) = 0) AS ones FROM ${tokens}`,
  );
  const width = shape.low === shape.high && shape.ones === true ? Number(shape.low) : 0;
  const fields = Array.from(
    { length: width },
    (_, k) => `CAST(${part(`tokens[${first + k}]`, 1)} AS BIGINT)`,
  );
  const oneHot = width >= 2 && (await inFieldOrder(connection, tokens, fields));
  const names = columnNames(spec, oneHot ? width : 0, hasQuery);
  checkNames(files[0], names, []);
  const values = [
    "CAST(tokens[1] AS DOUBLE)",
    ...(hasQuery ? [`CAST(${part("tokens[2]", 2)} AS BIGINT)`] : []),
    ...(oneHot
      ? fields
      : [
          `list_transform(${entries}, lambda e: CAST(${part("e", 1)} AS BIGINT))`,
          `list_transform(${entries}, lambda e: CAST(${part("e", 2)} AS DOUBLE))`,
        ]),
  ];
  const types = [
    "DOUBLE",
    ...(hasQuery ? ["BIGINT"] : []),
    ...(oneHot ? fields.map(() => "BIGINT") : ["BIGINT[]", "DOUBLE[]"]),
  ];
  const target = join(folder, "rows.parquet");
  const selected = values.map((value, k) => `${value} AS ${sqlName(names[k])}`);
  await connection.run(
    `COPY (SELECT ${selected.join(", ")} FROM ${tokens}) TO ${sqlText(target)} (FORMAT parquet)`,
  );
  notes.push({
    kind: "libsvm-layout",
    count: lines,
    text: oneHot
      ? `every row has ${width} one-hot ids in field order; they are columns ${names[first - 1]} to ${names.at(-1)}`
      : "rows differ in their ids; they are the lists indices and values",
  });
  return {
    format,
    files,
    columns: names.map((name, k) => rawColumn(name, types[k])),
    rows: lines,
    notes,
    sql: `(SELECT * FROM read_parquet(${sqlText(literalPath(target))}, hive_partitioning = false))`,
    locate: (rows) =>
      placesOf(files, rows, async function* (file) {
        for await (const { row } of svmLines(file)) yield row;
      }),
    close: async () => removePath(folder),
  };
}

/** Whether the ids of each field all lie below those of the next. */
async function inFieldOrder(
  connection: DuckDBConnection,
  tokens: string,
  fields: readonly string[],
): Promise<boolean> {
  const bounds = fields.map((field, k) => `min(${field}) AS low${k}, max(${field}) AS high${k}`);
  const row = await queryRow(connection, `SELECT ${bounds.join(", ")} FROM ${tokens}`);
  return fields.every((_, k) => k === 0 || (row[`high${k - 1}`] as bigint) < (row[`low${k}`] as bigint));
}

/** `label`, `qid` when there is one, then fields or lists; `columns` of the spec names the fields. */
function columnNames(spec: SourceSpec, width: number, hasQuery: boolean): string[] {
  const lead = hasQuery ? ["label", "qid"] : ["label"];
  const own = width > 0 ? Array.from({ length: width }, (_, k) => `f${k}`) : ["indices", "values"];
  const given = spec.columns;
  if (given === undefined) return [...lead, ...own];
  if (given.length === own.length) return [...lead, ...given];
  if (given.length === lead.length + own.length) return [...given];
  throw new ConfigError(`columns: ${given.length} names are given for ${own.length} fields`, {
    details: { expected: own.length, received: given.length },
    hint: `without names they are called ${[...lead, ...own].join(", ")}`,
  });
}

/** Lines that are not blank. */
async function* svmLines(file: string): AsyncGenerator<{ row: number; text: string }> {
  for await (const { block, line } of readLineBlocks(file)) {
    let row = line;
    for (const text of block.toString("utf8").split("\n")) {
      if (text.trim() !== "") yield { row, text: text.replace(/\r$/, "") };
      row++;
    }
  }
}

async function lineError(files: readonly string[], count: number): Promise<DataError> {
  const well = new RegExp(`^(?:${LINE})$`, "i");
  for (const file of files) {
    for await (const { row, text } of svmLines(file)) {
      if (well.test(text)) continue;
      return new DataError(`${file}: line ${row} is not "label index:value …": ${clip(text)}`, {
        details: { file, row, expected: "label index:value …", received: clip(text), count },
        hint: `${count} such lines; indices are whole numbers, labels and values numbers`,
      });
    }
  }
  return new DataError(`${files.join(", ")}: ${count} lines are not "label index:value …"`, {
    details: { files, count },
  });
}
