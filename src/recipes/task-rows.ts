/** Result rows of models with several tasks or domains. */
import { median } from "../core/index.ts";
import { type ResultRow, type RunMetrics, resultRow, type Setting } from "../run/index.ts";
import type { Evaluation } from "../training/index.ts";
import type { VariantRuns } from "./grid.ts";

export interface TaskRowsOptions {
  readonly data: string;
  readonly setting?: Setting;
  readonly metrics: readonly string[];
  /** Tuning trials behind every variant. */
  readonly trials: number;
}

/** One row a variant, metric and task that it predicts, on the whole test split. */
export function taskRows(runs: readonly VariantRuns[], options: TaskRowsOptions): ResultRow[] {
  return runs.flatMap((run) => evaluationRows(run, options, null, ({ test }) => test));
}

/** The same for each domain. */
export function domainRows(runs: readonly VariantRuns[], options: TaskRowsOptions): ResultRow[] {
  return runs.flatMap((run) =>
    Object.keys(run.metrics[0].testDomains ?? {}).flatMap((domain) =>
      evaluationRows(run, options, domain, ({ testDomains }) => testDomains?.[domain]),
    ),
  );
}

/** Rows of any evaluation of a variant's runs, one a task and metric. */
export function evaluationRows(
  { variant, metrics }: VariantRuns,
  options: TaskRowsOptions,
  domain: string | null,
  evaluationOf: (run: RunMetrics, seed: number) => Evaluation | undefined,
): ResultRow[] {
  const evaluations = metrics.map((run, seed) => evaluationOf(run, seed));
  const tasks = Object.keys(evaluations[0]?.metrics ?? {});
  return tasks.flatMap((task) =>
    options.metrics.map((metric) => {
      const measured = evaluations.map((evaluation) => evaluation?.metrics[task]?.[metric]);
      const reason = measured.find((value) => value?.value === null)?.reason;
      return measuredRow({ variant, metrics }, options, {
        task,
        domain,
        metric,
        values: measured.map((value) => value?.value ?? null),
        ...(reason === undefined ? {} : { reason }),
      });
    }),
  );
}

/** A row of values, one a seed, that were measured in any way. */
export function measuredRow(
  { variant, metrics }: VariantRuns,
  { data, setting = {}, trials }: TaskRowsOptions,
  measured: Pick<ResultRow, "task" | "domain" | "metric" | "values" | "reason">,
): ResultRow {
  return resultRow({
    data,
    setting,
    variant: variant.title ?? variant.name,
    role: variant.role,
    ...measured,
    parameters: metrics[0].parameters.dense + metrics[0].parameters.embedding,
    // The median: one run that stood still for a while says nothing of the others.
    trainSeconds: median(metrics.map(({ seconds }) => seconds)),
    trials: variant.trials ?? trials,
  });
}

/** The one row that matches. @throws Error when none does: a recipe that names a row it did not measure */
export function rowOf(
  rows: readonly ResultRow[],
  wanted: Partial<Pick<ResultRow, "data" | "variant" | "task" | "domain" | "metric">> & {
    readonly setting?: Setting;
  },
): ResultRow {
  const { setting, ...fields } = wanted;
  const found = rows.find(
    (row) =>
      Object.entries(fields).every(([field, value]) => row[field as keyof ResultRow] === value) &&
      (setting === undefined || JSON.stringify(row.setting) === JSON.stringify(setting)),
  );
  if (found === undefined) throw new Error(`no row is ${JSON.stringify(wanted)}`);
  return found;
}
