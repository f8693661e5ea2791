/**
 * A first look at raw data: what each column holds, which one is the label, what stands in the way. From
 * it `configFromInspection` makes a first config. Works on all rows up to `sampleRows`, on every k-th row
 * of more.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type Guess, guessColumns } from "./inspect-guess.ts";
import { chooseLabel, type LabelChoice, labelCandidates, labelSql } from "./inspect-label.ts";
import { namesHistory } from "./inspect-names.ts";
import { type LeakSignal, leakSignals } from "./inspect-leak.ts";
import { type ColumnProfile, profileColumn } from "./inspect-profile.ts";
import { type DerivedConfig, type DerivedConfigInput, parseDerived } from "./derived-config.ts";
import { fitDerived } from "./fit-derived.ts";
import { openSession } from "./session.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import { queryRow, sqlName, sqlText } from "./source-sql.ts";

export interface InspectOptions {
  /** The label: a column, or a comparison such as `delay > 15`. Absent: chosen by name. */
  readonly label?: string;
  /** Columns made from others, profiled like raw ones and written into the config. */
  readonly derived?: readonly DerivedConfigInput[];
  /** The time's column, for derived columns that need one. */
  readonly timestamp?: string;
  /** Most rows that are profiled. @default 4_000_000 */
  readonly sampleRows?: number;
  /** DuckDB's memory before it spills to disk, MiB. @default 768 */
  readonly memory?: number;
}

export interface InspectReport {
  /** The spec as it should be used: the given one and the texts found to mean "no value". */
  readonly spec: SourceSpec;
  /** The derived columns that were asked for. */
  readonly derived?: readonly DerivedConfig[];
  readonly format: RawSource["format"];
  readonly files: readonly string[];
  readonly rows: number;
  /** Rows that the profiles are made of. */
  readonly profiledRows: number;
  readonly notes: readonly SourceNote[];
  readonly columns: readonly ColumnProfile[];
  readonly named: boolean;
  readonly label: LabelChoice | undefined;
  /** Columns with two values. */
  readonly labelCandidates: readonly string[];
  readonly leaks: readonly LeakSignal[];
  /** For lists: the column whose values the entries are. */
  readonly targets: Readonly<Record<string, string>>;
  /** What each column is taken for. */
  readonly guess: Guess;
}

/** Rows over which single columns are compared with the label. */
const LEAK_ROWS = 50_000;

/**
 * Reads and profiles a file or several.
 *
 * @throws DataError for data that cannot be read, ConfigError for a label that is not there
 */
export async function inspect(spec: SourceSpec, options: InspectOptions = {}): Promise<InspectReport> {
  const { sampleRows = 4_000_000, memory = 768, label: wanted, timestamp } = options;
  const derived = options.derived && parseDerived(options.derived, timestamp);
  const sampling = { sampleRows, computed: derived !== undefined };
  const session = await openSession(mkdtempSync(join(tmpdir(), "millrace-inspect-")), { memory });
  const { connection, scratch } = session;
  let source: RawSource | undefined;
  const open = async (of: SourceSpec): Promise<RawSource> => {
    const opened = await openSource(connection, of);
    if (derived === undefined) return opened;
    const context = { scratch, past: new Map(), timestamp, timestampUnit: undefined };
    try {
      return (await fitDerived(connection, opened, derived, context)).source;
    } catch (error) {
      await opened.close();
      throw error;
    }
  };
  try {
    source = await open(spec);
    let used = spec;
    let rows = await sampleTable(connection, source, scratch, sampling);
    let columns = await profileAll(connection, rows.table, source, rows.count);
    const nullTexts = columns.flatMap(({ nullTextSuspect }) => nullTextSuspect ?? []);
    if (nullTexts.length > 0 && (source.format === "csv" || source.format === "tsv")) {
      used = { ...spec, nullText: [...new Set([...(spec.nullText ?? []), ...nullTexts])].sort() };
      source = await open(used);
      rows = await sampleTable(connection, source, scratch, sampling);
      columns = await profileAll(connection, rows.table, source, rows.count);
    }
    const named = !source.notes.some(({ kind }) => kind === "no-header");
    const label = chooseLabel(columns, wanted, { named });
    const targets = await findTargets(connection, rows.table, columns, label);
    const leaks =
      label === undefined || label.kind === "real"
        ? []
        : await findLeaks(connection, rows.table, rows.count, columns, label);
    const allIds = isOneHot(source);
    return {
      spec: used,
      ...(derived !== undefined && { derived }),
      format: source.format,
      files: source.files,
      rows: source.rows,
      profiledRows: rows.count,
      notes: source.notes,
      columns,
      named,
      label,
      labelCandidates: labelCandidates(columns),
      leaks,
      targets,
      guess: guessColumns(columns, {
        label,
        leaks: new Map(leaks.map((leak) => [leak.column, leak])),
        targets: new Map(Object.entries(targets)),
        allIds,
      }),
    };
  } finally {
    await source?.close();
    session.close();
  }
}

