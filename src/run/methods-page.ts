/**
 * `docs/multi-task-table.md`: what recipe `many-tasks` measured, a line a method. Columns are test AUCs: of each task
 * on data with tasks; on data with domains, of all rows and of the domain where the method does worst.
 */
import { measuredWith } from "./measured-with.ts";
import { tableCell } from "./markdown-cell.ts";
import type { RecipeResult, ResultRow } from "./results.ts";

/** The whole page as Markdown; without a result it says how to get one. */
export function methodsPage(result: RecipeResult | undefined): string {
  const head = [
    "# Methods for several tasks and domains, side by side",
    "",
    "<!-- Made by `npm run build:results` from results/many-tasks.json; edits here are lost. -->",
    "",
    "One model width, the same two learning rates, seeds and epochs for all: `millrace recipe many-tasks --resume`. What the models are says [multi-task.md](multi-task.md), how the methods train them [multi-task-training.md](multi-task-training.md). Figures with their deviations are in [results.md](results.md).",
    "",
  ];
  if (result === undefined) return [...head, "Not measured yet.", ""].join("\n");
  const { rows, note } = result;
  const places = [...new Set(rows.map(placeOf))];
  const withDomains = new Set(rows.filter(({ domain }) => domain !== null).map(placeOf));
  const table = (title: string, chosen: readonly string[]): string[] =>
    chosen.length === 0 ? [] : [`## ${title}`, "", ...methodTable(rows, chosen), ""];
  return [
    ...head,
    "Best of a column in bold. Cost: CPU time of a pass over the training data beside the backbone's. Seconds of training are by the clock on the wall, of a machine that did other work too; where they are hundreds of times those of the neighbours, a run was paused, and cost is what to read.",
    "",
    ...table(
      "Tasks",
      places.filter((place) => !withDomains.has(place)),
    ),
    ...table(
      "Domains",
      places.filter((place) => withDomains.has(place)),
    ),
    `${note}`,
    "",
    `Measured: ${measuredWith(result)}.`,
    "",
  ].join("\n");
}

/** Data with its dials: `world rho -0.5`. */
function placeOf({ data, setting }: Pick<ResultRow, "data" | "setting">): string {
  return [data, ...Object.entries(setting ?? {}).map(([dial, value]) => `${dial} ${value}`)].join(" ");
}

interface Column {
  readonly head: string;
  readonly values: ReadonlyMap<string, number>;
  readonly text: (value: number) => string;
  readonly best: boolean;
}

function methodTable(rows: readonly ResultRow[], places: readonly string[]): string[] {
  const own = rows.filter((row) => places.includes(placeOf(row)));
  const methods = [...new Set(own.filter(({ metric }) => metric === "auc").map(({ variant }) => variant))];
  const columns = [
    ...places.flatMap((place) => columnsOf(own.filter((row) => placeOf(row) === place))),
    costColumn(own),
  ];
  const line = (cells: readonly string[]): string => `| ${cells.map(tableCell).join(" | ")} |`;
  const body = methods.map((method) => [method, ...columns.map((column) => cell(column, method))]);
  return [
    line(["method", ...columns.map(({ head }) => head)]),
    line(["---", ...columns.map(() => "---:")]),
    ...body.map(line),
  ];
}

function cell({ values, text, best }: Column, method: string): string {
  const value = values.get(method);
  if (value === undefined) return "–";
  return best && value === Math.max(...values.values()) ? `**${text(value)}**` : text(value);
}

/** One place's AUCs, parameters and seconds. */
function columnsOf(rows: readonly ResultRow[]): Column[] {
  const place = placeOf(rows[0]);
  const aucs = rows.filter(({ metric }) => metric === "auc");
  const tasks = [...new Set(aucs.map(({ task }) => task))];
  const auc = (head: string, values: ReadonlyMap<string, number>): Column => ({
    head: `${place}: ${head}`,
    values,
    text: (value) => value.toFixed(4),
    best: true,
  });
  const ofTasks = tasks.map((task) =>
    auc(
      String(task),
      byMethod(
        aucs.filter((row) => row.task === task && row.domain === null),
        ([{ mean }]) => mean,
      ),
    ),
  );
  const ofDomains = aucs.filter(({ domain }) => domain !== null);
  const worst = auc(
    "worst domain",
    byMethod(ofDomains, (group) => Math.min(...group.map(({ mean }) => mean ?? Number.POSITIVE_INFINITY))),
  );
  // A method of one model a task has a row for each of them.
  const whole = aucs.filter(({ domain }) => domain === null);
  const count = (value: number): string => Math.round(value).toLocaleString("en-US");
  return [
    ...ofTasks,
    ...(ofDomains.length === 0 ? [] : [worst]),
    { head: "parameters", values: byMethod(whole, total("parameters")), text: count, best: false },
    { head: "s", values: byMethod(whole, total("trainSeconds")), text: count, best: false },
  ];
}

/** Once a model: rows of one model have the same figures. */
function total(field: "parameters" | "trainSeconds"): (group: readonly ResultRow[]) => number {
  return (group) => {
    const models = new Map(
      group.map((row) => [`${row.parameters} ${row.trainSeconds}`, row[field]] as const),
    );
    return [...models.values()].reduce((sum, value) => sum + value, 0);
  };
}

function costColumn(rows: readonly ResultRow[]): Column {
  return {
    head: "cost",
    values: byMethod(
      rows.filter(({ metric }) => metric === "cost_ratio"),
      ([{ mean }]) => mean,
    ),
    text: (value) => value.toFixed(2),
    best: false,
  };
}

/** Methods without rows, and undefined figures, are left out. */
function byMethod(
  rows: readonly ResultRow[],
  figure: (group: readonly ResultRow[]) => number | null,
): ReadonlyMap<string, number> {
  const groups = new Map<string, ResultRow[]>();
  for (const row of rows) groups.set(row.variant, [...(groups.get(row.variant) ?? []), row]);
  const found = new Map<string, number>();
  for (const [variant, group] of groups) {
    const value = figure(group);
    if (value !== null && Number.isFinite(value)) found.set(variant, value);
  }
  return found;
}
