/**
 * HMoE-ME, four kinds of interaction each on tables of their own, beside the same experts on one set of tables as
 * wide as the four together, DCNv2 of that width, and four experts of one kind. Information abundance is that of
 * all of a vocabulary's tables side by side, the mean over vocabularies.
 */
import { join } from "node:path";
import { informationAbundance, singularValues } from "../../numerics/index.ts";
import type { OpenRun, ResultRow } from "../../run/index.ts";
import { FIRST_VALUE_ID } from "../../schema/index.ts";
import { exampleConfig } from "../../world/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Contender, openedRuns, type StudyRuns } from "../study.ts";
import { measuredRow, type TaskRowsOptions } from "../task-rows.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { frappeConfig, prepareFrappe } from "./frappe-data.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

const kinds = ["gwpfm", "cross", "products", "none"];
/** Of one set of tables. */
const dim = 6;
const wide = dim * kinds.length;

function contenders(groups: string[][]): Contender[] {
  const experts = {
    name: "HMoE-ME",
    embeddingDim: dim,
    embeddingStd: 0.01,
    experts: kinds,
    expertHiddenUnits: [64],
    towerHiddenUnits: [32],
    groups,
  };
  return [
    {
      name: "one-table-as-wide",
      role: "baseline",
      model: { ...experts, tables: "one", embeddingDim: wide },
    },
    {
      name: "dcnv2-as-wide",
      role: "baseline",
      model: { name: "DCNv2", embeddingDim: wide, embeddingStd: 0.01, crossLayers: 2, hiddenUnits: [64, 32] },
    },
    { name: "hmoe-me", role: "method", model: experts },
    { name: "one-kind", role: "ablation", model: { ...experts, experts: kinds.map(() => "cross") } },
  ];
}

const claims: Claimed[] = [
  ...["one-table-as-wide", "dcnv2-as-wide", "one-kind"].map((baseline) => ({ method: "hmoe-me", baseline })),
  {
    method: "hmoe-me",
    baseline: "one-table-as-wide",
    metric: "information_abundance",
    options: { higherIsBetter: true },
  },
];

export const hmoeME: Component = {
  name: "hmoe-me",
  claim:
    "experts of different kinds on tables of their own beat the same experts on one set of tables of equal size " +
    "(test AUC), and their tables are less collapsed (information abundance)",
  async measure(context) {
    const { quick, workDirectory, dataDirectory } = context;
    const more = (finished: StudyRuns, options: TaskRowsOptions): Promise<ResultRow[]> =>
      Promise.resolve(abundanceRows(finished, options, context));
    const shared = { component: hmoeME.name, claims, more };
    const directory = join(workDirectory, "world-fields");
    const size = quick
      ? { impressions: 6000, users: 200, items: 300 }
      : { impressions: 100_000, users: 2000, items: 1000 };
    await ensureWorld(directory, { seed: 8, ...size, clickShift: 1 }, context);
    const groups = [
      ["user_id", "age", "gender", "city", "device"],
      ["item_id", "category", "subcategory", "advertiser", "format", "price", "item_age"],
    ];
    const parts: Measured[] = [
      await measureStudy(
        { ...shared, data: "world", config: exampleConfig(directory), contenders: contenders(groups) },
        context,
      ),
    ];
    if (quick) return together(parts);
    const config = frappeConfig(await prepareFrappe(dataDirectory, join(workDirectory, "frappe")));
    const own = [
      ["user", "country", "city"],
      ["item", "cost"],
    ];
    parts.push(
      await measureStudy({ ...shared, data: "frappe", config, contenders: contenders(own) }, context),
    );
    return together(parts);
  },
};

function abundanceRows({ runs }: StudyRuns, options: TaskRowsOptions, context: RecipeContext): ResultRow[] {
  return runs.map((run) =>
    measuredRow(run, options, {
      task: null,
      domain: null,
      metric: "information_abundance",
      values: openedRuns(run, context).map(abundance),
    }),
  );
}

function abundance({ tables }: OpenRun): number {
  const byVocabulary = new Map<string, OpenRun["tables"][number][]>();
  for (const table of tables) {
    const vocabulary = table.name.slice(table.name.lastIndexOf(".") + 1);
    byVocabulary.set(vocabulary, [...(byVocabulary.get(vocabulary) ?? []), table]);
  }
  const each = [...byVocabulary.values()].map((own) => {
    const rows = own[0].rows - FIRST_VALUE_ID;
    const columns = own.reduce((sum, table) => sum + table.dim, 0);
    const data = new Float32Array(rows * columns);
    let first = 0;
    for (const table of own) {
      for (let row = 0; row < rows; row++) {
        const from = (row + FIRST_VALUE_ID) * table.dim;
        data.set(table.data.subarray(from, from + table.dim), row * columns + first);
      }
      first += table.dim;
    }
    return informationAbundance(singularValues({ data, rows, columns }));
  });
  return each.reduce<number>((sum, value) => sum + (value ?? 0), 0) / each.length;
}
