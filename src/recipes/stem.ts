/**
 * STEM (S07): tasks with tables of their own beside shared ones, against single-task models and mixtures of
 * experts, one of them as wide as STEM's tables together. On the generated world the cosine rho of a user's
 * click and like tastes says how much the tasks disagree; KuaiRand and Census-Income are as they are. The
 * claim is about comparable users, whose positive feedback tells as much of one task as of the other.
 */
import type { PreparedDataset } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { transferGain } from "../evaluation/index.ts";
import {
  compareRows,
  observeRun,
  type OpenRun,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../run/index.ts";
import { FIRST_VALUE_ID } from "../schema/index.ts";
import { comparable, comparableRows } from "./comparable-users.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, openedRuns, type StudyRuns, withStudyData } from "./study.ts";
import { measuredRow, rowOf, taskRows } from "./task-rows.ts";
import { type TaskStudy, taskStudies, taskTraining } from "./task-studies.ts";

const dim = 8;
const experts = {
  embeddingDim: dim,
  expertHiddenUnits: [64, 32],
  gateHiddenUnits: [16],
  towerHiddenUnits: [16],
};

/** Everyone has the same towers and, where there are experts, four of each task's reading. */
function contendersOf(tasks: readonly string[]): Contender[] {
  const bottom = {
    name: "SharedBottom",
    embeddingDim: dim,
    bottomHiddenUnits: [64, 32],
    towerHiddenUnits: [16],
  };
  const ple = { name: "PLE", ...experts, specificExperts: 1, sharedExperts: 3 };
  const stem = { name: "STEM", ...experts, specificExperts: 1, sharedExperts: 3 };
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
    { name: "ple-wide", role: "baseline", model: { ...ple, embeddingDim: dim * (tasks.length + 1) } },
    { name: "stem", role: "method", model: stem },
    { name: "stem-all-backward", role: "ablation", model: { ...stem, otherExperts: "trained" } },
  ];
}

export const stem: Recipe = {
  name: "stem",
  system: "S07",
  summary:
    "STEM-Net beside single-task models, shared bottom, MMoE and PLE: KuaiRand, Census-Income, worlds.",
  claim:
    "on users whose feedback tells as much of one task as of the other, STEM beats MMoE and PLE of equal table " +
    "size, and single-task models (test AUC; all users where users are not told apart)",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const engine = context.engine ?? (await createEngine("auto"));
  return recordStudies(
    stem,
    {
      studies: await taskStudies(context),
      contenders: ({ tasks }) => contendersOf(tasks),
      training: taskTraining(context),
      measure: async (study, finished) => {
        const rows = await withStudyData(finished, (dataset) =>
          measureStudy(study, finished, { dataset, engine, context }),
        );
        for (const line of transferLines(study, rows)) context.onLine(line);
        return { rows, comparisons: comparisonsOf(study, rows) };
      },
      note: `Embeddings of ${dim} (ple-wide: of STEM's tables together). Users by how their feedback in training divides between the first task and the last; ${comparable} are the comparable ones.`,
    },
    context,
  );
}

interface Measuring {
  readonly dataset: PreparedDataset;
  readonly engine: Engine;
  readonly context: RecipeContext;
}

async function measureStudy(
  { tasks, user }: TaskStudy,
  finished: StudyRuns,
  { dataset, engine, context }: Measuring,
): Promise<ResultRow[]> {
  const { study, runs, trials } = finished;
  const options = { data: study.data, setting: study.setting, metrics: ["auc", "log_loss"], trials };
  const rows = taskRows(runs, options);
  if (user !== undefined) {
    const between = [tasks[0], tasks[tasks.length - 1]] as const;
    const metrics = ["auc"];
    rows.push(
      ...(await comparableRows(finished, dataset, engine, context, { user, tasks: between, metrics })),
    );
  }
  const own = runs.find(({ variant }) => variant.title === "stem");
  if (own === undefined) return rows;
  // What STEM makes of its freedom: how much it reads of others, and how far its tables part.
  const opened = openedRuns(own, context);
  const masses: number[][] = [];
  for (const one of opened) masses.push(await massesOfOthers(one, { dataset, engine }, tasks));
  for (const [t, task] of tasks.entries()) {
    const values = masses.map((mass) => mass[t]);
    rows.push(measuredRow(own, options, { task, domain: null, metric: "gate_mass_of_others", values }));
  }
  if (user !== undefined) {
    const values = opened.map((one) => tableCosine(one, user));
    rows.push(measuredRow(own, options, { task: null, domain: null, metric: "user_table_cosine", values }));
  }
  return rows;
}

