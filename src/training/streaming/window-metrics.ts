/** Predictions of one window, gathered piece by piece, and what they come to. */
import type { BatchLayout, EncodedBatch, FeatureMap } from "../../schema/index.ts";
import type { EpochRecord } from "../checkpoint.ts";
import type { LabelPredictions, Predictor, SplitPredictions } from "../evaluate.ts";
import { measure } from "../evaluate.ts";
import { restoreNegatives } from "../thinned-negatives.ts";

type Part = { readonly [column: string]: Float32Array | Int32Array };

export class WindowPredictions {
  readonly #map: FeatureMap;
  readonly #columns: readonly string[];
  readonly #parts: Part[] = [];
  rows = 0;

  constructor(map: FeatureMap, layout: BatchLayout) {
    this.#map = map;
    const kept = new Set(["@group", "@domain", "@weight"]);
    for (const { name } of map.labels) kept.add(name).add(`true_${name}`);
    this.#columns = layout.map(({ name }) => name).filter((name) => kept.has(name));
  }

  async add(predictor: Predictor, batch: EncodedBatch): Promise<void> {
    const predicted = await predictor.predict(batch);
    const part: { [column: string]: Float32Array | Int32Array } = {};
    for (const [label, values] of Object.entries(predicted)) part[`prediction:${label}`] = values.slice();
    for (const name of this.#columns) part[name] = batch.columns[name].slice() as Float32Array | Int32Array;
    this.#parts.push(part);
    this.rows += batch.size;
  }

  split(): SplitPredictions {
    const { rows } = this;
    const [first = {}] = this.#parts;
    const whole = <A extends Float32Array | Int32Array>(name: string, into: A): A | undefined => {
      if (first[name] === undefined) return undefined;
      let at = 0;
      for (const part of this.#parts) {
        into.set(part[name], at);
        at += part[name].length;
      }
      return into;
    };
    const byLabel: { [label: string]: LabelPredictions } = {};
    for (const { name, kind } of this.#map.labels) {
      const predictions = whole(`prediction:${name}`, new Float32Array(rows));
      if (predictions === undefined) continue;
      const labels = whole(name, new Float32Array(rows)) ?? new Float32Array(rows).fill(Number.NaN);
      byLabel[name] = { predictions, labels, truth: whole(`true_${name}`, new Float32Array(rows)), kind };
    }
    const split = {
      rows,
      byLabel,
      groups: whole("@group", new Int32Array(rows)),
      domains: whole("@domain", new Int32Array(rows)),
      weights: whole("@weight", new Float32Array(rows)),
    };
    // Windows are rows of the training split.
    return restoreNegatives(split, this.#map.labels);
  }
}

/** What the alarm watches: log loss, the mean over binary labels; null where there is none. */
export function alarmLevel(split: SplitPredictions): number | null {
  const { metrics } = measure(split, ["log_loss"]);
  const values = Object.values(metrics).flatMap(({ log_loss: loss }) => loss?.value ?? []);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a stream's windows: metrics by label and name, each window by its rows; windows without a value count nothing. */
export function prequential(history: readonly EpochRecord[]): {
  readonly rows: number;
  readonly metrics: { readonly [label: string]: { readonly [metric: string]: number | null } };
} {
  const sums = new Map<string, { label: string; metric: string; total: number; rows: number }>();
  let rows = 0;
  for (const { valid = {}, stream } of history) {
    if (stream === undefined) continue;
    rows += stream.rows;
    for (const [label, values] of Object.entries(valid)) {
      for (const [metric, value] of Object.entries(values)) {
        const key = JSON.stringify([label, metric]);
        const sum = sums.get(key) ?? { label, metric, total: 0, rows: 0 };
        sums.set(key, sum);
        if (value === null) continue;
        sum.total += value * stream.rows;
        sum.rows += stream.rows;
      }
    }
  }
  const metrics: { [label: string]: { [metric: string]: number | null } } = {};
  for (const { label, metric, total, rows: counted } of sums.values()) {
    metrics[label] ??= {};
    metrics[label][metric] = counted === 0 ? null : total / counted;
  }
  return { rows, metrics };
}
