/**
 * Many tasks and many domains, one table: every method and every baseline for several tasks on three data sets,
 * and for several domains on three, of one model width, with the same two learning rates and seeds for all. It
 * is there to choose from; the recipes of single methods try their papers' claims more closely. What is claimed
 * here is cost: a pass over the training data takes no method more passes of its backbone than its card says.
 */
import { join } from "node:path";
import { prepareDataset } from "../../data/index.ts";
import {
  compareRows,
  type ConfigInput,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../../run/index.ts";
import { domainStudies } from "../domain-studies.ts";
import { type MeasuredPart, recordParts } from "../record-parts.ts";
import type { Recipe, RecipeContext } from "../recipe.ts";
import { runStudy, type Study, type StudyRuns, studyName } from "../study.ts";
import { domainRows, measuredRow, type TaskRowsOptions, taskRows } from "../task-rows.ts";
import { taskStudies } from "../task-studies.ts";
import { learningRates } from "../tune.ts";
import { domainMethods } from "./domain-methods.ts";
import type { Method } from "./method.ts";
import { taskMethods } from "./task-methods.ts";
import { type PassCost, trainingCosts } from "./training-cost.ts";

/** A data set with what is compared on it. */
interface Part {
  /** Data sets may stand twice, once with their tasks, once with their domains. */
  readonly folder: "tasks" | "domains";
  readonly study: Study;
  readonly methods: readonly Method[];
  readonly rows: typeof taskRows;
  /** Whether passes are timed; what they cost beside each other is much the same everywhere. */
  readonly timed: boolean;
}

/** Where tastes in two tasks are opposed. */
const opposed = [-0.5];
/** Where tastes in two domains have nothing in common. */
const unrelated = [0];
const trials = learningRates.filter(({ name }) => name === "lr-0.001" || name === "lr-0.003");
const rounds = 3;

export const manyTasks: Recipe = {
  name: "many-tasks",
  system: "foundation",
  summary:
    "Every method for several tasks and for several domains, in one table: world, KuaiRand, Census-Income, Amazon.",
  claim:
    "a pass over the training data costs no method more than its card says: AdaTask a backward pass a task and " +
    "one more, ForkMerge its branches and merges, STEM and Crocodile as many times their backbone as they have " +
    "sets of tables, D-Train three times",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(given: RecipeContext): Promise<RecipeResult | undefined> {
  const context = given.quick ? { ...given, seeds: given.seeds.slice(0, 1) } : given;
  return recordParts(
    manyTasks,
    {
      parts: () => partsOf(context),
      nameOf: ({ folder, study }) => `${folder}/${studyName(study)}`,
      measure: (part) => measurePart(part, within(part.folder, context)),
      note: (variants) =>
        "cost_ratio: CPU time of a pass over the training data beside the backbone's (" +
        "crossdistil and stem: ple; crocodile: mmoe; others: shared-bottom), in turns, three rounds; `card` is what " +
        "a card allows. Main task of methods that have one: the last, which is the rarest; ForkMerge and training after " +
        "training (post-train) care for no other. Some stand where they are not made for: ESMM takes a task as a step " +
        "that follows the first, CrossDistil takes labels to agree about the order, which tasks of opposed taste do not. " +
        `Learning rates: ${variants.join(", ")}.`,
    },
    context,
  );
}

/** What a quick run has: a method of each kind, and backbones. */
const quickMethods = [
  "single-click",
  "single-like",
  "shared-bottom",
  "pcgrad",
  "auto-lambda",
  "mtadam",
  "adatask",
  "forkmerge",
  "mmoe",
  "ple",
  "crossdistil",
  "crocodile",
  "d-train",
];

function within(folder: Part["folder"], context: RecipeContext): RecipeContext {
  return { ...context, workDirectory: join(context.workDirectory, folder) };
}

/** The world, the other data sets with tasks, then those with domains. */
async function partsOf(context: RecipeContext): Promise<Part[]> {
  const parts: Part[] = [];
  for (const study of await taskStudies(within("tasks", context), opposed)) {
    const facts = { tasks: study.tasks, stepsAnEpoch: await stepsAnEpoch(study, context) };
    const methods = taskMethods(facts, context);
    parts.push({ folder: "tasks", study, methods, rows: taskRows, timed: study.data === "world" });
  }
  for (const study of await domainStudies(within("domains", context), unrelated)) {
    const methods = domainMethods(study, context);
    parts.push({ folder: "domains", study, methods, rows: rowsOfDomains, timed: study.data === "world" });
  }
  if (!context.quick) return parts;
  return parts.map((part) => ({
    ...part,
    methods: part.methods.filter(({ name }) => quickMethods.includes(name)),
  }));
}

function rowsOfDomains(...given: Parameters<typeof taskRows>): ResultRow[] {
  return [...taskRows(...given), ...domainRows(...given)];
}

/** KuaiRand stands twice, with its tasks and with its tabs as domains; rows of the two are not to be mixed. */
function settingOf({ folder, study }: Part): Study["setting"] {
  return folder === "domains" && study.data === "kuairand-pure"
    ? { ...study.setting, domains: "tab" }
    : study.setting;
}

const batchSize = ({ quick }: RecipeContext): number => (quick ? 512 : 2048);

async function stepsAnEpoch({ config }: Study, context: RecipeContext): Promise<number> {
  const dataset = await prepareDataset(config);
  try {
    return Math.ceil(dataset.splits.train.rows / batchSize(context));
  } finally {
    await dataset.close();
  }
}

async function measurePart(part: Part, context: RecipeContext): Promise<MeasuredPart> {
  const { study, methods } = part;
  const training: ConfigInput["training"] = {
    batchSize: batchSize(context),
    epochs: context.quick ? 1 : 5,
    embeddingRegularizer: 1e-5,
    embeddingRegularizerScope: "batch",
    embeddingUpdate: "lazy",
    metrics: ["auc"],
    monitor: "auc",
  };
  const finished = await runStudy(study, methods, training, context, trials);
  const options = { data: study.data, setting: settingOf(part), metrics: ["auc"], trials: finished.trials };
  const rows = part.rows(finished.runs, options);
  const timed = part.timed ? await costRows(part, finished, options, context) : { rows: [], comparisons: [] };
  for (const { variant, task, domain, mean } of rows)
    context.onLine(`${studyName(study)}, ${domain ?? task}, ${variant}: AUC ${mean?.toFixed(4)}`);
  return {
    rows: [...rows, ...timed.rows],
    comparisons: timed.comparisons,
    variants: finished.runs.map(({ variant }) => variant),
  };
}

/** Costs beside backbones', and beside what cards allow. */
async function costRows(
  { methods, study }: Part,
  { runs }: StudyRuns,
  options: TaskRowsOptions,
  context: RecipeContext,
): Promise<{ rows: ResultRow[]; comparisons: ResultComparison[] }> {
  const costs = await trainingCosts(
    runs.map(({ variant }) => variant),
    {
      rounds: context.quick ? 1 : rounds,
      directory: join(context.workDirectory, `${studyName(study)}-cost`),
    },
    context,
  );
  const none = { task: null, domain: null, metric: "cost_ratio" };
  const rows: ResultRow[] = [];
  const comparisons: ResultComparison[] = [];
  const costOf = (title: string): readonly PassCost[] => {
    const own = runs
      .filter(({ variant }) => variant.title === title)
      .map(({ variant }) => costs[variant.name]);
    return own[0].map((_, round) => ({
      steps: own.reduce((sum, of) => sum + of[round].steps, 0),
      ending: own.reduce((sum, of) => sum + of[round].ending, 0),
    }));
  };
  for (const [k, { backbone, most, title, name }] of methods.entries()) {
    const shown = title ?? name;
    if (rows.some(({ variant }) => variant === shown)) continue;
    const base = costOf(backbone);
    const beside = ({ steps, ending }: PassCost, round: number): number =>
      (steps + ending) / (base[round].steps + base[round].ending);
    const row = measuredRow(runs[k], options, { ...none, values: costOf(shown).map(beside) });
    rows.push(row);
    context.onLine(`${studyName(study)}, ${shown}: ${row.mean?.toFixed(2)} times the pass of ${backbone}`);
    if (most === undefined) continue;
    const { passes, validations = passes } = most;
    const allowed = base.map(({ steps, ending }, round) =>
      beside({ steps: passes * steps, ending: validations * ending }, round),
    );
    const card: ResultRow = {
      ...measuredRow(runs[k], options, { ...none, values: allowed }),
      variant: `card: ${shown}`,
      role: "baseline",
    };
    rows.push(card);
    // A tenth for the measuring.
    const claim = { kind: "not-worse", tolerance: passes / 10 } as const;
    comparisons.push(compareRows(row, card, { higherIsBetter: false, claim }));
  }
  return { rows, comparisons };
}