/** By task: the weight its gate gives to other tasks' experts, mean over rows. */
async function massesOfOthers(
  run: OpenRun,
  { dataset, engine }: Pick<Measuring, "dataset" | "engine">,
  tasks: readonly string[],
): Promise<number[]> {
  const shown = await observeRun(run, engine, dataset.splits.test ?? dataset.splits.train);
  return tasks.map((_, t) => {
    const { data, shape } = shown[`gates.${t}`];
    const [width] = shape;
    let total = 0;
    for (let at = 0; at < data.length; at += width) {
      for (let other = 0; other < tasks.length; other++) if (other !== t) total += data[at + other];
    }
    return total / (data.length / width);
  });
}

/** Mean cosine of a user's rows in the first task's own table and the last one's. */
function tableCosine({ tables, config }: OpenRun, user: string): number {
  const last = config.labels.length - 1;
  const [a, b] = [0, last].map((t) => tables.find(({ name }) => name === `table:own.${t}.tables.${user}`));
  if (a === undefined || b === undefined) return Number.NaN;
  let sum = 0;
  for (let row = FIRST_VALUE_ID; row < a.rows; row++) {
    const [x, y] = [a, b].map(({ data, dim: width }) => data.subarray(row * width, (row + 1) * width));
    const dot = (u: Float32Array, v: Float32Array): number =>
      u.reduce((total, value, k) => total + value * v[k], 0);
    sum += dot(x, y) / Math.max(Math.sqrt(dot(x, x) * dot(y, y)), 1e-12);
  }
  return sum / (a.rows - FIRST_VALUE_ID);
}

function comparisonsOf({ tasks, user, setting }: TaskStudy, rows: readonly ResultRow[]): ResultComparison[] {
  const seen = user === undefined ? setting : { ...setting, users: comparable };
  const auc = (variant: string, task: string): ResultRow =>
    rowOf(rows, { variant, task, metric: "auc", setting: seen });
  // Where the tasks agree, there is nothing to gain, and nothing should be lost.
  const claim = setting.rho === 1 ? ({ kind: "not-worse", tolerance: 0.002 } as const) : undefined;
  return tasks.flatMap((task) =>
    ["mmoe", "ple-wide", "single-task"].map((baseline) =>
      compareRows(auc("stem", task), auc(baseline, task), { claim }),
    ),
  );
}

/** What each model gains or loses against single-task models. */
function transferLines({ data, setting, tasks }: TaskStudy, rows: readonly ResultRow[]): string[] {
  const names = [...new Set(rows.map(({ variant }) => variant))].filter((name) => name !== "single-task");
  const where = [data, ...Object.entries(setting).map(([dial, value]) => `${dial} ${value}`)].join(" ");
  return tasks.map((task) => {
    const of = (variant: string) => {
      const { mean: value } = rowOf(rows, { variant, task, metric: "auc", setting });
      return { value };
    };
    const gains = names.map((name) => {
      const { value } = transferGain("auc", of(name), of("single-task"));
      return `${name} ${value === null ? "undefined" : `${value < 0 ? "" : "+"}${value.toFixed(4)}`}`;
    });
    return `${where}, ${task}: AUC against single-task (${of("single-task").value?.toFixed(4)}): ${gains.join(", ")}`;
  });
}
