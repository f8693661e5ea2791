/** Metrics of splits as a table: one line a metric, the oracle beside the model where the truth is known. */
import type { MetricValue } from "../evaluation/index.ts";
import type { EpochRecord, Evaluation } from "../training/index.ts";
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

/** Windows that a table shows; there may be a year of hours. */
const MOST_WINDOWS = 12;

/** Of a stream: each window's figures before it was trained on, the last ones; empty without a stream. */
export function windowTable(history: readonly EpochRecord[]): string {
  const windows = history.filter(({ stream }) => stream !== undefined);
  const shown = windows.slice(-MOST_WINDOWS);
  if (shown.length === 0) return "";
  const labels = Object.keys(shown[0].valid ?? {});
  const columns = labels.flatMap((label) =>
    ["auc", "gauc", "log_loss", "rmse"]
      .filter((metric) => shown.some(({ valid }) => valid?.[label]?.[metric] !== undefined))
      .map((metric) => ({ label, metric })),
  );
  const table = textTable([
    ["", "rows", ...columns.map(({ label, metric }) => (labels.length > 1 ? `${label} ${metric}` : metric))],
    ...shown.map(({ phase, stream, valid }) => [
      phase ?? "",
      count(stream?.rows ?? 0),
      ...columns.map(({ label, metric }) => metricText({ value: valid?.[label]?.[metric] ?? null })),
    ]),
  ]);
  const left = windows.length - shown.length;
  const note =
    left === 0
      ? "each window predicted before it was trained on"
      : `the last ${shown.length} of ${windows.length} windows, each predicted before it was trained on`;
  return `${table}\n\n${note}`;
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
