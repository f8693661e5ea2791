/**
 * Checks data against a config before anything is trained, and reports every problem it finds: where, how
 * often, and what training will do about it. The full list stands in docs/bad-input.md. Everything is
 * computed by SQL over the needed columns, in bounded memory.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { ConfigError, MillraceError, nearestName } from "../core/index.ts";
import type { TimestampUnit } from "../schema/index.ts";
import { type DataConfig, parseDataConfig } from "./config.ts";
import { checkFeatures, columnOf, guessUnit } from "./fit.ts";
import { labelSql, positiveTexts } from "./row-quality.ts";
import { openSession, type Session } from "./session.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";
import { queryRow, sqlName, sqlText } from "./source-sql.ts";
import { SPLIT_NAMES, type SplitName, splitColumns, splitConditions } from "./split.ts";
import { ROW as STAGED_ROW, type StagedTable, stagedRows } from "./stage.ts";
import { checkColumns, checkUnseen, checkVocabularies } from "./validate-columns.ts";
import {
  ProblemList,
  rowsOf,
  type SplitRows,
  type SplitSummary,
  type ValidationReport,
} from "./validate-report.ts";
import {
  checkDuplicates,
  checkGroups,
  checkLeaks,
  checkOverlap,
  checkSize,
  checkTimes,
} from "./validate-splits.ts";

export interface ValidateOptions {
  /** DuckDB's memory before it spills to disk, MiB. @default 768 */
  readonly memory?: number;
  /** Times later than this are in the future. @default now, and a day */
  readonly now?: Date;
}

/**
 * Validates data against the data half of a config (as an object with camelCase keys).
 *
 * Never throws for what is wrong with config or data: that is what the report is for.
 */
export async function validate(config: unknown, options: ValidateOptions = {}): Promise<ValidationReport> {
  const session = await openSession(mkdtempSync(join(tmpdir(), "millrace-validate-")), {
    memory: options.memory ?? 768,
  });
  const problems = new ProblemList(session.connection);
  const opened: RawSource[] = [];
  let splits: Partial<Record<SplitName, SplitSummary>> = {};
  try {
    const parsed = parse(config, problems);
    if (parsed !== undefined) {
      splits = await checkData(session, parsed, options, problems, (source) => opened.push(source));
    }
    return await report(problems, splits);
  } finally {
    for (const source of opened) await source.close();
    session.close();
  }
}

async function report(
  list: ProblemList,
  splits: Partial<Record<SplitName, SplitSummary>>,
): Promise<ValidationReport> {
  const problems = await list.finish();
  const count = (severity: string): number =>
    problems.filter((problem) => problem.severity === severity).length;
  const counts = { error: count("error"), warning: count("warning"), info: count("info") };
  return { ok: counts.error === 0, counts, splits, problems };
}

function parse(config: unknown, problems: ProblemList): DataConfig | undefined {
  try {
    const parsed = parseDataConfig(config);
    checkFeatures(parsed);
    if (parsed.labels.length === 0) {
      problems.add({
        kind: "config",
        severity: "error",
        message: "config labels: there is none, so nothing can be learnt",
        effect: "training stops",
      });
    }
    return parsed;
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const all = error.details.problems;
    const messages = Array.isArray(all) && all.length > 0 ? all.map(String) : [error.message];
    for (const [k, message] of messages.entries()) {
      problems.add({
        kind: "config",
        severity: "error",
        message,
        effect: "training stops",
        ...(k === 0 && error.hint !== undefined ? { hint: error.hint } : {}),
      });
    }
    return undefined;
  }
}

async function checkData(
  session: Session,
  config: DataConfig,
  options: ValidateOptions,
  problems: ProblemList,
  onOpen: (source: RawSource) => void,
): Promise<Partial<Record<SplitName, SplitSummary>>> {
  const { connection } = session;
  const wanted = wantedColumns(config);
  const sources: Partial<Record<SplitName, { source: RawSource; staged: StagedTable }>> = {};
  for (const name of SPLIT_NAMES) {
    const files = config.data[name];
    if (files === undefined) continue;
    const source = await open(
      connection,
      config,
      typeof files === "string" ? [files] : files,
      name,
      problems,
    );
    if (source === undefined) continue;
    onOpen(source);
    for (const { kind, text, file, column, count } of source.notes) {
      const place = { ...(file === undefined ? {} : { file }), ...(column === undefined ? {} : { column }) };
      problems.add({ kind, severity: "info", message: text, effect: "nothing", count, ...place }, name);
    }
    reportMissing(source, name, wanted, problems);
    sources[name] = { source, staged: await stage(session, source, name, wanted) };
  }
  const { train } = sources;
  if (train === undefined) return {};
  const unit = await timeUnit(session, config, train.staged);
  const splits = await makeSplits(session, config, sources, unit, problems);
  const now = (options.now ?? new Date(Date.now() + 86_400_000)).getTime() / 1e3;
  const summaries: Partial<Record<SplitName, SplitSummary>> = {};
  for (const split of splits) {
    const summary = await summarize(connection, split, config);
    summaries[split.name] = summary;
    await checkSize(split, summary.rows, problems);
    if (summary.rows > 0) await checkColumns(connection, split, { config, unit, now }, problems);
  }
  await checkAcross(connection, config, splits, summaries, unit, problems);
  return summaries;
}

