/**
 * CrossDistil (S16): tasks of PLE taught by towers that rank by both labels, against the plain model, single
 * tasks, shared bottom and MMoE, and against itself with parts left out. The teachers' losses also train the
 * shared layers, so the row that has them and does not distil tells what distillation adds.
 */
import { createEngine, type Engine } from "../engine/index.ts";
import { crossTaskLevels, multiAuc } from "../evaluation/index.ts";
import {
  compareRows,
  type ConfigInput,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../run/index.ts";
import { type BatchSource, columnsOf } from "../schema/index.ts";
import { predictSplit } from "../training/index.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, openedRuns, type StudyRuns, withStudyData, studyName } from "./study.ts";
import { measuredRow, rowOf, taskRows } from "./task-rows.ts";
import { type TaskStudy, taskStudies, taskTraining } from "./task-studies.ts";

const experts = {
  embeddingDim: 8,
  expertHiddenUnits: [64, 32],
  gateHiddenUnits: [16],
  towerHiddenUnits: [16],
};
const bottom = { name: "SharedBottom", embeddingDim: 8, bottomHiddenUnits: [64, 32], towerHiddenUnits: [16] };
const ple = { name: "PLE", ...experts, specificExperts: 1, sharedExperts: 3 };

function contendersOf({ tasks, opposedLabels }: TaskStudy): Contender[] {
  const flipped = opposedLabels ? { flipped: [...tasks] } : {};
  const taught = (
    name: string,
    role: Contender["role"],
    crossDistil: NonNullable<ConfigInput["crossDistil"]>,
  ): Contender => ({ name, role, model: ple, crossDistil: { ...crossDistil, ...flipped } });
  return [
    ...tasks.map(
      (task): Contender => ({
        name: `single-${task}`,
        title: "single-task",
        role: "baseline",
        model: { ...bottom, tasks: [task] },
      }),
    ),
    { name: "shared-bottom", role: "baseline", model: bottom },
    { name: "mmoe", role: "baseline", model: { name: "MMoE", ...experts, experts: 4 } },
    { name: "ple", role: "baseline", model: ple },
    taught("crossdistil", "method", {}),
    // The paper's weight of the teachers' losses is not known; they reach into the shared layers.
    taught("light-teachers", "method", { teacherWeight: 0.1 }),
    taught("ranking-alone", "ablation", { alpha: 0 }),
    taught("uncalibrated", "ablation", { calibrate: false }),
    taught("uncorrected", "ablation", { margin: null }),
    taught("other-task", "ablation", { teacher: "other-task" }),
  ];
}

export const crossdistil: Recipe = {
  name: "crossdistil",
  system: "S16",
  summary:
    "CrossDistil on PLE beside its parts and other multi-task models: KuaiRand, Census-Income, worlds.",
  claim:
    "CrossDistil lifts the test multi-AUC over the four levels of two tasks above its backbone's without losing " +
    "AUC, and above the backbone with ranking towers that do not teach",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const engine = context.engine ?? (await createEngine("auto"));
  const metrics = ["auc", "log_loss", "calibration_ratio"];
  return recordStudies(
    crossdistil,
    {
      studies: await taskStudies(context),
      contenders: contendersOf,
      training: { ...taskTraining(context), metrics: [...metrics, "ne"] },
      measure: async (study, finished) => {
        const { runs, trials } = finished;
        const options = { data: study.data, setting: study.setting, metrics, trials };
        const levels = await withStudyData(finished, ({ splits }) =>
          multiAucRows(study, finished, { test: splits.test ?? splits.train, engine }, context),
        );
        const rows = [...taskRows(runs, options), ...levels];
        for (const { variant, metric, task, mean } of rows) {
          if (metric === "auc" || metric === "multi_auc")
            context.onLine(`${studyName(study)}, ${task}, ${variant} ${metric}: ${mean?.toFixed(4)}`);
        }
        return { rows, comparisons: comparisonsOf(study, rows) };
      },
      note: "Teachers' losses count once (crossdistil), or a tenth (light-teachers). multi_auc: a task's predictions against levels by its own label first and, of the other tasks, the first one's second; on Census-Income, whose labels exclude each other more often than not, the other label's absence ranks above its presence, for teachers and measure alike.",
    },
    context,
  );
}

/** How well a task's predictions order rows by its own label and another task's. */
async function multiAucRows(
  { tasks, opposedLabels }: TaskStudy,
  { study, runs, trials }: StudyRuns,
  { test, engine }: { test: BatchSource; engine: Engine },
  context: RecipeContext,
): Promise<ResultRow[]> {
  const options = { data: study.data, setting: study.setting, metrics: [], trials };
  const { columns: labels } = await columnsOf(test, tasks);
  const rows: ResultRow[] = [];
  for (const variantRuns of runs) {
    const values = new Map<string, (number | null)[]>();
    for (const run of openedRuns(variantRuns, context)) {
      const predictor = await run.load(engine);
      try {
        const split = await predictSplit(predictor, test, { batchSize: 4096, schema: run.map });
        for (const [task, { predictions }] of Object.entries(split.byLabel)) {
          const other = tasks.find((candidate) => candidate !== task) as string;
          const good = opposedLabels ? labels[other].map((label) => 1 - label) : labels[other];
          const levels = crossTaskLevels(labels[task], good);
          const { value } = multiAuc({ predictions, labels: levels });
          values.set(task, [...(values.get(task) ?? []), value]);
        }
      } finally {
        await predictor.release();
      }
    }
    for (const [task, measured] of values) {
      rows.push(
        measuredRow(variantRuns, options, { task, domain: null, metric: "multi_auc", values: measured }),
      );
    }
  }
  return rows;
}

function comparisonsOf({ tasks, setting }: TaskStudy, rows: readonly ResultRow[]): ResultComparison[] {
  const of = (variant: string, task: string, metric: string): ResultRow =>
    rowOf(rows, { variant, task, metric });
  const higherIsBetter = true;
  // Where tastes have nothing in common, the other label says nothing about the order.
  const nothingToGain = setting.rho === 0;
  const better = (method: string, baseline: string, task: string): ResultComparison =>
    compareRows(of(method, task, "multi_auc"), of(baseline, task, "multi_auc"), {
      higherIsBetter,
      ...(nothingToGain ? { claim: { kind: "not-worse", tolerance: 0.002 } as const } : {}),
    });
  const notWorse = (method: string, task: string): ResultComparison =>
    compareRows(of(method, task, "auc"), of("ple", task, "auc"), {
      claim: { kind: "not-worse", tolerance: 0.001 },
    });
  return tasks.flatMap((task) => [
    better("crossdistil", "ple", task),
    better("crossdistil", "ranking-alone", task),
    better("light-teachers", "ple", task),
    notWorse("crossdistil", task),
    notWorse("light-teachers", task),
  ]);
}
