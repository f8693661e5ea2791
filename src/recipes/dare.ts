/**
 * DARE (S01): attention and representation by tables of their own, against TWIN of one table, TWIN with
 * projections, TWIN-4E, DIN, ETA and SDIM. AUC at small widths on a world whose history effect is known, on
 * KuaiRand and on S3-Rec's Beauty and Last.fm; in the world also what the search finds of what the law says
 * matters; what attention and representation each teach TWIN's table; and what the search costs by its width.
 */
import { auditTraining, type GradientAudit } from "../analysis/index.ts";
import type { PreparedDataset } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { eventRetrieval } from "../evaluation/index.ts";
import type { DAREOptions } from "../models/index.ts";
import {
  compareRows,
  type ConfigInput,
  observeRun,
  parseConfig,
  type RecipeResult,
  type ResultComparison,
  resultRow,
  type ResultRow,
  type Setting,
} from "../run/index.ts";
import { type Family, historyStudies, type HistoryStudy } from "./dare-studies.ts";
import { gridRows, trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import { plantedEvents } from "./planted-relevance.ts";
import { recordParts } from "./record-parts.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { searchMilliseconds } from "./search-time.ts";
import { openedRuns, studyName, withStudyData } from "./study.ts";
import { learningRates, tuned } from "./tune.ts";

const metrics = ["auc", "gauc", "log_loss"];
/** Rows of the test split whose events are looked at. */
const retrievalRows = 4096;

export const dare: Recipe = {
  name: "dare",
  system: "S01",
  summary: "DARE beside TWIN, its variants, DIN, ETA and SDIM: a world, KuaiRand, S3-Rec; what search finds.",
  claim:
    "DARE beats TWIN of one table in test AUC at every width, and its search finds more of what the world's law " +
    "says matters (NDCG@10 and recall@10 of planted relevance); half the attention width costs no more than 0.002 AUC",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

/** A family's finished runs at one width. */
interface WidthRuns {
  readonly family: Family;
  readonly width: number;
  readonly runs: VariantRuns;
}

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const engine = context.engine ?? (await createEngine("auto"));
  const trials = context.quick ? learningRates.slice(2, 3) : learningRates;
  return recordParts(
    dare,
    {
      first: {
        name: "search-time",
        measure: async () => {
          const rows = await searchTimes(engine, context);
          for (const row of rows) context.onLine(lineOf(row));
          return { rows, comparisons: [], variants: [] };
        },
      },
      parts: () => historyStudies(context),
      nameOf: studyName,
      measure: async (study) => {
        const finished = await runFamilies(study, trials, context);
        const rows = finished.flatMap(({ family, width, runs }) =>
          gridRows([{ ...runs, variant: { ...runs.variant, title: family.name } }], {
            data: study.data,
            setting: { ...study.setting, width },
            task: study.config.labels?.[0].name ?? "click",
            metrics,
            trials: trials.length,
          }),
        );
        await withStudyData(
          { study, runs: finished.map(({ runs }) => runs), trials: trials.length },
          async (data) => {
            const measuring: Measuring = { study, data, engine, context, trials: trials.length };
            if (study.world !== undefined) rows.push(...(await retrieval(study.world, finished, measuring)));
            rows.push(...(await audited(finished, measuring)));
          },
        );
        for (const row of rows) if (row.metric !== "log_loss") context.onLine(lineOf(row));
        const variants = finished.map(({ runs }) => runs.variant);
        return { rows, comparisons: comparisonsOf(study, rows), variants };
      },
      note: noteOf,
    },
    context,
  );
}

function noteOf(chosen: readonly string[]): string {
  return `Learning rates were chosen at one width for each model: ${[...new Set(chosen)].join(", ")}. TWIN here is DARE with one table; TWIN of the catalogue projects in several heads. AUC on S3-Rec is that of four drawn negatives. search_milliseconds: 64 candidates, 10,000 kept keys, k of 20, one thread, the fastest of its repeats.`;
}

/** Tunes each family at the study's middle width and trains it with that rate at its widths. */
async function runFamilies(
  study: HistoryStudy,
  trials: typeof learningRates,
  context: RecipeContext,
): Promise<WidthRuns[]> {
  const { families, widths, tunedWidth, k } = study;
  const variant = (family: Family, width: number, training?: ConfigInput["training"]): Variant => ({
    name: `${study.data}/${family.name}-${width}`,
    role: family.role,
    config: parseConfig({
      ...study.config,
      model: family.model(width, k),
      training: { ...historyTraining(study), ...training },
    }),
  });
  const best = await tuned(
    families.map((family) => variant(family, tunedWidth)),
    trials,
    context,
  );
  const all = families.flatMap((family, f) => {
    const { learningRate } = best[f].config.training;
    return (family.widths === "all" ? widths : [tunedWidth]).map((width) => ({
      family,
      width,
      variant: width === tunedWidth ? best[f] : variant(family, width, { learningRate }),
    }));
  });
  const runs = await trainGrid(
    all.map((one) => one.variant),
    context,
  );
  return all.map(({ family, width }, i) => ({ family, width, runs: runs[i] }));
}

/** Few passes, as in the paper (two); the best one on validation counts. */
function historyTraining({ batchSize, epochs }: HistoryStudy): ConfigInput["training"] {
  return {
    batchSize,
    epochs,
    embeddingUpdate: "lazy",
    metrics: ["auc", "gauc", "log_loss"],
    monitor: "auc",
  };
}

interface Measuring {
  readonly study: HistoryStudy;
  readonly data: PreparedDataset;
  readonly engine: Engine;
  readonly context: RecipeContext;
  readonly trials: number;
}

/** NDCG and recall of planted relevance among the events that each model's attention puts first. */
async function retrieval(
  world: string,
  finished: readonly WidthRuns[],
  { study, data, engine, context, trials }: Measuring,
): Promise<ResultRow[]> {
  const test = data.splits.test ?? data.splits.train;
  const planted = await plantedEvents(world, data.map, test, { rows: retrievalRows });
  const { k, setting } = study;
  const rowsOf = (
    found: readonly { readonly ndcg: number; readonly recall: number }[],
    row: Pick<ResultRow, "variant" | "role" | "parameters" | "trainSeconds" | "trials"> & {
      readonly setting: Setting;
    },
  ): ResultRow[] =>
    (["ndcg", "recall"] as const).map((metric) =>
      resultRow({
        data: study.data,
        task: null,
        domain: null,
        metric: `${metric}@${k}`,
        ...row,
        values: found.map((one) => one[metric]),
      }),
    );
  const rows: ResultRow[] = [];
  for (const { family, width, runs } of finished) {
    const found: { readonly ndcg: number; readonly recall: number }[] = [];
    for (const run of openedRuns(runs, context)) {
      const shown = await observeRun(run, engine, test, { rows: planted.rows });
      // DARE shows scores; DIN's weights act by their size, whatever their sign.
      const scores = shown["scores.history_items"]?.data ?? shown["weights of events"]?.data.map(Math.abs);
      if (scores !== undefined) found.push(eventRetrieval({ ...planted, scores }, k));
    }
    if (found.length === 0) continue;
    const [{ parameters, seconds }] = runs.metrics;
    rows.push(
      ...rowsOf(found, {
        setting: { ...setting, width },
        variant: family.name,
        role: family.role,
        parameters: parameters.dense + parameters.embedding,
        trainSeconds: seconds,
        trials,
      }),
    );
  }
  const recency = eventRetrieval({ ...planted, scores: planted.recency }, k);
  const untrained = { setting, parameters: 0, trainSeconds: 0, trials: 0 };
  const always = context.seeds.map(() => recency);
  return [...rows, ...rowsOf(always, { ...untrained, variant: "most recent", role: "baseline" })];
}

/** What attention and representation each teach TWIN's table, along its training. */
async function audited(
  finished: readonly WidthRuns[],
  { study, data, engine, context, trials }: Measuring,
): Promise<ResultRow[]> {
  const twin = finished.find(({ family, width }) => family.name === "TWIN" && width === study.tunedWidth);
  if (twin === undefined) return [];
  const { config } = twin.runs.variant;
  const { name: _, ...options } = config.model;
  const audits: GradientAudit[] = [];
  for (const seed of context.seeds) {
    context.onProgress?.({ label: `${study.data}: gradient audit, seed ${seed}`, done: 0 });
    audits.push(
      await auditTraining({
        schema: data.map,
        options: options as DAREOptions,
        source: data.splits.train,
        engine,
        optimizer: config.training,
        batchSize: config.training.batchSize,
        seed,
        steps: context.quick ? 10 : 150,
        every: 3,
      }),
    );
  }
  const [{ parameters, seconds }] = twin.runs.metrics;
  return audits[0].tables.flatMap(({ table }, t) =>
    (
      [
        ["representation_share", "representationShare"],
        ["conflicting_steps", "conflictingSteps"],
        ["conflicting_rows", "conflictingRows"],
      ] as const
    ).map(([metric, field]) => {
      const values = audits.map(({ tables }) =>
        Number.isFinite(tables[t][field]) ? tables[t][field] : null,
      );
      return resultRow({
        data: study.data,
        setting: { ...study.setting, width: study.tunedWidth, table },
        variant: "TWIN",
        role: "baseline",
        task: null,
        domain: null,
        metric,
        values,
        ...(values.includes(null) ? { reason: "no row was reached by both" } : {}),
        parameters: parameters.dense + parameters.embedding,
        trainSeconds: seconds,
        trials,
      });
    }),
  );
}

/** The search's cost by attention width, among 10,000 kept keys. */
async function searchTimes(engine: Engine, { quick, seeds }: RecipeContext): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const length = quick ? 1000 : 10_000;
  for (const attentionDim of quick ? [8, 16] : [8, 16, 32, 64]) {
    const values: number[] = [];
    const sizes = { length, items: 10_000, categories: 500, attentionDim, candidates: 64, k: 20 };
    for (const _ of seeds)
      values.push(await searchMilliseconds({ ...sizes, engine, threads: 1, repeats: 10 }));
    rows.push(
      resultRow({
        data: `history of ${length} events`,
        setting: { attentionDim },
        variant: "DARE",
        role: "method",
        task: null,
        domain: null,
        metric: "search_milliseconds",
        values,
        parameters: 0,
        trainSeconds: 0,
        trials: 0,
      }),
    );
  }
  return rows;
}

