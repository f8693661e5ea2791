/**
 * D-Train (S06): training in three phases (all domains through one head, each through its own, then each
 * head alone on a frozen bottom), against pooled, separate and multi-domain models and against the phases
 * left out one by one. Everyone has the same bottom and towers. On the generated world the cosine kappa of a
 * user's taste in a feed with the shared one says how much domains disagree.
 */
import {
  compareRows,
  type ConfigInput,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  type RunMetrics,
} from "../run/index.ts";
import { type DomainStudy, domainStudies } from "./domain-studies.ts";
import type { VariantRuns } from "./grid.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, studyName } from "./study.ts";
import { domainRows, measuredRow, rowOf, type TaskRowsOptions, taskRows } from "./task-rows.ts";

type Phases = NonNullable<NonNullable<ConfigInput["training"]>["phases"]>;

const tower = { embeddingDim: 8, towerHiddenUnits: [16] };
const experts = { ...tower, expertHiddenUnits: [64, 32], gateHiddenUnits: [16] };
const bottom = { name: "SharedBottom", ...tower, bottomHiddenUnits: [64, 32] };
const domains = { branches: "domain" } as const;

/** Early stopping ends a phase much sooner where it has nothing to give. */
function phasesOf({ quick }: RecipeContext): { readonly [name in "pre" | "post" | "fine"]: Phases[number] } {
  return {
    pre: { name: "pre-train", epochs: quick ? 2 : 20, tie: ["heads.towers.*.*"] },
    post: { name: "post-train", epochs: quick ? 1 : 5, learningRateFactor: 0.3 },
    fine: {
      name: "fine-tune",
      epochs: quick ? 1 : 5,
      learningRateFactor: 0.1,
      earlyStopPatience: 1,
      eachDomain: true,
      train: ["heads.towers.*.{domain}"],
    },
  };
}

function contendersOf(context: RecipeContext): Contender[] {
  const { pre, post, fine } = phasesOf(context);
  // Without pre-training, post-training is all there is: from scratch at the full rate.
  const scratch = { ...post, epochs: pre.epochs, learningRateFactor: 1 };
  const model = { ...bottom, ...domains };
  const mmoe = { name: "MMoE", ...experts, ...domains, experts: 3 };
  const apart = { sharedExperts: 0, otherExperts: "none", gateInput: "own" } as const;
  return [
    { name: "separate", role: "baseline", model: { name: "STEM", ...experts, ...domains, ...apart } },
    { name: "pooled", role: "baseline", model: bottom },
    { name: "shared-bottom", role: "baseline", model },
    { name: "mmoe", role: "baseline", model: mmoe },
    { name: "star", role: "baseline", model: { name: "STAR", embeddingDim: 8, hiddenUnits: [64, 32] } },
    { name: "pre-post", role: "ablation", model, training: { phases: [pre, post] } },
    { name: "pre-fine", role: "ablation", model, training: { phases: [pre, fine] } },
    { name: "post-fine", role: "ablation", model, training: { phases: [scratch, fine] } },
    { name: "d-train", role: "method", model, training: { phases: [pre, post, fine] } },
    { name: "d-train-mmoe", role: "method", model: mmoe, training: { phases: [pre, post, fine] } },
  ];
}

export const dTrain: Recipe = {
  name: "d-train",
  system: "S06",
  summary: "D-Train beside pooled, separate and multi-domain models: KuaiRand, Amazon, worlds.",
  claim:
    "D-Train matches or beats a shared bottom with a head for each domain in the mean and the worst domain's " +
    "AUC, beats pooled and separate models in the mean, and calibrates domains better than without its third phase",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordStudies(
    dTrain,
    {
      studies: await domainStudies(context),
      contenders: () => contendersOf(context),
      training: trainingOf(context),
      measure: async (study, { runs, trials }) => {
        const metrics = ["auc", "log_loss", "calibration_ratio"];
        const options = { data: study.data, setting: study.setting, metrics, trials };
        const rows = [
          ...taskRows(runs, options),
          ...domainRows(runs, options),
          ...runs.flatMap((variantRuns) => overDomains(study, variantRuns, options)),
        ];
        for (const { variant, metric, mean } of rows) {
          if (metric.endsWith("_domain_auc"))
            context.onLine(`${studyName(study)} ${variant} ${metric}: ${mean?.toFixed(4)}`);
        }
        return { rows, comparisons: comparisonsOf(study, rows) };
      },
      note: "Phases at 1, 0.3 and 0.1 of the learning rate, each ending by validation; rows of a batch count alike. domain_miscalibration is the mean over domains of |ln(sum of predictions / sum of labels)|.",
    },
    context,
  );
}

function trainingOf({ quick }: RecipeContext): ConfigInput["training"] {
  return {
    batchSize: quick ? 256 : 2048,
    epochs: quick ? 2 : 20,
    embeddingRegularizer: 1e-5,
    embeddingRegularizerScope: "batch",
    embeddingUpdate: "lazy",
    metrics: ["auc", "log_loss", "ne", "calibration_ratio"],
    monitor: "auc",
  };
}

/** Mean and worst AUC over domains, and how far domains' predictions are from their rates. */
function overDomains({ label }: DomainStudy, runs: VariantRuns, options: TaskRowsOptions): ResultRow[] {
  const figures =
    (metric: string) =>
    (run: RunMetrics): number[] =>
      Object.values(run.testDomains ?? {}).flatMap(({ metrics }) => metrics[label]?.[metric]?.value ?? []);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const rows: { readonly [metric: string]: (run: RunMetrics) => number } = {
    mean_domain_auc: (run) => mean(figures("auc")(run)),
    worst_domain_auc: (run) => Math.min(...figures("auc")(run)),
    domain_miscalibration: (run) =>
      mean(figures("calibration_ratio")(run).map((ratio) => Math.abs(Math.log(ratio)))),
  };
  return Object.entries(rows).map(([metric, of]) =>
    measuredRow(runs, options, { task: label, domain: null, metric, values: runs.metrics.map(of) }),
  );
}

function comparisonsOf({ label }: DomainStudy, rows: readonly ResultRow[]): ResultComparison[] {
  const of = (variant: string, metric: string): ResultRow =>
    rowOf(rows, { variant, metric, task: label, domain: null });
  const matches = { higherIsBetter: true, claim: { kind: "not-worse", tolerance: 0.0005 } } as const;
  const beats = { higherIsBetter: true } as const;
  return [
    compareRows(of("d-train", "mean_domain_auc"), of("shared-bottom", "mean_domain_auc"), matches),
    compareRows(of("d-train", "worst_domain_auc"), of("shared-bottom", "worst_domain_auc"), matches),
    compareRows(of("d-train", "mean_domain_auc"), of("pooled", "mean_domain_auc"), beats),
    compareRows(of("d-train", "mean_domain_auc"), of("separate", "mean_domain_auc"), beats),
    compareRows(of("d-train", "domain_miscalibration"), of("pre-post", "domain_miscalibration"), {
      higherIsBetter: false,
    }),
  ];
}
