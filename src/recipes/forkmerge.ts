/**
 * ForkMerge (S09): a target task with auxiliary ones, some of them worthless (random labels) or against it
 * (rho below 0). Branches with different loss weights are merged by validation of the target; beside it
 * single-task training, equal and fixed weights, weightings, gradient surgery, and joint training followed
 * by the target alone. Everyone is the same shared bottom and is validated on the target.
 */
import { join } from "node:path";
import {
  compareRows,
  type ConfigInput,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../run/index.ts";
import { exampleConfig } from "../world/index.ts";
import { censusTasks, prepareCensus } from "./census-data.ts";
import type { VariantRuns } from "./grid.ts";
import { kuairandTasks, prepareKuaiRand } from "./kuairand-data.ts";
import { withNoiseTask } from "./noise-task.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, type Study, studyName } from "./study.ts";
import { measuredRow, rowOf, taskRows, type TaskRowsOptions } from "./task-rows.ts";
import { agreements, quickTaskWorld, taskTraining, taskWorld } from "./task-studies.ts";
import { ensureWorld } from "./world-data.ts";

interface TargetStudy extends Study {
  readonly target: string;
  readonly auxiliary: readonly string[];
  /** Steps between merges: about an epoch, so that merges are validated as often as others' epochs. */
  readonly mergeEverySteps: number;
}

const bottom = { name: "SharedBottom", embeddingDim: 8, bottomHiddenUnits: [64, 32], towerHiddenUnits: [16] };

function contendersOf(
  { target, auxiliary, mergeEverySteps }: TargetStudy,
  { quick }: RecipeContext,
): Contender[] {
  type Training = NonNullable<ConfigInput["training"]>;
  const on = (name: string, role: Contender["role"], training: Training = {}): Contender => ({
    name,
    role,
    model: bottom,
    training: { ...training, monitorLabel: target },
  });
  const alone = { [target]: 1, ...Object.fromEntries(auxiliary.map((task) => [task, 0])) };
  const weighted = (weight: number) => Object.fromEntries(auxiliary.map((task) => [task, weight]));
  const epochs = quick ? 2 : 15;
  const pairs = auxiliary.map((task) => ({ [target]: 1, [task]: 1 }));
  return [
    {
      name: "single-task",
      role: "baseline",
      model: { ...bottom, tasks: [target] },
      training: { monitorLabel: target },
    },
    on("equal", "baseline"),
    ...[0.1, 0.3].map((weight) =>
      on(`weight-${weight}`, "baseline", { multiTask: { lossWeights: weighted(weight) } }),
    ),
    on("uncertainty", "baseline", { multiTask: { weighting: "uncertainty" } }),
    on("gradnorm", "baseline", { multiTask: { weighting: "gradnorm" } }),
    on("pcgrad", "baseline", { multiTask: { gradients: "pcgrad" } }),
    on("gcs", "baseline", { multiTask: { gradients: "gcs", mainTask: target } }),
    on("post-train", "baseline", {
      phases: [
        { name: "joint", epochs },
        { name: "target", epochs: quick ? 1 : 5, learningRateFactor: 0.3, lossWeights: alone },
      ],
    }),
    on("forkmerge", "method", {
      forkMerge: { mergeEverySteps, branches: [{ [target]: 1 }, { [target]: 1, ...weighted(1) }] },
    }),
    on("forkmerge-branches", "method", {
      forkMerge: { mergeEverySteps, branches: [{ [target]: 1 }, ...pairs], keepBranches: 3 },
    }),
    on("ol-aux", "baseline", { multiTask: { weighting: "ol-aux", mainTask: target } }),
    on("auto-lambda", "baseline", { multiTask: { weighting: "auto-lambda", mainTask: target } }),
    // With one auxiliary task its weight is 1, as with equal weights.
    ...(auxiliary.length > 1
      ? [on("arml", "baseline", { multiTask: { weighting: "arml", mainTask: target } })]
      : []),
  ];
}

export const forkmerge: Recipe = {
  name: "forkmerge",
  system: "S09",
  summary: "ForkMerge beside single-task, weighted and post-trained models: KuaiRand, Census-Income, worlds.",
  claim:
    "ForkMerge's target AUC is at least that of single-task training and of the best fixed weighting in every " +
    "setting, and beats equal weights where auxiliaries hurt",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordStudies(
    forkmerge,
    {
      studies: await studiesOf(context),
      contenders: (study) => contendersOf(study, context),
      training: taskTraining(context),
      measure: async (study, { runs, trials }) => {
        const options = { data: study.data, setting: study.setting, metrics: ["auc", "log_loss"], trials };
        const rows = [...taskRows(runs, options), ...coefficientRows(study, runs, options)];
        for (const { variant, metric, task, mean } of rows) {
          if (metric === "log_loss" || (task !== study.target && metric !== "coefficient")) continue;
          context.onLine(`${studyName(study)}, ${task}, ${variant} ${metric}: ${mean?.toFixed(4)}`);
        }
        return { rows, comparisons: comparisonsOf(study, rows) };
      },
      note: "Mixtures are chosen on the validation split that also ends training. coefficient is a branch's mean over all merges, by the auxiliary task it adds.",
    },
    context,
  );
}

async function studiesOf(context: RecipeContext): Promise<TargetStudy[]> {
  const { quick, workDirectory, dataDirectory } = context;
  const studies: TargetStudy[] = [];
  for (const rho of quick ? [-0.5] : agreements) {
    const directory = join(workDirectory, `world-${rho}`);
    const options = quick ? quickTaskWorld : taskWorld;
    await ensureWorld(directory, { ...options, likeAgreement: rho }, context);
    const config = exampleConfig(directory, { labels: ["like", "click"] });
    studies.push({
      data: "world",
      setting: { rho },
      config: await withNoiseTask(config, join(workDirectory, `world-${rho}-noise`)),
      target: "like",
      auxiliary: ["click", "noise"],
      mergeEverySteps: quick ? 58 : 54,
    });
  }
  if (quick) return studies;
  const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
  studies.push({
    data: "kuairand-pure",
    setting: {},
    config: kuairandTasks(files, ["like", "click", "long_view"]),
    target: "like",
    auxiliary: ["click", "long_view"],
    mergeEverySteps: 84,
  });
  studies.push({
    data: "census-income",
    setting: {},
    config: await prepareCensus(dataDirectory, join(workDirectory, "census")),
    target: censusTasks[0],
    auxiliary: [censusTasks[1]],
    mergeEverySteps: 34,
  });
  // Public data after the first world.
  const worlds = agreements.length;
  return [studies[0], ...studies.slice(worlds), ...studies.slice(1, worlds)];
}

/** How much of each auxiliary task's branch went into the mixtures. */
function coefficientRows(
  { auxiliary }: TargetStudy,
  runs: readonly VariantRuns[],
  options: TaskRowsOptions,
): ResultRow[] {
  const own = runs.find(({ variant }) => variant.title === "forkmerge-branches") as VariantRuns;
  return auxiliary.map((task, k) => {
    const values = own.metrics.map(({ history }) => {
      const shares = history.map(({ merge }) => merge?.coefficients[merge.branches.indexOf(k + 1)] ?? 0);
      return shares.reduce((sum, share) => sum + share, 0) / shares.length;
    });
    return measuredRow(own, options, { task, domain: null, metric: "coefficient", values });
  });
}

function comparisonsOf({ target, setting }: TargetStudy, rows: readonly ResultRow[]): ResultComparison[] {
  const auc = (variant: string): ResultRow => rowOf(rows, { variant, task: target, metric: "auc" });
  const weights = ["equal", "weight-0.1", "weight-0.3"].map(auc);
  const best = weights.reduce((a, b) => ((b.mean ?? 0) > (a.mean ?? 0) ? b : a));
  const safe = { claim: { kind: "not-worse", tolerance: 0.001 } } as const;
  const harmful = typeof setting.rho === "number" && setting.rho < 0;
  return [
    compareRows(auc("forkmerge"), auc("single-task"), safe),
    compareRows(auc("forkmerge"), best, safe),
    compareRows(auc("forkmerge-branches"), auc("single-task"), safe),
    compareRows(auc("forkmerge-branches"), best, safe),
    ...(harmful ? [compareRows(auc("forkmerge"), auc("equal"))] : []),
  ];
}