/** Whether the columns besides the label are the one-hot fields of libfm text. */
export function isOneHot({ format, columns }: Pick<RawSource, "format" | "columns">): boolean {
  const text = format === "libfm" || format === "libsvm";
  return text && columns.every(({ valueType }) => valueType !== "list");
}

async function sampleTable(
  connection: DuckDBConnection,
  source: RawSource,
  scratch: string,
  { sampleRows, computed }: { readonly sampleRows: number; readonly computed: boolean },
): Promise<{ table: string; count: number }> {
  const step = Math.ceil(source.rows / sampleRows);
  // Columns that are computed are computed once.
  const stored = source.format === "parquet" && !computed;
  if (stored && step === 1) return { table: source.sql, count: source.rows };
  const path = join(scratch, "inspect.parquet");
  const select =
    step === 1
      ? `SELECT * FROM ${source.sql}`
      : `SELECT * EXCLUDE ("@row") FROM (SELECT *, row_number() OVER () AS "@row" FROM ${source.sql}) WHERE "@row" % ${step} = 0`;
  await connection.run(`COPY (${select}) TO ${sqlText(path)} (FORMAT parquet)`);
  // Several queries a column: of a thousand columns the file's description is not to be read each time.
  await connection.run("SET parquet_metadata_cache = true");
  const table = `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
  const { count } = await queryRow(connection, `SELECT count(*) AS count FROM ${table}`);
  return { table, count: Number(count) };
}

async function profileAll(
  connection: DuckDBConnection,
  table: string,
  source: RawSource,
  rows: number,
): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  for (const column of source.columns) profiles.push(await profileColumn(connection, table, column, rows));
  return profiles;
}

/** Distinct entries of a list that are looked up among another column's values. */
const TARGET_ENTRIES = 2000;

/** For each list the column with ids among whose values most of its entries are. */
async function findTargets(
  connection: DuckDBConnection,
  table: string,
  columns: readonly ColumnProfile[],
  label: LabelChoice | undefined,
): Promise<Record<string, string>> {
  const targets: Record<string, string> = {};
  const candidates = columns.filter(
    (c) =>
      c.list === undefined &&
      c.distinct >= 20 &&
      c.distinct < c.rows - c.nulls &&
      c.name !== label?.column &&
      (c.numbers?.whole ?? c.valueType === "string"),
  );
  for (const { name, list } of columns) {
    if (list === undefined || list.elementType === "float64") continue;
    const x = sqlName(name);
    const cut = list.separator === undefined ? x : `string_split(${x}, ${sqlText(list.separator)})`;
    let best = 0;
    for (const candidate of candidates) {
      // A few small numbers are among any ids; a history knows a good part of them.
      if (list.distinctEntries < 0.1 * candidate.distinct && !namesHistory(name)) continue;
      const y = sqlName(candidate.name);
      const row = await queryRow(
        connection,
        `WITH entries AS (SELECT DISTINCT CAST(e AS VARCHAR) AS e FROM (SELECT unnest(${cut}) AS e FROM ${table}) WHERE e IS NOT NULL
                          ORDER BY e LIMIT ${TARGET_ENTRIES}),
              known AS (SELECT DISTINCT CAST(${y} AS VARCHAR) AS e FROM ${table})
         SELECT count(*) AS entries, count(*) FILTER (e IN (SELECT e FROM known WHERE e IS NOT NULL)) AS shared FROM entries`,
      );
      const [entries, both] = [Number(row.entries), Number(row.shared)];
      // Of several columns that hold most entries, the one with the least besides them.
      const overlap = both / (entries + candidate.distinct - both);
      if (both >= 0.5 * entries && overlap > best) {
        best = overlap;
        targets[name] = candidate.name;
      }
    }
  }
  return targets;
}

async function findLeaks(
  connection: DuckDBConnection,
  table: string,
  rows: number,
  columns: readonly ColumnProfile[],
  label: LabelChoice,
): Promise<LeakSignal[]> {
  const step = Math.ceil(rows / LEAK_ROWS);
  const literal = (value: string | number | boolean): string =>
    typeof value === "string" ? sqlText(value) : String(value);
  const compared = columns.filter(
    (c) => c.name !== label.column && c.list === undefined && c.distinct > 1 && c.valueType !== "timestamp",
  );
  const wanted = [
    ...compared.map(({ name }) => sqlName(name)),
    `${labelSql(label, sqlName(label.column), literal)} AS y`,
  ];
  const picked = `SELECT ${wanted.join(", ")} FROM (SELECT *, row_number() OVER () AS "@row" FROM ${table}) WHERE "@row" % ${step} = 0`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE leak_rows AS ${step === 1 ? `SELECT ${wanted.join(", ")} FROM ${table}` : picked}`,
  );
  const signals = await leakSignals(
    connection,
    "leak_rows",
    compared.map(({ name, numbers }) => ({ name, kind: numbers === undefined ? "category" : "number" })),
  );
  await connection.run("DROP TABLE leak_rows");
  return signals;
}
