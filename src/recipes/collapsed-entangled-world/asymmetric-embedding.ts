/**
 * AME, three sets of tables of different widths that tasks choose among, beside one set of the summed width and
 * three of equal widths; KuaiRand's clicks, long views and likes, and a world whose likes are of another taste.
 */
import { join } from "node:path";
import { observeRun, type ResultRow } from "../../run/index.ts";
import { createEngine } from "../../engine/index.ts";
import { exampleConfig } from "../../world/index.ts";
import { kuairandTasks, prepareKuaiRand } from "../kuairand-data.ts";
import type { RecipeContext } from "../recipe.ts";
import { type Contender, openedRuns, type StudyRuns, withStudyData } from "../study.ts";
import { measuredRow, type TaskRowsOptions } from "../task-rows.ts";
import { quickTaskWorld, taskTraining, taskWorld } from "../task-studies.ts";
import { ensureWorld } from "../world-data.ts";
import { type Component, type Measured, together } from "./component.ts";
import { type Claimed, measureStudy } from "./study-component.ts";

const widths = [4, 8, 12];
const summed = widths.reduce((sum, width) => sum + width, 0);

const experts = {
  expertHiddenUnits: [64, 32],
  gateHiddenUnits: [16],
  towerHiddenUnits: [16],
  embeddingStd: 0.01,
};
const contenders: readonly Contender[] = [
  {
    name: "one-table",
    role: "baseline",
    model: { name: "MMoE", embeddingDim: summed, experts: widths.length, ...experts },
  },
  {
    name: "equal-widths",
    role: "ablation",
    model: { name: "AME", embeddingDims: widths.map(() => summed / widths.length), ...experts },
  },
  { name: "ame", role: "method", model: { name: "AME", embeddingDims: widths, ...experts } },
];

/** The small task is to gain; the first, a big one, is to lose nothing. */
function claims(big: string, small: string): Claimed[] {
  return [
    { method: "ame", baseline: "one-table", task: small },
    { method: "ame", baseline: "equal-widths", task: small },
    {
      method: "ame",
      baseline: "one-table",
      task: big,
      options: { claim: { kind: "not-worse", tolerance: 0.002 } },
    },
  ];
}

export const asymmetricEmbedding: Component = {
  name: "asymmetric-embedding",
  claim:
    "tables of different widths raise the small task's AUC over one set of the summed width, and over equal " +
    "widths; the big task stays within 0.002",
  async measure(context) {
    const { quick, workDirectory, dataDirectory } = context;
    const shared = { component: asymmetricEmbedding.name, contenders, training: taskTraining(context) };
    const directory = join(workDirectory, "world-tasks");
    const world = quick ? quickTaskWorld : { ...taskWorld, impressions: 150_000 };
    await ensureWorld(directory, { ...world, likeAgreement: 0 }, context);
    const tasks = ["click", "like"] as const;
    const parts: Measured[] = [
      await measureStudy(
        {
          ...shared,
          data: "world",
          setting: { rho: 0 },
          config: exampleConfig(directory, { labels: tasks }),
          claims: claims("click", "like"),
          more: (finished, options) => gateRows(finished, options, tasks, context),
        },
        context,
      ),
    ];
    if (quick) return together(parts);
    const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
    const labels = ["click", "long_view", "like"] as const;
    parts.push(
      await measureStudy(
        {
          ...shared,
          data: "kuairand-pure",
          config: kuairandTasks(files, labels),
          claims: claims("click", "like"),
          more: (finished, options) => gateRows(finished, options, labels, context),
        },
        context,
      ),
    );
    return together(parts);
  },
};

/** How much of a task's gate goes to the narrowest tables, mean over test rows. */
async function gateRows(
  finished: StudyRuns,
  options: TaskRowsOptions,
  tasks: readonly string[],
  context: RecipeContext,
): Promise<ResultRow[]> {
  const own = finished.runs.find(({ variant }) => variant.title === "ame");
  if (own === undefined) return [];
  const engine = context.engine ?? (await createEngine("auto"));
  return withStudyData(finished, async ({ splits }) => {
    const masses: number[][] = [];
    for (const run of openedRuns(own, context)) {
      const shown = await observeRun(run, engine, splits.test ?? splits.train);
      masses.push(
        tasks.map((_, t) => {
          const { data } = shown[`gates.${t}`];
          let narrow = 0;
          for (let at = 0; at < data.length; at += widths.length) narrow += data[at];
          return narrow / (data.length / widths.length);
        }),
      );
    }
    return tasks.map((task, t) =>
      measuredRow(own, options, {
        task,
        domain: null,
        metric: "gate_mass_of_narrowest",
        values: masses.map((mass) => mass[t]),
      }),
    );
  });
}
