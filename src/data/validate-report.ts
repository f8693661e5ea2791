/** Problems found in data, collected with their places, and shown to people. */
import type { DuckDBConnection } from "@duckdb/node-api";
import { literalPath } from "./source-files.ts";
import { clip } from "./source-scan.ts";
import type { RawSource, RowPlace } from "./source-spec.ts";
import { queryRows, sqlName, sqlText } from "./source-sql.ts";
import type { SplitName } from "./split.ts";

export type Severity = "error" | "warning" | "info";

/** What training does about it. */
export type Effect =
  | "training stops"
  | "rows are left out and counted"
  | "the values count as missing"
  | "the values are out of vocabulary"
  | "the values are moved to the bounds"
  | "the last entries are kept"
  | "nothing";

export interface ProblemExample {
  readonly file: string;
  /** Line of a text file, row (from 1) of a Parquet file. */
  readonly row: number;
  readonly value: string | null;
}

export interface Problem {
  /** Stable name of the kind of problem, such as `label-one-class`. */
  readonly kind: string;
  readonly severity: Severity;
  /** One sentence. */
  readonly message: string;
  readonly effect: Effect;
  readonly split?: SplitName;
  readonly file?: string;
  readonly column?: string;
  /** Rows, values or columns concerned. */
  readonly count: number;
  /** The first few of them. */
  readonly examples: readonly ProblemExample[];
  readonly hint?: string;
}

export interface SplitSummary {
  readonly files: readonly string[];
  readonly rows: number;
  /** Mean of each label over the rows that have one. */
  readonly labelMeans: Readonly<Record<string, number | null>>;
}

export interface ValidationReport {
  /** No problem is an error. */
  readonly ok: boolean;
  readonly counts: Readonly<Record<Severity, number>>;
  readonly splits: { readonly [split in SplitName]?: SplitSummary };
  /** Errors first; at most `MAX_PER_KIND` of a kind, with one more that counts the rest. */
  readonly problems: readonly Problem[];
}

/** One split's rows, in a Parquet file of their own. */
export interface SplitRows {
  readonly name: SplitName;
  readonly source: RawSource;
  readonly path: string;
  /** DuckDB type by column. */
  readonly types: ReadonlyMap<string, string>;
  /** The column with the row's number in the source; undefined where it is the row's number in the file. */
  readonly rowColumn: string | undefined;
}

/** Column with the row's number in the source. */
export const ROW = "__row";

/** A split's rows as a SQL table expression with the row number `ROW` and some of its columns. */
export function rowsOf(
  { path, types, rowColumn }: SplitRows,
  columns: Iterable<string> = types.keys(),
): string {
  const names = [...new Set(columns)].filter((name) => types.has(name)).map(sqlName);
  const row = rowColumn === undefined ? "file_row_number" : sqlName(rowColumn);
  const option = rowColumn === undefined ? ", file_row_number = true" : "";
  return `(SELECT ${[`${row} AS ${ROW}`, ...names].join(", ")} FROM read_parquet(${sqlText(literalPath(path))}${option}, hive_partitioning = false))`;
}

export const MAX_PER_KIND = 25;
const EXAMPLES = 5;

export type ProblemInput = Omit<Problem, "examples" | "count" | "split"> & { readonly count?: number };

interface Pending {
  readonly problem: Omit<Problem, "examples">;
  readonly source: RawSource | undefined;
  readonly rows: readonly { readonly row: number; readonly value: string | null }[];
}

/** Collects problems; places of examples are looked up once, at the end. */
export class ProblemList {
  readonly #pending: Pending[] = [];
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  add({ count = 1, ...problem }: ProblemInput, split?: SplitName): void {
    const named = split === undefined ? {} : { split };
    this.#pending.push({ problem: { ...problem, ...named, count }, source: undefined, rows: [] });
  }

