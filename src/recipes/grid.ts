/**
 * Trains every (variant, seed) of a recipe, one run directory each. A run that is there already with
 * the same configuration counts; an interrupted one goes on.
 */
import { join } from "node:path";
import { type PreparedDataset, prepareDataset } from "../data/index.ts";
import {
  type Config,
  dataConfigOf,
  encodingOf,
  finishRun,
  resultRow,
  type ResultRow,
  type RunMetrics,
  type Setting,
} from "../run/index.ts";
import type { RecipeContext } from "./recipe.ts";

export interface Variant {
  /** Names the folder of its runs. */
  readonly name: string;
  /** Its name in results. @default the name */
  readonly title?: string;
  readonly role: ResultRow["role"];
  /** The seed is filled in for each run. */
  readonly config: Config;
  /** Tuning trials behind it, where they are more than its study's. */
  readonly trials?: number;
}

export interface VariantRuns {
  readonly variant: Variant;
  /** In the order of the seeds. */
  readonly metrics: readonly RunMetrics[];
}

/** Runs the grid, variant by variant; variants with equal data settings share one prepared dataset. */
export async function trainGrid(
  variants: readonly Variant[],
  context: RecipeContext,
): Promise<VariantRuns[]> {
  const datasets = new Map<string, PreparedDataset>();
  try {
    const results: VariantRuns[] = [];
    for (const variant of variants) {
      const metrics: RunMetrics[] = [];
      for (const seed of context.seeds) metrics.push(await trainOne(variant, seed, context, datasets));
      results.push({ variant, metrics });
    }
    return results;
  } finally {
    for (const dataset of datasets.values()) await dataset.close();
  }
}

async function trainOne(
  variant: Variant,
  seed: number,
  context: RecipeContext,
  datasets: Map<string, PreparedDataset>,
): Promise<RunMetrics> {
  const config = { ...variant.config, training: { ...variant.config.training, seed } };
  const directory = join(context.workDirectory, variant.name, String(seed));
  const data = dataConfigOf(config);
  const key = JSON.stringify([data, config.training.streaming?.start]);
  const { engine, signal } = context;
  const { metrics, before } = await finishRun(config, {
    directory,
    dataset: async () => {
      const dataset = datasets.get(key) ?? (await prepareDataset(data, encodingOf(config)));
      datasets.set(key, dataset);
      return dataset;
    },
    engine,
    signal,
    onEvent: (event) => {
      if (event.type !== "step") return;
      context.onProgress?.({
        label: `${variant.name} seed ${seed} epoch ${event.epoch + 1}/${event.epochs}`,
        done: event.rows / event.epochRows,
        note: `loss ${event.loss.toFixed(4)}, ${Math.round(event.samplesPerSecond / 1000)} k rows/s`,
      });
    },
  });
  if (before) {
    context.onLine(`${variant.name} seed ${seed}: done before`);
    return metrics;
  }
  const [label] = config.labels;
  const auc = metrics.test?.metrics[label.name]?.auc?.value ?? metrics.valid?.metrics[label.name]?.auc?.value;
  context.onLine(
    `${variant.name} seed ${seed}: AUC ${auc?.toFixed(4) ?? "undefined"}, ${metrics.history.length} epochs of ${metrics.secondsPerEpoch?.toFixed(1)} s`,
  );
  return metrics;
}

export interface RowsOptions {
  readonly data: string;
  readonly setting?: Setting;
  readonly task: string;
  readonly metrics: readonly string[];
  /** Tuning trials behind every variant. */
  readonly trials: number;
  /** Task names in rows only where there are several. @default null */
  readonly taskName?: string | null;
}

/** Result rows of the test split, one a variant and metric. */
export function gridRows(runs: readonly VariantRuns[], options: RowsOptions): ResultRow[] {
  const { data, setting = {}, task, trials, taskName = null } = options;
  return runs.flatMap(({ variant, metrics }) =>
    options.metrics.map((metric) => {
      const measured = metrics.map((run) => run.test?.metrics[task]?.[metric]);
      const reason = measured.find((value) => value?.value === null)?.reason;
      return resultRow({
        data,
        setting,
        variant: variant.title ?? variant.name,
        role: variant.role,
        task: taskName,
        domain: null,
        metric,
        values: measured.map((value) => value?.value ?? null),
        ...(reason === undefined ? {} : { reason }),
        parameters: metrics[0].parameters.dense + metrics[0].parameters.embedding,
        trainSeconds: metrics.reduce((sum, { seconds }) => sum + seconds, 0) / metrics.length,
        trials: variant.trials ?? trials,
      });
    }),
  );
}