function comparisonsOf(
  { k, widths, tunedWidth, world }: HistoryStudy,
  rows: readonly ResultRow[],
): ResultComparison[] {
  const of = (variant: string, metric: string, width: number): ResultRow | undefined =>
    rows.find((row) => row.variant === variant && row.metric === metric && row.setting.width === width);
  const against = (
    [method, baseline]: readonly [string, string],
    metric: string,
    width: number,
    claim?: Parameters<typeof compareRows>[2],
  ): ResultComparison[] => {
    const [a, b] = [of(method, metric, width), of(baseline, metric, width)];
    return a === undefined || b === undefined ? [] : [compareRows(a, b, claim)];
  };
  const pair = ["DARE", "TWIN"] as const;
  const others = ["TWIN-projected", "TWIN-4E", "DIN", "ETA", "SDIM"];
  const found = world === undefined ? [] : [`ndcg@${k}`, `recall@${k}`];
  return [
    ...widths.flatMap((width) => ["auc", ...found].flatMap((metric) => against(pair, metric, width))),
    ...others.flatMap((baseline) => against(["DARE", baseline], "auc", tunedWidth)),
    ...against(["DARE-half-attention", "DARE"], "auc", tunedWidth, {
      claim: { kind: "not-worse", tolerance: 0.002 },
    }),
  ];
}

function lineOf({ data, setting, variant, metric, mean, std }: ResultRow): string {
  const dials = Object.entries(setting).map(([dial, value]) => `${dial} ${value}`);
  return `${data} ${dials.join(" ")}: ${variant} ${metric} ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`;
}
