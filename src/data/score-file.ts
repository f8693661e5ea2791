/**
 * Scores as a file beside their rows: the row's number, input columns read again from the raw file, and
 * the scores. Everything streams, so that memory does not grow with the file.
 */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, realpathSync, renameSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, nearestName } from "../core/index.ts";
import { AppendFile, removePath } from "../core/node/index.ts";
import { openSession } from "./session.ts";
import { openSource } from "./source.ts";
import { expandFiles, literalPath } from "./source-files.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";

export interface WriteScoresOptions {
  /** Written whole or not at all. */
  readonly path: string;
  readonly format: "csv" | "parquet" | "jsonl";
  /** The raw data, in the order of the scores. */
  readonly spec: SourceSpec;
  /** Input columns to write too. */
  readonly inputs: readonly string[] | "all";
  /** Names of the scores' columns. */
  readonly names: readonly string[];
  /** Batches of one array a name. */
  readonly scores: AsyncIterable<readonly Float32Array[]>;
  /** Folder for the files in between. @default `.millrace/datasets` */
  readonly cacheDir?: string;
}

/** @throws ConfigError for an input column that is not there or has the name of a score */
export async function writeScores(options: WriteScoresOptions): Promise<void> {
  const { path, format, spec, inputs, names, scores, cacheDir } = options;
  const root = resolve(cacheDir ?? join(".millrace", "datasets"));
  const session = await openSession(join(root, `.work-${process.pid}-${randomUUID().slice(0, 8)}`));
  let source: RawSource | undefined;
  try {
    const { connection, scratch } = session;
    await refuseInput(connection, path, spec);
    if (inputs.length > 0) source = await openSource(connection, spec, { cacheDir });
    const columns = source === undefined ? [] : inputColumns(source, inputs, ["row", ...names]);
    const plain = join(scratch, "scores.csv");
    await writePlain(plain, scores);
    const types = ["row BIGINT", ...names.map((name) => `${sqlName(name)} FLOAT`)];
    const list = types.map((type) => {
      const at = type.lastIndexOf(" ");
      return `${sqlText(type.slice(0, at).replace(/^"|"$/g, "").replaceAll('""', '"'))}: ${sqlText(type.slice(at + 1))}`;
    });
    const scored = `read_csv(${sqlText(literalPath(plain))}, header = false, columns = {${list.join(", ")}})`;
    const selected = [
      "s.row",
      ...columns.map((name) => `i.${sqlName(name)}`),
      ...names.map((name) => `s.${sqlName(name)}`),
    ];
    const from =
      source === undefined
        ? `${scored} AS s`
        : `(SELECT * FROM ${source.sql}) AS i POSITIONAL JOIN ${scored} AS s`;
    const temporary = join(dirname(resolve(path)), `.${randomUUID().slice(0, 8)}.partial`);
    mkdirSync(dirname(temporary), { recursive: true });
    const copyFormat = { csv: "csv, HEADER true", parquet: "parquet", jsonl: "json" }[format];
    try {
      // The system's own words for a place that cannot be written, before any work is done there.
      closeSync(openSync(temporary, "w"));
      await connection.run(
        `COPY (SELECT ${selected.join(", ")} FROM ${from}) TO ${sqlText(temporary)} (FORMAT ${copyFormat})`,
      );
      renameSync(temporary, path);
    } catch (error) {
      removePath(temporary);
      if (error instanceof Error && "path" in error) throw Object.assign(error, { path });
      throw error;
    }
  } finally {
    await source?.close();
    session.close();
  }
}

/** @throws ConfigError when the file to write is one that is read */
async function refuseInput(connection: DuckDBConnection, path: string, spec: SourceSpec): Promise<void> {
  if (!existsSync(path)) return;
  const local = (spec.files ?? []).filter((file) => !file.includes("://"));
  const files = local.length === 0 ? [] : await expandFiles(connection, local);
  if (!files.some((file) => realpathSync(file) === realpathSync(path))) return;
  throw new ConfigError(`${path}: that is one of the data files, which would be written over`, {
    details: { output: path, files },
    hint: "name another file; --columns takes input columns along",
  });
}

function inputColumns(
  source: RawSource,
  inputs: readonly string[] | "all",
  taken: readonly string[],
): string[] {
  const known = source.columns.map(({ name }) => name);
  if (inputs === "all") return known.filter((name) => !taken.includes(name));
  for (const name of inputs) {
    if (taken.includes(name)) {
      throw new ConfigError(`the column ${name} is written already`, { details: { column: name, taken } });
    }
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new ConfigError(`${source.files[0]} has no column ${name}`, {
      details: { column: name, known },
      hint: near === undefined ? `its columns are ${known.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return [...inputs];
}

/** `row,score,…` lines without a header; a float32 is written so that it reads back the same. */
async function writePlain(path: string, scores: AsyncIterable<readonly Float32Array[]>): Promise<void> {
  const file = new AppendFile(path);
  let row = 0;
  try {
    for await (const arrays of scores) {
      const lines: string[] = [];
      for (let k = 0; k < arrays[0].length; k++) {
        row++;
        lines.push(`${row},${arrays.map((array) => array[k]).join(",")}\n`);
      }
      file.append(Buffer.from(lines.join("")));
    }
  } finally {
    file.close();
  }
}
