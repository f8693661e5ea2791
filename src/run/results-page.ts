/** `docs/results.md`: what every recipe measured, in full, made from `results/`. */
import { tableCell } from "./markdown-cell.ts";
import { measuredWith } from "./measured-with.ts";
import { comparisonCells, comparisonHead, resultLines } from "./result-lines.ts";
import type { RecipeResult, ResultComparison, ResultRow, Setting } from "./results.ts";

/** The whole page as Markdown, recipes by name. */
export function resultsPage(results: readonly RecipeResult[]): string {
  const sorted = [...results].sort((a, b) => (a.recipe < b.recipe ? -1 : 1));
  return [
    "# Results",
    "",
    "<!-- Made by `npm run build:results` from results/; edits here are lost. -->",
    "",
    "What every recipe measured on its test split: mean ± standard deviation over seeds. Times are of training alone, and most were taken on a machine that did other work too; `npm run -s bench:models` compares models' speed. [systems.md](systems.md) has the verdicts beside the papers' claims.",
    "",
    ...sorted.flatMap((result) => [...recipeSection(result), ""]),
  ].join("\n");
}

function recipeSection(result: RecipeResult): string[] {
  const { recipe, system, claim, verdict, note, rows, comparisons } = result;
  const about = system === "foundation" ? recipe : `${recipe} (${system})`;
  return [
    `## ${about}`,
    "",
    `Claim: ${claim}.`,
    "",
    `Verdict: **${verdict.replaceAll("-", " ")}**. ${note}`,
    "",
    `\`millrace recipe ${recipe}\`, \`results/${recipe}.json\`: ${measuredWith(result)}.`,
    "",
    ...measuredTable(rows),
    ...(comparisons.length === 0 ? [] : ["", ...comparisonTable(comparisons)]),
  ];
}

/** One line a (data, setting, task, domain, variant), one column a metric. */
function measuredTable(rows: readonly ResultRow[]): string[] {
  const { metrics, lines } = resultLines(rows);
  const body = lines.map((group) => {
    const [{ variant, parameters, trainSeconds, values }] = group;
    const figures = metrics.map((metric) => figure(group.find((row) => row.metric === metric)));
    const cost = [parameters.toLocaleString("en-US"), trainSeconds.toFixed(0)];
    return [whereOf(group[0]), variant, ...figures, String(values.length), ...cost];
  });
  const head = ["data", "variant", ...metrics, "seeds", "parameters", "training, s"];
  return table(head, body, 2);
}

function comparisonTable(comparisons: readonly ResultComparison[]): string[] {
  const body = comparisons.map((comparison) => [
    whereOf(comparison),
    ...comparisonCells(comparison),
    comparison.verdict.replaceAll("-", " "),
  ]);
  return table(["data", ...comparisonHead, "verdict"], body, 3);
}

interface Where {
  readonly data: string;
  readonly setting?: Setting;
  readonly task?: string | null;
  readonly domain?: string | null;
}

function whereOf({ data, setting = {}, task = null, domain = null }: Where): string {
  const dials = Object.entries(setting).map(([dial, value]) => `${dial} ${value}`);
  const parts = [data, ...dials, task, domain === null ? null : `domain ${domain}`];
  return parts.filter((part) => part !== null).join(", ");
}

/** @param texts leading columns that are text; the others are aligned to the right */
function table(head: readonly string[], body: readonly (readonly string[])[], texts: number): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(tableCell).join(" | ")} |`;
  return [line(head), line(head.map((_, k) => (k < texts ? "---" : "---:"))), ...body.map(line)];
}

function figure(row: ResultRow | undefined): string {
  if (row === undefined || row.mean === null) return "–";
  const digits = Math.abs(row.mean) >= 100 ? 1 : 4;
  const mean = row.mean.toFixed(digits);
  return row.std === null ? mean : `${mean} ± ${row.std.toFixed(digits)}`;
}
