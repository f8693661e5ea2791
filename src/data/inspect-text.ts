/** An inspection as a table for people. */
import type { InspectReport } from "./inspect.ts";
import { short } from "./inspect-guess.ts";
import type { ColumnProfile } from "./inspect-profile.ts";

const HEADINGS = ["column", "type", "missing", "distinct", "values", "taken for"];

/** Plain text, one line a column. */
export function inspectionText(report: InspectReport): string {
  const sampled = report.profiledRows < report.rows ? `, ${report.profiledRows} of them looked at` : "";
  const guesses = new Map(report.guess.columns.map((guess) => [guess.column, guess]));
  const rows = report.columns.map((profile) => {
    const guess = guesses.get(profile.name);
    const kind = guess?.feature?.kind ?? guess?.use ?? "";
    return [
      profile.name,
      profile.valueType,
      profile.nulls === 0 ? "" : `${((100 * profile.nulls) / profile.rows).toFixed(1)} %`,
      String(profile.distinct),
      clip(valuesOf(profile), 44),
      kind === "left-out" || kind === "label" ? `${kind}: ${guess?.reason}` : kind,
    ];
  });
  const label =
    report.label === undefined
      ? `no label found${report.labelCandidates.length > 0 ? `; columns with two values: ${report.labelCandidates.join(", ")}` : ""}`
      : `label ${report.label.name}: ${report.label.reason}`;
  return [
    `${report.files.join(", ")}: ${report.format}, ${report.rows} rows${sampled}, ${report.columns.length} columns`,
    label,
    ...report.notes.map(({ text }) => `note: ${text}`),
    "",
    ...alignColumns([HEADINGS, ...rows]),
  ].join("\n");
}

function valuesOf({ numbers, list, times, top, distinct }: ColumnProfile): string {
  if (times !== undefined) return `${times.first} to ${times.last}`;
  if (list !== undefined)
    return `${list.minLength} to ${list.maxLength} entries, median ${list.medianLength}`;
  if (numbers !== undefined && distinct > 5) {
    return `${short(numbers.min)} to ${short(numbers.max)}, median ${short(numbers.quantiles[2])}`;
  }
  return top.map(({ value, count }) => `${value} (${count})`).join(", ");
}

function clip(text: string, length: number): string {
  const plain = text.replace(/[\r\n\t]+/g, " ");
  return plain.length <= length ? plain : `${plain.slice(0, length - 1)}…`;
}

/** Cells padded to their column's width; the last column is left as it is. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, k) => Math.max(...rows.map((row) => row[k].length)));
  return rows.map((row) =>
    row
      .map((cell, k) => (k === row.length - 1 ? cell : cell.padEnd(widths[k])))
      .join("  ")
      .trimEnd(),
  );
}
