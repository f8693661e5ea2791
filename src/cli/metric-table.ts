/** Metrics of splits as a table: one line a metric, the oracle beside the model where the truth is known. */
import type { MetricValue } from "../evaluation/index.ts";
import type { Evaluation } from "../training/index.ts";
import { count, textTable } from "./text-table.ts";

/** `undefined` splits are left out; several labels give several tables. */
export function metricTables(splits: { readonly [split: string]: Evaluation | undefined }): string {
  const present = Object.entries(splits).flatMap(([name, evaluation]) =>
    evaluation === undefined ? [] : [{ name, evaluation }],
  );
  const labels = [...new Set(present.flatMap(({ evaluation }) => Object.keys(evaluation.metrics)))];
  return labels
    .map((label) => {
      const columns = present.flatMap(({ name, evaluation }) => {
        const oracle = evaluation.oracle[label];
        const model = { heading: name, metrics: evaluation.metrics[label] ?? {} };
        return oracle === undefined ? [model] : [model, { heading: "oracle", metrics: oracle }];
      });
      const names = [...new Set(columns.flatMap(({ metrics }) => Object.keys(metrics)))];
      const rows = names.map((name) => [name, ...columns.map(({ metrics }) => metricText(metrics[name]))]);
      const table = textTable([
        [labels.length > 1 ? label : "", ...columns.map(({ heading }) => heading)],
        ...rows,
      ]);
      return [table, ...reasons(label, columns)].join("\n");
    })
    .concat(present.length === 0 ? [] : [rowsLine(present)])
    .join("\n\n");
}

export function metricText(metric: MetricValue | undefined): string {
  return metric === undefined || metric.value === null ? "–" : metric.value.toFixed(4);
}

/** Why values are missing, and what was left out on the way. */
function reasons(
  label: string,
  columns: readonly {
    readonly heading: string;
    readonly metrics: { readonly [name: string]: MetricValue };
  }[],
): string[] {
  const lines = new Set<string>();
  for (const { heading, metrics } of columns) {
    for (const [name, { reason, counts = {} }] of Object.entries(metrics)) {
      if (reason !== undefined) lines.add(`${name} of ${label} (${heading}) is undefined: ${reason}`);
      const { groups, droppedGroups, droppedRows } = counts;
      if (droppedGroups !== undefined && droppedGroups > 0 && heading !== "oracle") {
        lines.add(
          `${name} (${heading}): ${count(groups ?? 0)} groups; ${count(droppedGroups)} groups of one class (${count(droppedRows ?? 0)} rows) left out`,
        );
      }
    }
  }
  return lines.size === 0 ? [] : ["", ...lines];
}

function rowsLine(splits: readonly { readonly name: string; readonly evaluation: Evaluation }[]): string {
  return `rows: ${splits.map(({ name, evaluation }) => `${name} ${count(evaluation.rows)}`).join(", ")}`;
}
