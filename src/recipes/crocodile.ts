/**
 * Crocodile (S02): several shared embedding sets whose experts are kept different, on domains of unequal
 * size, against one table for all, tables of each domain's own, and the usual multi-domain models. On the
 * generated world the cosine kappa of a user's taste in a feed with the shared one says how much domains
 * disagree; KuaiRand's domains are its tabs, Amazon's are Sport and Cloth of the same users. Each domain of
 * a batch counts once in everyone's loss, as in the paper.
 */
import type { PreparedDataset } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { expertCovariance } from "../evaluation/index.ts";
import {
  compareRows,
  type ConfigInput,
  observeRun,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
} from "../run/index.ts";
import { type DomainStudy, domainStudies } from "./domain-studies.ts";
import { recordStudies } from "./record-studies.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type Contender, openedRuns, type StudyRuns, withStudyData } from "./study.ts";
import { domainRows, measuredRow, rowOf, taskRows } from "./task-rows.ts";

const dim = 8;
const sets = 3;
const covarianceWeight = 0.1;

function contendersOf({ prior }: DomainStudy): Contender[] {
  const tower = { embeddingDim: dim, towerHiddenUnits: [16] };
  const experts = { ...tower, expertHiddenUnits: [64, 32], gateHiddenUnits: [16] };
  const domains = { branches: "domain" } as const;
  const crocodile = {
    name: "Crocodile",
    ...tower,
    expertHiddenUnits: [64, 32],
    embeddingSets: sets,
    priorFeatures: [...prior],
    priorDim: dim,
    covarianceWeight,
  };
  const apart = { sharedExperts: 0, otherExperts: "none", gateInput: "own" } as const;
  return [
    { name: "separate", role: "baseline", model: { name: "STEM", ...experts, ...domains, ...apart } },
    {
      name: "shared-bottom",
      role: "baseline",
      model: { name: "SharedBottom", ...tower, ...domains, bottomHiddenUnits: [64, 32] },
    },
    { name: "mmoe", role: "baseline", model: { name: "MMoE", ...experts, ...domains, experts: sets } },
    { name: "star", role: "baseline", model: { name: "STAR", embeddingDim: dim, hiddenUnits: [64, 32] } },
    {
      name: "pepnet",
      role: "baseline",
      model: {
        name: "PEPNet",
        embeddingDim: dim,
        hiddenUnits: [64, 32],
        priorFeatures: [...prior],
        gateWidth: 16,
      },
    },
    {
      name: "hinet",
      role: "baseline",
      model: {
        name: "HiNet",
        ...tower,
        subExperts: 2,
        expertHiddenUnits: [64, 32],
        attentionHiddenUnits: [16],
        taskExpertHiddenUnits: [32],
      },
    },
    {
      name: "adasparse",
      role: "baseline",
      model: { name: "AdaSparse", embeddingDim: dim, hiddenUnits: [64, 32] },
    },
    { name: "sdem", role: "baseline", model: { name: "STEM", ...experts, ...domains, sharedExperts: 1 } },
    {
      name: "me-mmoe",
      role: "baseline",
      model: { ...crocodile, gate: "scalar", perDomainGate: true, covarianceWeight: 0 },
    },
    { name: "crocodile-no-covariance", role: "ablation", model: { ...crocodile, covarianceWeight: 0 } },
    { name: "crocodile", role: "method", model: crocodile },
  ];
}

export const crocodile: Recipe = {
  name: "crocodile",
  system: "S02",
  summary:
    "Crocodile beside MMoE, STAR, PEPNet, HiNet, AdaSparse and tables of each domain's own: KuaiRand, Amazon, worlds.",
  claim:
    "Crocodile lowers the covariance between experts and lifts the smallest domain's AUC above MMoE on one " +
    "table, MMoE on several, and tables of each domain's own, without losing in the largest",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const engine = context.engine ?? (await createEngine("auto"));
  return recordStudies(
    crocodile,
    {
      studies: await domainStudies(context),
      contenders: contendersOf,
      training: trainingOf(context),
      measure: async (study, finished) => {
        const rows = await withStudyData(finished, (dataset) =>
          measureStudy(finished, dataset, engine, context),
        );
        for (const row of rows) {
          if (row.metric !== "auc" || row.domain !== study.smallest) continue;
          context.onLine(
            `${study.data} ${JSON.stringify(study.setting)} smallest domain, ${row.variant}: ${row.mean?.toFixed(4)}`,
          );
        }
        return { rows, comparisons: comparisonsOf(study, rows) };
      },
      note: `${sets} embedding sets of ${dim}, penalty ${covarianceWeight} on means over the batch.`,
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
    domainBalance: true,
    metrics: ["auc", "gauc", "log_loss", "ne"],
    monitor: "auc",
  };
}

async function measureStudy(
  finished: StudyRuns,
  dataset: PreparedDataset,
  engine: Engine,
  context: RecipeContext,
): Promise<ResultRow[]> {
  const { study, runs, trials } = finished;
  const options = { data: study.data, setting: study.setting, metrics: ["auc", "gauc"], trials };
  const rows = [...taskRows(runs, options), ...domainRows(runs, options)];
  for (const variantRuns of runs) {
    if (!["me-mmoe", "crocodile-no-covariance", "crocodile"].includes(variantRuns.variant.title ?? ""))
      continue;
    const covariance: (number | null)[] = [];
    const diversity: (number | null)[] = [];
    for (const opened of openedRuns(variantRuns, context)) {
      const shown = await observeRun(opened, engine, dataset.splits.test ?? dataset.splits.train);
      const experts = Object.entries(shown).filter(([name]) => name.startsWith("experts."));
      const measured = expertCovariance(experts.map(([, { data, shape }]) => ({ data, width: shape[0] })));
      covariance.push(measured.covariance.value);
      diversity.push(measured.diversity.value);
    }
    const none = { task: null, domain: null };
    rows.push(
      measuredRow(variantRuns, options, { ...none, metric: "expert_covariance", values: covariance }),
    );
    rows.push(measuredRow(variantRuns, options, { ...none, metric: "expert_diversity", values: diversity }));
  }
  return rows;
}

function comparisonsOf(
  { label, largest, smallest }: DomainStudy,
  rows: readonly ResultRow[],
): ResultComparison[] {
  const row = (variant: string, metric: string, domain: string | null, task: string | null): ResultRow =>
    rowOf(rows, { variant, metric, domain, task });
  const covariance = (variant: string): ResultRow => row(variant, "expert_covariance", null, null);
  const auc = (variant: string, domain: string | null): ResultRow => row(variant, "auc", domain, label);
  return [
    compareRows(covariance("crocodile"), covariance("crocodile-no-covariance"), { higherIsBetter: false }),
    ...["mmoe", "me-mmoe", "sdem"].flatMap((baseline) => [
      compareRows(auc("crocodile", smallest), auc(baseline, smallest)),
      compareRows(auc("crocodile", largest), auc(baseline, largest), {
        claim: { kind: "not-worse", tolerance: 0.001 },
      }),
    ]),
  ];
}
