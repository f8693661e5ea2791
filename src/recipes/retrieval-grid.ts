/**
 * The grid of retrieval recipes: every (variant, seed) in a run directory of its own, resumable; tuning on
 * validation; rows and comparisons with published figures.
 */
import { join } from "node:path";
import { finishRetrievalRun, type RetrievalConfig, type RetrievalMetrics } from "../retrieval/index.ts";
import {
  pairedDifference,
  resultRow,
  type ResultComparison,
  type ResultRow,
  type Setting,
  verdictOf,
} from "../run/index.ts";
import type { RecipeContext } from "./recipe.ts";

export interface RetrievalVariant {
  /** Names the folder of its runs. */
  readonly name: string;
  /** Its name in results. @default the name */
  readonly title?: string;
  readonly role: ResultRow["role"];
  /** The seed is filled in for each run. */
  readonly config: RetrievalConfig;
}

export interface RetrievalRuns {
  readonly variant: RetrievalVariant;
  /** In the order of the seeds. */
  readonly metrics: readonly RetrievalMetrics[];
}

/** One setting to try. */
export interface RetrievalTrial {
  /** Short, for names of folders. */
  readonly name: string;
  readonly change: (config: RetrievalConfig) => RetrievalConfig;
}

/** A variant with what to try for it; the chosen trial's configuration is what is measured. */
export interface TunedVariant extends RetrievalVariant {
  readonly trials: readonly RetrievalTrial[];
}

/** Learning rates around what suits these models. */
export function rateTrials(rates: readonly number[]): RetrievalTrial[] {
  return rates.map((learningRate) => ({
    name: `lr-${learningRate}`,
    change: (config) => ({ ...config, training: { ...config.training, learningRate } }),
  }));
}

export async function trainRetrievalGrid(
  variants: readonly RetrievalVariant[],
  context: RecipeContext,
): Promise<RetrievalRuns[]> {
  const results: RetrievalRuns[] = [];
  for (const variant of variants) {
    const metrics: RetrievalMetrics[] = [];
    for (const seed of context.seeds) metrics.push(await trainOne(variant, seed, context));
    results.push({ variant, metrics });
  }
  return results;
}

async function trainOne(
  { name, config: given }: RetrievalVariant,
  seed: number,
  { workDirectory, engine, signal, onLine, onProgress }: RecipeContext,
): Promise<RetrievalMetrics> {
  const config = { ...given, training: { ...given.training, seed } };
  const { metrics, before } = await finishRetrievalRun(config, {
    directory: join(workDirectory, name, String(seed)),
    engine,
    signal,
    onEvent: (event) => {
      if (event.type !== "step") return;
      onProgress?.({
        label: `${name} seed ${seed} epoch ${event.epoch + 1}/${event.epochs}`,
        done: event.rows / event.epochRows,
        note: `loss ${event.loss.toFixed(4)}`,
      });
    },
  });
  const measured = Object.entries(metrics.test ?? metrics.valid ?? {});
  const figures = measured.map(([metric, { value }]) => `${metric} ${value?.toFixed(4) ?? "undefined"}`);
  const how = before ? "done before" : `${metrics.history.length} epochs, ${Math.round(metrics.seconds)} s`;
  onLine(`${name} seed ${seed}: ${figures.join(", ")}; ${how}`);
  return metrics;
}

/** Each variant with the trial that validates best by its first metric. */
export async function tunedRetrieval(
  variants: readonly TunedVariant[],
  context: RecipeContext,
): Promise<RetrievalVariant[]> {
  const chosen: RetrievalVariant[] = [];
  for (const { trials, ...variant } of variants) {
    const candidates = trials.map(({ name, change }) => ({
      ...variant,
      title: variant.title ?? variant.name,
      name: `${variant.name}/${name}`,
      config: change(variant.config),
    }));
    const runs = await trainRetrievalGrid(candidates, { ...context, seeds: context.seeds.slice(0, 1) });
    const scores = runs.map(({ metrics: [run] }) => Object.values(run.valid ?? {})[0]?.value ?? -Infinity);
    const best = scores.indexOf(Math.max(...scores));
    context.onLine(`${variant.name}: ${trials[best].name} validates best of ${trials.length}`);
    chosen.push(candidates[best]);
  }
  return chosen;
}

export interface RetrievalRowsOptions {
  readonly data: string;
  readonly setting?: Setting;
  readonly metrics: readonly string[];
  /** Tuning trials behind every variant. */
  readonly trials: number;
}

/** Result rows on test, one a variant and metric. */
export function retrievalRows(
  runs: readonly RetrievalRuns[],
  { data, setting = {}, metrics, trials }: RetrievalRowsOptions,
): ResultRow[] {
  return runs.flatMap(({ variant, metrics: measured }) =>
    metrics.map((metric) =>
      resultRow({
        data,
        setting,
        variant: variant.title ?? variant.name,
        role: variant.role,
        task: null,
        domain: null,
        metric,
        values: measured.map(({ test }) => test?.[metric]?.value ?? null),
        parameters: measured[0].parameters.dense + measured[0].parameters.embedding,
        trainSeconds: measured.reduce((sum, { seconds }) => sum + seconds, 0) / measured.length,
        trials,
      }),
    ),
  );
}

/** A row against a published figure: the same number for every seed. */
export function againstPublished(
  row: ResultRow,
  published: number,
  { baseline, tolerance }: { readonly baseline: string; readonly tolerance: number },
): ResultComparison {
  const { difference, interval95 } = pairedDifference(
    row.values,
    row.values.map(() => published),
  );
  return {
    data: row.data,
    setting: row.setting,
    task: row.task,
    domain: row.domain,
    metric: row.metric,
    method: row.variant,
    baseline,
    difference,
    interval95,
    verdict: verdictOf(interval95, true, { kind: "not-worse", tolerance }),
  };
}
