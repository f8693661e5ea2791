/** From a config to the rows of its splits; what is missing or unreadable becomes a problem, not an exception. */
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, MillraceError, nearestName } from "../core/index.ts";
import type { TimestampUnit } from "../schema/index.ts";
import type { DataConfig } from "./config.ts";
import { columnOf } from "./fit.ts";
import type { Session } from "./session.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";
import { SPLIT_NAMES, type SplitName } from "./split.ts";
import { splitColumns, splitConditions } from "./split-sql.ts";
import { guessTimeUnit } from "./time-unit.ts";
import { ROW as STAGED_ROW, type StagedTable, stagedRows } from "./stage.ts";
import type { ProblemList, SplitRows } from "./validate-report.ts";

/** Columns that the config needs, with what needs them. */
export function wantedColumns(config: DataConfig): Map<string, string> {
  const wanted = new Map<string, string>();
  const add = (column: string | undefined, user: string): void => {
    if (column !== undefined && !wanted.has(column)) wanted.set(column, user);
  };
  for (const feature of config.features) {
    add(columnOf(feature), `feature ${feature.name}`);
    add(feature.timesColumn, `feature ${feature.name}`);
  }
  for (const label of config.labels) add(columnOf(label), `label ${label.name}`);
  add(config.weight, "weight");
  add(config.group, "group");
  add(config.domain, "domain");
  add(config.timestamp, "timestamp");
  for (const column of config.data.keep) add(column, "data.keep");
  for (const column of splitColumns(config.data.split, config.timestamp)) add(column, "data.split");
  return wanted;
}

export async function openSplitSource(
  connection: DuckDBConnection,
  { data, features }: DataConfig,
  files: readonly string[],
  name: SplitName,
  problems: ProblemList,
): Promise<RawSource | undefined> {
  const types: Record<string, NonNullable<(typeof features)[number]["type"]>> = { ...data.types };
  for (const feature of features) {
    const scalar = feature.kind === "categorical" || feature.kind === "numeric";
    if (scalar && feature.type !== undefined) types[columnOf(feature)] ??= feature.type;
  }
  const { format, columns, header, separator, nullText, encoding } = data;
  for (;;) {
    const spec: SourceSpec = { files, format, columns, header, separator, nullText, encoding, types };
    try {
      return await openSource(connection, spec);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      const column = String(error.details.column ?? "");
      if (error instanceof ConfigError && data.types?.[column] === undefined && types[column] !== undefined) {
        delete types[column]; // a feature's type for a column that is missing: reported as that
        continue;
      }
      const { file, row } = error.details;
      problems.add(
        {
          kind: error instanceof ConfigError ? "config" : "unreadable",
          severity: "error",
          message: `${error.message}${typeof row === "number" && !error.message.includes(String(row)) ? ` (line ${row})` : ""}`,
          effect: "training stops",
          ...(typeof file === "string" ? { file } : {}),
          ...(column === "" ? {} : { column }),
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        },
        name,
      );
      return undefined;
    }
  }
}

export function reportMissing(
  source: RawSource,
  name: SplitName,
  wanted: ReadonlyMap<string, string>,
  problems: ProblemList,
): void {
  const names = source.columns.map((column) => column.name);
  for (const [column, user] of wanted) {
    if (names.includes(column)) continue;
    const near = nearestName(column, names);
    problems.add(
      {
        kind: "missing-column",
        severity: "error",
        message: `${source.files[0]} has no column ${column}, which ${user} needs`,
        effect: "training stops",
        file: source.files[0],
        column,
        hint: near === undefined ? `its columns are ${names.join(", ")}` : `did you mean ${near}?`,
      },
      name,
    );
  }
}

export async function stageColumns(
  { connection, scratch }: Session,
  source: RawSource,
  name: SplitName,
  wanted: ReadonlyMap<string, string>,
): Promise<StagedTable> {
  const columns = source.columns.filter((column) => wanted.has(column.name));
  const path = join(scratch, `${name}.parquet`);
  const selected =
    columns.length === 0 ? "0 AS nothing" : columns.map((column) => sqlName(column.name)).join(", ");
  await connection.run(`COPY (SELECT ${selected} FROM ${source.sql}) TO ${sqlText(path)} (FORMAT parquet)`);
  return {
    path,
    types: new Map(columns.map((column) => [column.name, column.type])),
    rows: source.rows,
    bytes: 0,
    files: source.files,
    locate: (rows) => source.locate(rows),
    notes: source.notes,
  };
}

export async function timeUnit(
  session: Session,
  config: DataConfig,
  train: StagedTable,
): Promise<TimestampUnit> {
  const { timestamp, timestampUnit } = config;
  if (timestampUnit !== undefined || timestamp === undefined || !train.types.has(timestamp)) {
    return timestampUnit ?? "s";
  }
  try {
    const rows = stagedRows(train, [timestamp]);
    return await guessTimeUnit(session.connection, rows, timestamp, train.types.get(timestamp)!);
  } catch (error) {
    if (error instanceof MillraceError) return "s"; // reported as wrong type
    throw error;
  }
}

export async function makeSplits(
  { connection, scratch }: Session,
  config: DataConfig,
  sources: Partial<Record<SplitName, { source: RawSource; staged: StagedTable }>>,
  unit: TimestampUnit,
  problems: ProblemList,
): Promise<SplitRows[]> {
  const own = SPLIT_NAMES.flatMap((name): SplitRows[] => {
    const part = sources[name];
    if (part === undefined) return [];
    const { source, staged } = part;
    return [{ name, source, path: staged.path, types: staged.types, rowColumn: undefined }];
  });
  const { split } = config.data;
  const { train } = sources;
  if (split === undefined || split.by === "files" || train === undefined) return own;
  const needed = splitColumns(split, config.timestamp);
  if (!needed.every((column) => train.staged.types.has(column))) return own; // reported as missing
  try {
    const made = await splitConditions(connection, train.staged, split, { column: config.timestamp, unit });
    const conditions = SPLIT_NAMES.filter((name) => made[name] !== undefined);
    const twice = conditions.find((name) => name !== "train" && sources[name] !== undefined);
    if (twice !== undefined) {
      problems.add({
        kind: "config",
        severity: "error",
        message: `config data: ${twice} has files of its own and is made by data.split too`,
        effect: "training stops",
        hint: `leave ${twice} out of the split, or take its files away`,
      });
    }
    const parts: SplitRows[] = [];
    for (const name of conditions) {
      const path = join(scratch, `${name}-rows.parquet`);
      const rows = stagedRows(train.staged, train.staged.types.keys(), made[name]);
      await connection.run(`COPY (SELECT * FROM ${rows}) TO ${sqlText(path)} (FORMAT parquet)`);
      parts.push({ name, source: train.source, path, types: train.staged.types, rowColumn: STAGED_ROW });
    }
    return [...parts, ...own.filter(({ name }) => !conditions.includes(name))];
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    problems.add({
      kind: "split",
      severity: "error",
      message: error.message,
      effect: "training stops",
      ...hint,
    });
    return own;
  }
}
