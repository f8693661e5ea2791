/** `docs/systems.md`: every system with its claim and what the recipes measured, made from `results/`. */
import { tableCell } from "./markdown-cell.ts";
import type { RecipeResult, ResultComparison } from "./results.ts";
import { type System, systems } from "./systems.ts";

export const NOT_MEASURED = "not yet measured";

/** The whole page as Markdown. */
export function systemsTable(results: readonly RecipeResult[]): string {
  const ids = new Set(systems.map(({ id }) => id));
  const measured = systems.filter(({ id }) => results.some((result) => result.system === id)).length;
  const others = results.filter(({ system }) => !ids.has(system));
  return [
    "# Systems",
    "",
    "<!-- Made by `npm run build:results` from src/run/systems.ts and results/; edits here are lost. -->",
    "",
    `The ${systems.length} methods that Millrace carries, each with its paper's claim in our words and what our recipe measured, whether or not the claim held. ${measured} of ${systems.length} are measured so far. Verdicts are computed from paired differences over seeds with a 95 % interval (Student's t); figures are method minus baseline.`,
    "",
    "| id | system | paper | claim to measure again | result |",
    "| --- | --- | --- | --- | --- |",
    ...systems.map((system) => systemRow(system, results)),
    "",
    ...(others.length === 0
      ? []
      : [
          "## Other recipes",
          "",
          "| recipe | claim | result |",
          "| --- | --- | --- |",
          ...others.map(
            (result) => `| ${result.recipe} | ${tableCell(result.claim)} | ${resultCell(result)} |`,
          ),
          "",
        ]),
  ].join("\n");
}

function systemRow({ id, name, arxiv, claim }: System, results: readonly RecipeResult[]): string {
  const own = results.filter(({ system }) => system === id).map(resultCell);
  const paper = `[${arxiv}](https://arxiv.org/abs/${arxiv})`;
  return `| ${id} | ${tableCell(name)} | ${paper} | ${tableCell(claim)} | ${own.join("<br>") || NOT_MEASURED} |`;
}

function resultCell(result: RecipeResult): string {
  const verdict = `**${result.verdict.replaceAll("-", " ")}** ([${result.recipe}](../results/${result.recipe}.json))`;
  const shown = result.comparisons.slice(0, 4).map(comparisonText);
  const more = result.comparisons.length - shown.length;
  const note = result.note === "" ? [] : [result.note];
  return [verdict, ...shown, ...(more > 0 ? [`and ${more} more`] : []), ...note].map(tableCell).join("<br>");
}

function comparisonText({
  data,
  task,
  metric,
  method,
  baseline,
  difference,
  interval95,
}: ResultComparison): string {
  const where = [data, task].filter((part) => part !== null && part !== undefined).join(", ");
  const interval = interval95 === null ? "" : ` [${interval95.map(signed).join(", ")}]`;
  const figure = difference === null ? "undefined" : `${signed(difference)}${interval}`;
  return `${where}: ${metric} ${figure}, ${method} over ${baseline}`;
}

function signed(value: number): string {
  const digits = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
  return value > 0 ? `+${Number(digits)}` : String(Number(digits));
}
