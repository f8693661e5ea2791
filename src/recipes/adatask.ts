/**
 * AdaTask (S10): an optimizer state a task on shared weights, against one state for all under equal, fixed,
 * learned and balanced loss weights, and against gradient surgery. Everyone is the same shared bottom (and
 * one more host, MMoE); on the generated world rho says how much click and like tastes agree. Which task is
 * dominated is measured, not assumed: the one with the smaller share of squared updates in the top shared
 * layer under plain Adam.
 */
import { join } from "node:path";
import {
  compareRows,
  type ConfigInput,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../run/index.ts";
import { multiTaskOptions, type TaskRecord } from "../training/index.ts";
import { trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, type StudyRuns, studyName } from "./study.ts";
import { measuredRow, rowOf, type TaskRowsOptions, taskRows } from "./task-rows.ts";
import { type TaskStudy, taskStudies, taskTraining } from "./task-studies.ts";

type MultiTask = NonNullable<NonNullable<ConfigInput["training"]>["multiTask"]>;

const bottom = { embeddingDim: 8, bottomHiddenUnits: [64, 32], towerHiddenUnits: [16] };
const mmoe = {
  name: "MMoE",
  embeddingDim: 8,
  expertHiddenUnits: [64, 32],
  gateHiddenUnits: [16],
  towerHiddenUnits: [16],
  experts: 4,
};

function contendersOf(tasks: readonly string[]): Contender[] {
  const rarest = tasks[tasks.length - 1];
  const on = (
    name: string,
    role: Contender["role"],
    multiTask?: MultiTask,
    model: Contender["model"] = { name: "SharedBottom", ...bottom },
  ): Contender => ({
    name,
    role,
    model,
    ...(multiTask === undefined ? {} : { training: { multiTask } }),
  });
  return [
    ...tasks.map(
      (task): Contender => ({
        name: `single-${task}`,
        title: "single-task",
        role: "baseline",
        model: { name: "SharedBottom", ...bottom, tasks: [task] },
      }),
    ),
    on("adam", "baseline"),
    ...[0.3, 3, 10].map((weight) =>
      on(`adam-weight-${weight}`, "baseline", { lossWeights: { [rarest]: weight } }),
    ),
    on("uncertainty", "baseline", { weighting: "uncertainty" }),
    on("gradnorm", "baseline", { weighting: "gradnorm" }),
    on("dwa", "baseline", { weighting: "dwa" }),
    on("pcgrad", "baseline", { gradients: "pcgrad" }),
    on("mgda", "baseline", { gradients: "mgda" }),
    on("cagrad", "baseline", { gradients: "cagrad" }),
    on("adatask", "method", { optimizerState: "per-task" }),
    on("adatask-mean", "ablation", { optimizerState: "per-task", stepScale: "mean" }),
    on("adatask-pcgrad", "ablation", { optimizerState: "per-task", gradients: "pcgrad" }),
    on("mmoe", "baseline", undefined, mmoe),
    on("mmoe-adatask", "method", { optimizerState: "per-task" }, mmoe),
    on("mtadam", "baseline", { optimizerState: "mtadam" }),
  ];
}

export const adatask: Recipe = {
  name: "adatask",
  system: "S10",
  summary: "AdaTask beside Adam, loss weightings and gradient surgery: KuaiRand, Census-Income, worlds.",
  claim:
    "AdaTask lifts the test AUC of the dominated task above Adam's with equal weights without losing on the " +
    "dominating one, and balances the tasks' shares of squared updates (rAU)",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordStudies(
    adatask,
    {
      studies: await taskStudies(context),
      contenders: ({ tasks }) => contendersOf(tasks),
      training: taskTraining(context),
      measure: async (study, finished) => {
        const { runs, trials } = finished;
        const options = { data: study.data, setting: study.setting, metrics: ["auc", "log_loss"], trials };
        const rows = [
          ...taskRows(runs, options),
          ...(await dominanceRows(study, finished, options, context)),
        ];
        const { comparisons, dominated } = compared(study, rows);
        const where = studyName(study);
        for (const task of study.tasks) {
          const auc = (variant: string) => rowOf(rows, { variant, task, metric: "auc" }).mean?.toFixed(4);
          context.onLine(
            `${where}, ${task}${task === dominated ? " (dominated)" : ""}: single-task ${auc("single-task")}, adam ${auc("adam")}, adatask ${auc("adatask")}`,
          );
        }
        return { rows, comparisons, remark: `Dominated in ${where}: ${dominated}.` };
      },
      note: "rAU after one epoch at the chosen rates, top shared layer.",
    },
    context,
  );
}

/** Each task's share of squared updates in the top shared layer, by one measured epoch of its own. */
async function dominanceRows(
  { tasks }: TaskStudy,
  { runs }: StudyRuns,
  options: TaskRowsOptions,
  context: RecipeContext,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (const name of ["adam", "adatask"]) {
    const { variant } = runs.find((candidate) => candidate.variant.title === name) as VariantRuns;
    const { training } = variant.config;
    const multiTask = { ...training.multiTask, measure: true };
    const measured: Variant = {
      ...variant,
      name: join(variant.name, "measured"),
      config: {
        ...variant.config,
        training: { ...training, epochs: 1, multiTask: multiTaskOptions.parse(multiTask) },
      },
    };
    const [own] = await trainGrid([measured], context);
    const shares = own.metrics.map(({ history }) => topShares(history[0].tasks?.dominance ?? {}));
    const none = { domain: null, metric: "rau_top" };
    for (const task of tasks) {
      const values = shares.map((share) => share[task] ?? null);
      rows.push(measuredRow({ ...own, variant }, options, { ...none, task, values }));
    }
    const largest = shares.map((share) => Math.max(...tasks.map((task) => share[task] ?? 0)));
    rows.push(
      measuredRow({ ...own, variant }, options, {
        ...none,
        metric: "rau_top_max",
        task: null,
        values: largest,
      }),
    );
  }
  return rows;
}

/** Of the last weight matrix below the towers. */
function topShares(dominance: NonNullable<TaskRecord["dominance"]>): { readonly [task: string]: number } {
  const paths = Object.keys(dominance).filter((path) => /^bottom\..*weight$/.test(path));
  return dominance[paths[paths.length - 1]] ?? {};
}

function compared(
  { tasks, setting }: TaskStudy,
  rows: readonly ResultRow[],
): { dominated: string; comparisons: ResultComparison[] } {
  const share = (task: string): number =>
    rowOf(rows, { variant: "adam", task, metric: "rau_top" }).mean ?? Number.POSITIVE_INFINITY;
  const dominated = tasks.reduce((least, task) => (share(task) < share(least) ? task : least));
  const auc = (variant: string, task: string): ResultRow =>
    rowOf(rows, { variant, task, metric: "auc", setting });
  const most = (variant: string): ResultRow => rowOf(rows, { variant, metric: "rau_top_max" });
  return {
    dominated,
    comparisons: [
      compareRows(auc("adatask", dominated), auc("adam", dominated)),
      compareRows(auc("mmoe-adatask", dominated), auc("mmoe", dominated)),
      ...tasks
        .filter((task) => task !== dominated)
        .map((task) =>
          compareRows(auc("adatask", task), auc("adam", task), {
            claim: { kind: "not-worse", tolerance: 0.001 },
          }),
        ),
      compareRows(most("adatask"), most("adam"), { higherIsBetter: false }),
    ],
  };
}
