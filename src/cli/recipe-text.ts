/** A recipe's result as tables: variants by metric, then comparisons with their verdicts. */
import type { RecipeResult, ResultRow } from "../run/index.ts";
import { count, duration, textTable } from "./text-table.ts";

export function recipeText({ claim, rows, comparisons, verdict, note }: RecipeResult): string {
  const parts = [`Claim: ${claim}`, "", measuredTable(rows)];
  if (comparisons.length > 0) {
    const lines = comparisons.map(
      ({ data, metric, method, baseline, difference, interval95, verdict: one }) => [
        data,
        metric,
        `${method} against ${baseline}`,
        difference === null ? "–" : signed(difference),
        interval95 === null ? "–" : interval95.map(signed).join(" to "),
        one,
      ],
    );
    parts.push("", textTable([["data", "metric", "comparison", "difference", "95 %", "verdict"], ...lines]));
  }
  parts.push("", `Verdict: ${verdict}`);
  if (note !== "") parts.push(note);
  return parts.join("\n");
}

/** One line a (data, setting, variant, task), one column a metric: mean, and deviation over seeds. */
function measuredTable(rows: readonly ResultRow[]): string {
  const metrics = [...new Set(rows.map(({ metric }) => metric))];
  const lines = new Map<string, ResultRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.data, row.setting, row.variant, row.task, row.domain]);
    lines.set(key, [...(lines.get(key) ?? []), row]);
  }
  const body = [...lines.values()].map((group) => {
    const [{ data, setting, variant, task, domain, parameters, trainSeconds, values }] = group;
    const dials = Object.entries(setting).map(([dial, value]) => `${dial}=${value}`);
    const what = [variant, ...dials, task, domain].filter((part) => part !== null).join(" ");
    const figures = metrics.map((metric) => figure(group.find((row) => row.metric === metric)));
    return [data, what, ...figures, String(values.length), count(parameters), duration(trainSeconds)];
  });
  return textTable([["data", "variant", ...metrics, "seeds", "parameters", "time"], ...body]);
}

function figure(row: ResultRow | undefined): string {
  if (row === undefined || row.mean === null) return "–";
  return row.std === null ? row.mean.toFixed(4) : `${row.mean.toFixed(4)} ± ${row.std.toFixed(4)}`;
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(4)}`;
}
