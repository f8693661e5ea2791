/** Predictions and metrics over a whole split. */
import { DataError } from "../core/index.ts";
import { evaluateBinary, type MetricValue, parseBinaryMetric } from "../evaluation/index.ts";
import type { BatchSource, FeatureMap } from "../schema/index.ts";
import type { Learner } from "./step.ts";

/** One label's columns over all rows of a split, in stored order. */
export interface LabelPredictions {
  readonly predictions: Float32Array;
  readonly labels: Float32Array;
  /** The label's true probability, where the data carry it (`true_<label>`). */
  readonly truth: Float32Array | undefined;
  /** A real label is predicted as a number and has no ranking or probability metrics. @default "binary" */
  readonly kind?: "binary" | "real";
}

export interface SplitPredictions {
  readonly rows: number;
  readonly byLabel: { readonly [label: string]: LabelPredictions };
  readonly groups: Int32Array | undefined;
  readonly domains: Int32Array | undefined;
  readonly weights: Float32Array | undefined;
}

export interface Evaluation {
  readonly rows: number;
  /** Metrics by label, then by name. */
  readonly metrics: { readonly [label: string]: { readonly [metric: string]: MetricValue } };
  /** The same metrics for the true probabilities: the best any model can do. */
  readonly oracle: { readonly [label: string]: { readonly [metric: string]: MetricValue } };
}

/** What predicts probabilities of a batch, by label: a learner, or an exported model. */
export type Predictor = Pick<Learner, "predict">;

/** Predictions of every row of a source by label, in stored order. */
export async function predictRows(
  predictor: Predictor,
  source: BatchSource,
  { batchSize }: { batchSize: number },
): Promise<{ readonly [label: string]: Float32Array }> {
  const columns: { [label: string]: Float32Array } = {};
  let at = 0;
  for await (const batch of source.batches({ batchSize })) {
    for (const [label, values] of Object.entries(await predictor.predict(batch))) {
      columns[label] ??= new Float32Array(source.rows);
      columns[label].set(values, at);
    }
    at += batch.size;
  }
  return columns;
}

/** Predicts every row of a split, batch by batch; labels that the predictor says nothing of are left out. */
export async function predictSplit(
  predictor: Predictor,
  source: BatchSource,
  { batchSize, schema }: { batchSize: number; schema: FeatureMap },
): Promise<SplitPredictions> {
  const { rows, layout } = source;
  const has = (name: string): boolean => layout.some((column) => column.name === name);
  const byLabel: { [label: string]: LabelPredictions } = {};
  for (const { name, kind } of schema.labels) {
    const truth = has(`true_${name}`) ? new Float32Array(rows) : undefined;
    const labels = new Float32Array(rows).fill(Number.NaN);
    byLabel[name] = { predictions: new Float32Array(rows), labels, truth, kind };
  }
  const groups = has("@group") ? new Int32Array(rows) : undefined;
  const domains = has("@domain") ? new Int32Array(rows) : undefined;
  const weights = has("@weight") ? new Float32Array(rows) : undefined;
  let at = 0;
  for await (const batch of source.batches({ batchSize })) {
    const probabilities = await predictor.predict(batch);
    for (const [label, out] of Object.entries(byLabel)) {
      const predicted = probabilities[label];
      if (predicted === undefined) {
        delete byLabel[label];
        continue;
      }
      out.predictions.set(predicted, at);
      if (batch.columns[label] !== undefined) out.labels.set(batch.columns[label], at);
      out.truth?.set(batch.columns[`true_${label}`], at);
    }
    groups?.set(batch.columns["@group"], at);
    domains?.set(batch.columns["@domain"], at);
    weights?.set(batch.columns["@weight"], at);
    at += batch.size;
  }
  return { rows, byLabel, groups, domains, weights };
}

/** What can be said of a prediction of a real number. */
const realMetrics: readonly string[] = ["rmse", "mae"];

/** Whether a label of this kind has a metric, by any spelling of its name. */
export function hasMetric(kind: "binary" | "real", name: string): boolean {
  return kind === "binary" || realMetrics.includes(parseBinaryMetric(name).name);
}

/**
 * Metrics of a split by label, with the oracle's beside them where the truth is known.
 *
 * @param names left out for labels that do not have them @default those of `evaluateBinary`; RMSE and MAE of
 *   real labels
 */
export function measure(split: SplitPredictions, names?: readonly string[]): Evaluation {
  const { groups, weights, rows } = split;
  const metrics: { [label: string]: { [metric: string]: MetricValue } } = {};
  // Without a prototype: a label may be called `constructor`.
  const oracle: { [label: string]: { [metric: string]: MetricValue } } = Object.create(null);
  for (const [label, { predictions, labels, truth, kind = "binary" }] of Object.entries(split.byLabel)) {
    const own = names?.filter((name) => hasMetric(kind, name)) ?? (kind === "real" ? realMetrics : undefined);
    metrics[label] = evaluateBinary({ predictions, labels, groups, weights }, own);
    if (truth === undefined) continue;
    checkTruth(label, truth);
    oracle[label] = evaluateBinary({ predictions: truth, labels, groups, weights }, own);
  }
  return { rows, metrics, oracle };
}

/** What is not the model's mistake should not read like one. */
function checkTruth(label: string, truth: Float32Array): void {
  const bad = truth.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw new DataError(
    `true_${label} of row ${bad} of the split is ${truth[bad]}, expected a true probability`,
    {
      details: { column: `true_${label}`, index: bad },
      hint: "take the column out of data.keep, or give it a number in every row",
    },
  );
}