  /** With the first rows that meet `bad`, showing the column's raw value. */
  async addRows({ count = 1, ...problem }: ProblemInput, rows: SplitRows, bad: string): Promise<void> {
    // Notes are many and harmless: they need no examples.
    if (problem.severity === "info") {
      this.add({ count, ...problem }, rows.name);
      return;
    }
    const { column } = problem;
    const value = column === undefined ? "NULL" : `CAST(${sqlName(column)} AS VARCHAR)`;
    const found = await queryRows(
      this.#connection,
      `SELECT ${ROW} AS row, ${value} AS value FROM ${rowsOf(rows)}
       WHERE ${bad} ORDER BY ${ROW} LIMIT ${EXAMPLES}`,
    );
    const first = found.map((entry) => ({
      row: Number(entry.row),
      value: entry.value === null ? null : clip(String(entry.value)),
    }));
    this.#pending.push({
      problem: { ...problem, split: rows.name, count },
      source: rows.source,
      rows: first,
    });
  }

  /** All problems, errors first, otherwise in the order of finding. */
  async finish(): Promise<Problem[]> {
    const places = await this.#locate();
    const problems = this.#pending.map(({ problem, source, rows }): Problem => {
      const examples = rows.map(({ row, value }) => {
        const place = source === undefined ? undefined : places.get(source)?.get(row);
        return { file: place?.file ?? source?.files[0] ?? "", row: place?.row ?? row + 1, value };
      });
      const file = problem.file ?? examples[0]?.file;
      return { ...problem, ...(file === undefined ? {} : { file }), examples };
    });
    const rank: Record<Severity, number> = { error: 0, warning: 1, info: 2 };
    problems.sort((a, b) => rank[a.severity] - rank[b.severity]);
    const kept: Problem[] = [];
    const perKind = new Map<string, number>();
    const rest = new Map<string, Problem[]>();
    for (const problem of problems) {
      const seen = perKind.get(problem.kind) ?? 0;
      perKind.set(problem.kind, seen + 1);
      if (seen < MAX_PER_KIND) kept.push(problem);
      else rest.set(problem.kind, [...(rest.get(problem.kind) ?? []), problem]);
    }
    for (const [kind, more] of rest) {
      const { severity, effect } = more[0];
      kept.push({
        kind,
        severity,
        effect,
        message: `${more.length} more of this kind`,
        count: more.length,
        examples: [],
      });
    }
    return kept.sort((a, b) => rank[a.severity] - rank[b.severity]);
  }

  async #locate(): Promise<Map<RawSource, Map<number, RowPlace>>> {
    const wanted = new Map<RawSource, Set<number>>();
    for (const { source, rows } of this.#pending) {
      if (source === undefined) continue;
      const all = wanted.get(source) ?? new Set();
      for (const { row } of rows) all.add(row);
      wanted.set(source, all);
    }
    const places = new Map<RawSource, Map<number, RowPlace>>();
    for (const [source, rows] of wanted) {
      const ascending = [...rows].sort((a, b) => a - b);
      const found = await source.locate(ascending);
      places.set(
        source,
        new Map(ascending.flatMap((row, k) => (found[k] === undefined ? [] : [[row, found[k]]]))),
      );
    }
    return places;
  }
}

/** Notes of one kind that the text shows; the report has more. */
const SHOWN_NOTES = 5;

/** The report as plain text: what was found, where, and what training does about it. */
export function validationText({ splits, problems, counts }: ValidationReport): string {
  const lines: string[] = [];
  for (const [name, summary] of Object.entries(splits)) {
    const means = Object.entries(summary.labelMeans).map(
      ([label, mean]) => `${label} ${mean === null ? "unknown" : Number(mean.toPrecision(4))}`,
    );
    lines.push(`${name}: ${summary.rows} rows${means.length > 0 ? `, mean ${means.join(", ")}` : ""}`);
  }
  const notes = new Map<string, number>();
  for (const problem of problems) {
    const { severity, message, effect, hint, split, column } = problem;
    const where = [split, column === undefined ? undefined : `column ${column}`]
      .filter((part) => part !== undefined)
      .join(", ");
    const head = `${severity}${where === "" ? "" : ` (${where})`}: ${message}`;
    if (severity === "info") {
      const seen = (notes.get(problem.kind) ?? 0) + 1;
      notes.set(problem.kind, seen);
      if (seen === SHOWN_NOTES + 1) lines.push(`info: and more of this kind (${problem.kind})`);
      if (seen > SHOWN_NOTES) continue;
      lines.push(`${head}${effect === "nothing" ? "" : `; ${effect}`}`);
      continue;
    }
    lines.push("", head);
    for (const { file, row, value } of problem.examples) {
      const shown = column === undefined ? "" : `: ${value === null ? "empty" : JSON.stringify(value)}`;
      lines.push(`    ${file}:${row}${shown}`);
    }
    if (effect !== "nothing") lines.push(`    effect: ${effect}`);
    if (hint !== undefined) lines.push(`    hint: ${hint}`);
  }
  lines.push("", `${counts.error} errors, ${counts.warning} warnings, ${counts.info} notes`);
  return lines.join("\n");
}
