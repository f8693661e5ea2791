/** Checks of single columns as data: SQL of what a row may show, and what it means when some rows do. */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { TimestampUnit } from "../schema/index.ts";
import type { DataConfig } from "./config.ts";
import { queryAggregates } from "./source-sql.ts";
import {
  type Effect,
  type ProblemInput,
  type ProblemList,
  rowsOf,
  type SplitRows,
} from "./validate-report.ts";

/** Something that rows may show: SQL of it, and what it means when `count` of `rows` rows do. */
export interface Check {
  readonly column: string;
  readonly bad: string;
  /** Asked when `count` is not 0. Undefined: not worth a word. */
  readonly judge: (count: number, rows: number) => ProblemInput | undefined;
}

export interface ColumnContext {
  readonly config: DataConfig;
  readonly unit: TimestampUnit;
  /** Seconds since 1970 after which a time lies in the future. */
  readonly now: number;
}

/** Runs checks over one split in one pass and adds what they find, with the first rows that show it. */
export async function runChecks(
  connection: DuckDBConnection,
  split: SplitRows,
  checks: readonly Check[],
  problems: ProblemList,
): Promise<void> {
  const terms = ["count(*)", ...checks.map(({ bad }) => `count(*) FILTER (${bad})`)];
  const [rows, ...counts] = (await queryAggregates(connection, terms, rowsOf(split))).map(Number);
  for (const [k, { bad, judge }] of checks.entries()) {
    const count = counts[k];
    const problem = count === 0 ? undefined : judge(count, rows);
    if (problem === undefined) continue;
    if (count === rows) problems.add({ count, ...problem }, split.name);
    else await problems.addRows({ count, ...problem }, split, bad);
  }
}

/** What becomes of a row whose label, weight or vector cannot be used. */
export const badRow = (config: DataConfig): { severity: "error" | "warning"; effect: Effect } =>
  config.data.onBadRow === "fail"
    ? { severity: "error", effect: "training stops" }
    : { severity: "warning", effect: "rows are left out and counted" };

export const share = (count: number, rows: number): string => `${count} of ${rows} rows`;