async function checkAcross(
  connection: DuckDBConnection,
  config: DataConfig,
  splits: readonly SplitRows[],
  summaries: Partial<Record<SplitName, SplitSummary>>,
  unit: TimestampUnit,
  problems: ProblemList,
): Promise<void> {
  const filled = splits.filter(({ name }) => (summaries[name]?.rows ?? 0) > 0);
  const train = filled.find(({ name }) => name === "train");
  if (train !== undefined) {
    await checkVocabularies(connection, train, config, problems);
    await checkDuplicates(connection, train, problems);
    await checkLeaks(connection, train, summaries.train?.rows ?? 0, config, problems);
    for (const other of filled) {
      if (other !== train) await checkUnseen(connection, train, other, config, problems);
    }
  }
  for (const [k, first] of filled.entries()) {
    for (const second of filled.slice(k + 1)) await checkOverlap(connection, first, second, problems);
  }
  if (config.timestamp !== undefined) {
    await checkTimes(connection, filled, config.timestamp, unit, problems);
  }
  if (config.group !== undefined) {
    for (const split of filled) {
      await checkGroups(connection, split, config.group, firstLabel(config, split), problems);
    }
  }
  if (!splits.some(({ name }) => name === "valid")) {
    problems.add({
      kind: "no-validation",
      severity: "info",
      message: "there is no validation split: training cannot stop early or keep its best epoch",
      effect: "nothing",
      hint: "set data.valid, or a split with a valid share",
    });
  }
}

/** SQL of the first label when it is binary and its column is there. */
function firstLabel({ labels }: DataConfig, split: SplitRows): string | undefined {
  const [label] = labels;
  const type = label === undefined ? undefined : split.types.get(columnOf(label));
  if (label === undefined || type === undefined || label.kind !== "binary") return undefined;
  return labelOf(label, type);
}

function labelOf(label: DataConfig["labels"][number], type: string): string {
  const { name, threshold, kind } = label;
  const positive = label.positive === undefined ? undefined : positiveTexts(label.positive);
  return labelSql({ name, column: columnOf(label), threshold, positive, kind }, type);
}

/** Columns that the config needs, with what needs them. */
function wantedColumns(config: DataConfig): Map<string, string> {
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

async function open(
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

function reportMissing(
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

async function stage(
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

async function timeUnit(session: Session, config: DataConfig, train: StagedTable): Promise<TimestampUnit> {
  const { timestamp, timestampUnit } = config;
  if (timestampUnit !== undefined || timestamp === undefined || !train.types.has(timestamp)) {
    return timestampUnit ?? "s";
  }
  try {
    return await guessUnit(session, train, timestamp, undefined);
  } catch (error) {
    if (error instanceof MillraceError) return "s"; // reported as wrong type
    throw error;
  }
}

async function makeSplits(
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

async function summarize(
  connection: DuckDBConnection,
  split: SplitRows,
  config: DataConfig,
): Promise<SplitSummary> {
  const means: { name: string; sql: string }[] = [];
  for (const label of config.labels) {
    const type = split.types.get(columnOf(label));
    if (type === undefined) continue;
    try {
      means.push({ name: label.name, sql: labelOf(label, type) });
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error; // reported as wrong type
    }
  }
  const terms = ["count(*) AS rows", ...means.map(({ sql }, k) => `favg(${sql}) AS mean${k}`)];
  const row = await queryRow(connection, `SELECT ${terms.join(", ")} FROM ${rowsOf(split)}`);
  const meanOf = (k: number): number | null => {
    const mean = row[`mean${k}`];
    return typeof mean === "number" && Number.isFinite(mean) ? mean : null;
  };
  return {
    files: split.source.files,
    rows: Number(row.rows),
    labelMeans: Object.fromEntries(means.map(({ name }, k) => [name, meanOf(k)])),
  };
}
