/** Where JSON lines are broken: a slow pass over the files that names the line. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError } from "../core/index.ts";
import { fitsDeclared, type ScalarType } from "./source-column-type.ts";
import { readerError } from "./source-defect.ts";
import { clip, readLineBlocks } from "./source-scan.ts";
import { queryRows, sqlName } from "./source-sql.ts";

/** The first value that is not of its declared type, with the line it stands on. */
export async function jsonMisfit(
  connection: DuckDBConnection,
  files: readonly string[],
  table: string,
  column: string,
  type: ScalarType,
  count: number,
): Promise<DataError> {
  const x = sqlName(column);
  const [found] = await queryRows(
    connection,
    `SELECT ${x} AS value FROM ${table} WHERE ${x} IS NOT NULL AND NOT ${fitsDeclared(type, x)} LIMIT 1`,
  );
  const value = clip(String(found?.value));
  const place = await findLine(files, (object) => {
    const seen = object[column];
    return (
      seen !== undefined &&
      seen !== null &&
      (typeof seen === "string" ? seen : JSON.stringify(seen)) === value
    );
  });
  return new DataError(
    `${place.file}: line ${place.row ?? "?"}, column ${column}: ${JSON.stringify(value)} is no ${type}`,
    {
      details: { ...place, column, expected: type, received: value, count },
      hint: `${count} such values; declare the column as string or correct them`,
    },
  );
}

async function findLine(
  files: readonly string[],
  matches: (object: Readonly<Record<string, unknown>>) => boolean,
): Promise<{ file: string; row?: number }> {
  for (const file of files) {
    for await (const { row, text } of jsonLines(file)) {
      try {
        if (matches(JSON.parse(text) as Record<string, unknown>)) return { file, row };
      } catch {
        // NaN and Infinity are read though JSON does not know them; such a line is not the one sought.
      }
    }
  }
  return { file: files[0] };
}

/** Lines that are not blank. */
export async function* jsonLines(file: string): AsyncGenerator<{ row: number; text: string }> {
  for await (const { block, line } of readLineBlocks(file)) {
    let row = line;
    for (const text of block.toString("utf8").split("\n")) {
      if (text.trim() !== "") yield { row, text };
      row++;
    }
  }
}

/** The first line that is no JSON object; failing that, what the reader said. */
export async function jsonError(files: readonly string[], cause: unknown): Promise<DataError> {
  for (const file of files) {
    for await (const { row, text } of jsonLines(file)) {
      const problem = lineProblem(text);
      if (problem === undefined) continue;
      return new DataError(`${file}: line ${row} ${problem}: ${clip(text.trim())}`, {
        details: { file, row, expected: "one JSON object", received: clip(text.trim()) },
        hint: text.startsWith("\ufeff")
          ? "write the file without a byte order mark"
          : "JSON lines hold one whole object a line, with no comma or bracket around them",
        cause,
      });
    }
  }
  const message = cause instanceof Error ? cause.message : "";
  const [, key] = /duplicate key "([^"]*)"/.exec(message) ?? [];
  if (key === undefined) return readerError(files, cause);
  const place = await findRepeatedKey(files, key);
  return new DataError(`${place.file}: line ${place.row ?? "?"} has the key ${key} twice`, {
    details: { ...place, column: key, expected: "each key once", received: "the same key twice" },
    cause,
  });
}

function lineProblem(text: string): string | undefined {
  if (text.startsWith("\ufeff")) return "starts with a byte order mark";
  try {
    const value: unknown = JSON.parse(text.replace(/:\s*(-?(?:NaN|Infinity))\s*(?=[,}])/g, ": null"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "is no JSON object";
    // JSON.stringify escapes what is no text: halves of surrogate pairs.
    return /(?<!\\)\\ud[89a-f]/.test(JSON.stringify(value)) ? "holds half of a surrogate pair" : undefined;
  } catch (error) {
    return `is no valid JSON (${(error as Error).message})`;
  }
}

async function findRepeatedKey(
  files: readonly string[],
  key: string,
): Promise<{ file: string; row?: number }> {
  const quoted = `${JSON.stringify(key)}`;
  for (const file of files) {
    for await (const { row, text } of jsonLines(file)) {
      const parts = text.split(quoted);
      if (parts.length > 2 && parts.slice(1).filter((part) => /^\s*:/.test(part)).length > 1) {
        return { file, row };
      }
    }
  }
  return { file: files[0] };
}
