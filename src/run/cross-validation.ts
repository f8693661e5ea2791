/**
 * Cross-validation as configurations: each fold is the same configuration with another split, so encoders
 * are fitted on each fold's own training rows.
 */
import { ConfigError } from "../core/index.ts";
import type { Config } from "./config.ts";
import type { RunMetrics } from "./train-run.ts";

export interface FoldOptions {
  /** Number of folds. */
  readonly folds: number;
  /**
   * `ratio`: k-fold; fold i tests on the i-th part of randomly assigned rows and validates on the next.
   * `time`: expanding window over rows in time order; fold i trains on all before its validation part.
   */
  readonly by: "ratio" | "time";
}

/** @throws ConfigError when the data are split into files already, or there are fewer than two folds */
export function foldConfigs(config: Config, { folds, by }: FoldOptions): Config[] {
  const least = by === "ratio" ? 3 : 2;
  if (!Number.isInteger(folds) || folds < least) {
    throw new ConfigError(`cross-validation by ${by} needs at least ${least} folds, not ${folds}`, {
      details: { folds, by },
    });
  }
  const { data } = config;
  if (data.valid !== undefined || data.test !== undefined) {
    throw new ConfigError(
      "cross-validation makes its own splits, and the configuration names files for them",
      {
        details: { valid: data.valid, test: data.test },
        hint: "give all rows as data.train, without data.valid and data.test",
      },
    );
  }
  const given = data.split;
  return Array.from({ length: folds }, (_, fold) => ({
    ...config,
    data: { ...data, split: by === "ratio" ? ratioFold(given, fold, folds) : timeFold(given, fold, folds) },
  }));
}

function ratioFold(given: Config["data"]["split"], fold: number, folds: number): Config["data"]["split"] {
  const share = 1 / folds;
  const seed = given?.by === "ratio" ? given.seed : 0;
  return { by: "ratio", train: 1 - 2 * share, valid: share, test: share, rotate: fold * share, seed };
}

/** Of `folds + 2` equal parts in time order: some to train on, the next to validate, the next to test. */
function timeFold(given: Config["data"]["split"], fold: number, folds: number): Config["data"]["split"] {
  const share = 1 / (folds + 2);
  const column = given?.by === "time" ? given.column : undefined;
  return { by: "time", column, train: (fold + 1) * share, valid: share, test: share };
}

/** Values of a metric over the folds. */
export interface FoldMetric {
  readonly values: readonly (number | null)[];
  /** Of the folds where it is defined; null where it is nowhere. */
  readonly mean: number | null;
  /** With n - 1; null with fewer than two values. */
  readonly std: number | null;
}

/** Test metrics by label and name over the folds. */
export function foldMetrics(runs: readonly RunMetrics[]): {
  readonly [label: string]: { readonly [metric: string]: FoldMetric };
} {
  const labels = Object.entries(runs[0]?.test?.metrics ?? {});
  return Object.fromEntries(
    labels.map(([label, metrics]) => [
      label,
      Object.fromEntries(
        Object.keys(metrics).map((name) => [
          name,
          summarise(runs.map(({ test }) => test?.metrics[label]?.[name]?.value ?? null)),
        ]),
      ),
    ]),
  );
}

function summarise(values: readonly (number | null)[]): FoldMetric {
  const defined = values.filter((value) => value !== null);
  if (defined.length === 0) return { values, mean: null, std: null };
  const mean = defined.reduce((sum, value) => sum + value, 0) / defined.length;
  const squares = defined.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { values, mean, std: defined.length < 2 ? null : Math.sqrt(squares / (defined.length - 1)) };
}
