/** What tables of results have in common, on a page and in a terminal: which rows make a line, and its figures. */
import type { ResultComparison, ResultRow } from "./results.ts";

export interface ResultLines {
  /** Names of metrics, as they first appear. */
  readonly metrics: readonly string[];
  /** Rows of one (data, setting, task, domain, variant), one a metric; never empty. */
  readonly lines: readonly (readonly ResultRow[])[];
}

export function resultLines(rows: readonly ResultRow[]): ResultLines {
  const lines = new Map<string, ResultRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.data, row.setting, row.task, row.domain, row.variant]);
    lines.set(key, [...(lines.get(key) ?? []), row]);
  }
  return { metrics: [...new Set(rows.map(({ metric }) => metric))], lines: [...lines.values()] };
}

export const comparisonHead = ["metric", "comparison", "difference", "95 %"] as const;

/** A comparison's cells below `comparisonHead`. */
export function comparisonCells({
  metric,
  method,
  baseline,
  difference,
  interval95,
}: ResultComparison): string[] {
  return [
    metric,
    `${method} against ${baseline}`,
    difference === null ? "–" : signed(difference),
    interval95 === null ? "–" : interval95.map(signed).join(" to "),
  ];
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(4)}`;
}
