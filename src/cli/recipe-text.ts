/** A recipe's result as tables: variants by metric, then comparisons with their verdicts. */
import {
  comparisonCells,
  comparisonHead,
  type RecipeResult,
  resultLines,
  type ResultRow,
} from "../run/index.ts";
import { count, duration, textTable } from "./text-table.ts";

export function recipeText({ claim, rows, comparisons, verdict, note }: RecipeResult): string {
  const parts = [`Claim: ${claim}`, "", measuredTable(rows)];
  if (comparisons.length > 0) {
    const lines = comparisons.map((each) => [each.data, ...comparisonCells(each), each.verdict]);
    parts.push("", textTable([["data", ...comparisonHead, "verdict"], ...lines]));
  }
  parts.push("", `Verdict: ${verdict}`);
  if (note !== "") parts.push(note);
  return parts.join("\n");
}

/** One line a (data, setting, variant, task), one column a metric: mean, and deviation over seeds. */
function measuredTable(rows: readonly ResultRow[]): string {
  const { metrics, lines } = resultLines(rows);
  const body = lines.map((group) => {
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
