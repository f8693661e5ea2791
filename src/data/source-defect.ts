/** Where delimited text is broken: one exact pass over the files that names line and column. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError, MillraceError } from "../core/index.ts";
import { fitsDeclared, type ScalarType } from "./source-column-type.ts";
import { readRecords } from "./source-records.ts";
import { clip } from "./source-scan.ts";
import type { RowPlace } from "./source-spec.ts";
import { queryRows, sqlName } from "./source-sql.ts";

export interface DelimitedPlace {
  readonly separator: string;
  readonly encoding: "utf-8" | "latin-1";
  readonly header: boolean;
  readonly names: readonly string[];
}

/**
 * The first defect of the files as an error. With a `cause` (what the fast reader said) there is always
 * an error; without, undefined means that the files are well formed.
 */
export async function delimitedError(
  files: readonly string[],
  place: DelimitedPlace,
  cause: undefined,
): Promise<DataError | undefined>;
export async function delimitedError(
  files: readonly string[],
  place: DelimitedPlace,
  cause: unknown,
): Promise<MillraceError>;
export async function delimitedError(
  files: readonly string[],
  place: DelimitedPlace,
  cause: unknown,
): Promise<MillraceError | undefined> {
  if (cause instanceof MillraceError) return cause;
  for (const file of files) {
    const found = await firstDefect(file, place);
    if (found !== undefined) return found;
  }
  return cause === undefined ? undefined : readerError(files, cause);
}

async function firstDefect(file: string, place: DelimitedPlace): Promise<DataError | undefined> {
  const width = place.names.length;
  let firstEnding = "";
  for await (const { line, fields, ending, defect } of readRecords(file, {
    ...place,
    oneColumn: width === 1,
  })) {
    const shown = clip(fields.join(place.separator));
    if (defect === "unterminated-quote") {
      return new DataError(`${file}: a quote opened on line ${line} is never closed`, {
        details: {
          file,
          row: line,
          column: columnAt(place, fields.length),
          expected: 'a closing "',
          received: shown,
        },
        hint: 'a quote inside a quoted field is written twice (""); without quoting, declare another format',
      });
    }
    if (defect === "text-after-quote") {
      return new DataError(`${file}: line ${line} has text after a closing quote`, {
        details: {
          file,
          row: line,
          expected: `${JSON.stringify(place.separator)} or a line end`,
          received: shown,
        },
        hint: 'a quote inside a quoted field is written twice ("")',
      });
    }
    if (defect === "lone-return") {
      return new DataError(`${file}: line ${line} holds a carriage return that ends no line`, {
        details: { file, row: line, expected: "LF or CRLF line ends", received: shown },
        hint: "write the file with one kind of line end",
      });
    }
    if (firstEnding === "") firstEnding = ending;
    else if (ending !== "" && ending !== firstEnding) {
      const named = (end: string): string => (end === "\n" ? "LF" : "CRLF");
      return new DataError(
        `${file}: line ${line} ends differently (${named(ending)}) from the lines before (${named(firstEnding)})`,
        {
          details: { file, row: line, expected: named(firstEnding), received: named(ending) },
          hint: "write the file with one kind of line end, for instance with dos2unix",
        },
      );
    }
    if (fields.length !== width) {
      return new DataError(`${file}: line ${line} has ${fields.length} fields, expected ${width}: ${shown}`, {
        details: { file, row: line, expected: `${width} fields`, received: `${fields.length} fields` },
        hint:
          fields.length > width
            ? `a field that contains ${JSON.stringify(place.separator)} must stand in double quotes`
            : "is the line cut off, or the separator another one?",
      });
    }
  }
  return undefined;
}

function columnAt(place: DelimitedPlace, position: number): string | undefined {
  return place.names[position - 1];
}

/** What the fast reader says, for defects that the exact pass does not know. */
export function readerError(files: readonly string[], cause: unknown): DataError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const [, line] = /CSV Error on Line: (\d+)/.exec(message) ?? [];
  const kept = message
    .split("\n")
    .filter(
      (part) => part.trim() !== "" && !/Possible (fixes|solutions?)|^\s*\*|^\s+\w+ ?=|^LINE \d+:/i.test(part),
    )
    .slice(0, 3)
    .join("; ");
  return new DataError(`${files.join(", ")}: ${clip(kept)}`, {
    details: {
      file: files[0],
      files,
      ...(line === undefined ? {} : { row: Number(line) }),
      received: clip(kept),
    },
    cause,
  });
}

/** The first value that is not of its declared type, with the line it stands on. */
export async function misfitError(
  connection: DuckDBConnection,
  files: readonly string[],
  place: DelimitedPlace,
  column: string,
  type: ScalarType,
  count: number,
  textOf: (file: string) => string,
): Promise<DataError> {
  const x = sqlName(column);
  for (const file of files) {
    const [found] = await queryRows(
      connection,
      `SELECT row, value FROM (SELECT row_number() OVER () AS row, ${x} AS value FROM ${textOf(file)})
       WHERE value IS NOT NULL AND NOT ${fitsDeclared(type, "value")} ORDER BY row LIMIT 1`,
    );
    if (found === undefined) continue;
    const row = await lineOfRow(file, place, Number(found.row));
    const value = clip(String(found.value));
    return new DataError(`${file}: line ${row}, column ${column}: ${JSON.stringify(value)} is no ${type}`, {
      details: { file, row, column, expected: type, received: value, count },
      hint: `${count} such values; declare the column as string, or name the text that means "no value" in null_text`,
    });
  }
  return new DataError(`column ${column}: ${count} values are no ${type}`, { details: { column, count } });
}

/** Physical line of the n-th data row (from 1) of a file. */
async function lineOfRow(file: string, place: DelimitedPlace, row: number): Promise<number> {
  const [found] = await locateRecords([file], place, [row - 1]);
  return found?.row ?? row;
}

/** Files and physical lines of data rows, by their ascending numbers (from 0) over all files. */
export function locateRecords(
  files: readonly string[],
  place: DelimitedPlace,
  rows: readonly number[],
): Promise<RowPlace[]> {
  const oneColumn = place.names.length === 1;
  return placesOf(files, rows, async function* (file) {
    let header = place.header;
    for await (const { line } of readRecords(file, { ...place, oneColumn })) {
      if (!header) yield line;
      header = false;
    }
  });
}

/** Picks rows by their numbers out of the lines that hold one row each. */
export async function placesOf(
  files: readonly string[],
  rows: readonly number[],
  linesOf: (file: string) => AsyncIterable<number>,
): Promise<RowPlace[]> {
  const places: RowPlace[] = [];
  let row = 0;
  for (const file of files) {
    if (places.length === rows.length) break;
    for await (const line of linesOf(file)) {
      while (rows[places.length] === row) places.push({ file, row: line });
      row++;
      if (places.length === rows.length) break;
    }
  }
  return places;
}
