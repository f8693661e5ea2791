/** From a config to the rows of its splits; what is missing or unreadable becomes a problem, not an exception. */
import { join } from "node:path";
import { ConfigError, MillraceError } from "../core/index.ts";
import type { DerivedColumn, TimestampUnit } from "../schema/index.ts";
import type { DataConfig } from "./config.ts";
import { addDerivedColumns } from "./derive-columns.ts";
import { columnOf } from "./fit.ts";
import { fitDerived } from "./fit-derived.ts";
import type { PastRows } from "./past-counts.ts";
import type { Session } from "./session.ts";
import { openLocal } from "./source.ts";
import { type FilesConfig, sourceSpecOf } from "./source-config.ts";
import { requireColumn } from "./source-columns.ts";
import { type LocalSource, SourceResolver } from "./source-local.ts";
import type { RawSource } from "./source-spec.ts";
import { sqlName, sqlText } from "./source-sql.ts";
import { SPLIT_NAMES, type SplitName } from "./split.ts";
import { splitColumns, splitConditions } from "./split-sql.ts";
import { guessTimeUnit } from "./time-unit.ts";
import { ROW as STAGED_ROW, type StagedTable, stagedRows } from "./stage.ts";
import type { ProblemList, SplitRows } from "./validate-report.ts";
import { columnsOfConfig } from "./wanted-columns.ts";

/** Opens the sources of a config's splits, with their derived columns. */
export class ValidatedSources {
  readonly #session: Session;
  readonly #config: DataConfig;
  readonly #problems: ProblemList;
  readonly #past: PastRows = new Map();
  /** Settled by the training source. */
  #derived: readonly DerivedColumn[] | undefined;

  constructor(session: Session, config: DataConfig, problems: ProblemList) {
    this.#session = session;
    this.#config = config;
    this.#problems = problems;
  }

  /** Undefined for what cannot be read: that is a problem by then. */
  async open(name: SplitName, files: FilesConfig): Promise<RawSource | undefined> {
    const source = await this.#openFiles(name, files);
    if (source === undefined || (this.#config.derived ?? []).length === 0) return source;
    const { connection, scratch } = this.#session;
    const { derived: definitions = [], timestamp, timestampUnit, data } = this.#config;
    const options = { scratch, past: this.#past };
    try {
      if (this.#derived !== undefined) {
        return await addDerivedColumns(connection, source, this.#derived, options);
      }
      if (name !== "train") return source;
      const { cacheDir } = data;
      const context = { ...options, timestamp, timestampUnit, cacheDir };
      const fitted = await fitDerived(connection, source, definitions, context);
      this.#derived = fitted.derived;
      return fitted.source;
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      this.#add("derived", error, name);
      return source;
    }
  }

  async #openFiles(name: SplitName, files: FilesConfig): Promise<RawSource | undefined> {
    const { data, features } = this.#config;
    const { connection, scratch } = this.#session;
    const { cacheDir } = data;
    const types: Record<string, NonNullable<(typeof features)[number]["type"]>> = { ...data.types };
    for (const feature of features) {
      const scalar = feature.kind === "categorical" || feature.kind === "numeric";
      if (scalar && feature.type !== undefined) types[columnOf(feature)] ??= feature.type;
    }
    const wanted = columnsOfConfig(this.#config);
    const resolver = new SourceResolver(connection, { scratch, cacheDir, wanted });
    let local: LocalSource | undefined;
    for (;;) {
      try {
        local ??= await resolver.resolve(sourceSpecOf(files, data, data.joins));
        return await openLocal(connection, { ...local, spec: { ...local.spec, types } }, { scratch });
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        const column = String(error.details.column ?? "");
        const wished = error instanceof ConfigError && data.types?.[column] === undefined;
        if (wished && types[column] !== undefined) {
          delete types[column]; // a feature's type for a column that is missing: reported as that
          continue;
        }
        this.#add(error instanceof ConfigError ? "config" : "unreadable", error, name);
        return undefined;
      }
    }
  }

  #add(kind: string, error: MillraceError, name: SplitName): void {
    const { file, row, column } = error.details;
    const line = typeof row === "number" && !error.message.includes(String(row)) ? ` (line ${row})` : "";
    this.#problems.add(
      {
        kind,
        severity: "error",
        message: `${error.message}${line}`,
        effect: "training stops",
        ...(typeof file === "string" ? { file } : {}),
        ...(typeof column === "string" ? { column } : {}),
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      },
      name,
    );
  }
}

export function reportMissing(
  source: RawSource,
  name: SplitName,
  wanted: ReadonlyMap<string, string>,
  derived: ReadonlySet<string>,
  problems: ProblemList,
): void {
  for (const [column, user] of wanted) {
    // Of a derived column that is not there, its definition is the problem.
    if (derived.has(column)) continue;
    try {
      requireColumn(source, column, user);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      const { message, hint } = error;
      const [file] = source.files;
      problems.add(
        { kind: "missing-column", severity: "error", message, effect: "training stops", file, column, hint },
        name,
      );
    }
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
