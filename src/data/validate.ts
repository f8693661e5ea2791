/**
 * Checks data against a config before anything is trained, and reports every problem it finds: where, how
 * often, and what training will do about it. The full list stands in docs/bad-input.md. Everything is
 * computed by SQL over the needed columns, in bounded memory.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { MillraceError } from "../core/index.ts";
import type { TimestampUnit } from "../schema/index.ts";
import { type DataConfig, parseDataConfig } from "./config.ts";
import { checkFeatures } from "./check-features.ts";
import { columnOf } from "./fit.ts";
import { labelSql, positiveTexts } from "./label-sql.ts";
import { openSession, type Session } from "./session.ts";
import type { RawSource } from "./source-spec.ts";
import { queryRow } from "./source-sql.ts";
import { SPLIT_NAMES, type SplitName } from "./split.ts";
import type { StagedTable } from "./stage.ts";
import { makeSplits, reportMissing, stageColumns, timeUnit, ValidatedSources } from "./validate-sources.ts";
import { checkColumns } from "./validate-columns.ts";
import { checkLeaks } from "./validate-leaks.ts";
import {
  ProblemList,
  rowsOf,
  type SplitRows,
  type SplitSummary,
  type ValidationReport,
} from "./validate-report.ts";
import { checkDuplicates, checkGroups, checkOverlap, checkSize, checkTimes } from "./validate-splits.ts";
import { checkUnseen, checkVocabularies } from "./validate-vocabulary.ts";
import { wantedColumns } from "./wanted-columns.ts";

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
  const derived = new Set((config.derived ?? []).map(({ name }) => name));
  const opener = new ValidatedSources(session, config, problems);
  const sources: Partial<Record<SplitName, { source: RawSource; staged: StagedTable }>> = {};
  for (const name of SPLIT_NAMES) {
    const files = config.data[name];
    if (files === undefined) continue;
    const source = await opener.open(name, files);
    if (source === undefined) continue;
    onOpen(source);
    for (const { kind, text, file, column, count } of source.notes) {
      const place = { ...(file === undefined ? {} : { file }), ...(column === undefined ? {} : { column }) };
      problems.add({ kind, severity: "info", message: text, effect: "nothing", count, ...place }, name);
    }
    reportMissing(source, name, wanted, derived, problems);
    sources[name] = { source, staged: await stageColumns(session, source, name, wanted) };
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
