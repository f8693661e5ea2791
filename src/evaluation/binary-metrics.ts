/**
 * Metrics on rows of (prediction, label) by name: what configs, the training loop, `metrics.json` and
 * results refer to. The table is typed by the set of names: one that is missing does not compile.
 */
import { ConfigError } from "../core/index.ts";
import { accuracy } from "./accuracy.ts";
import { ascendingOrder } from "./ascending-order.ts";
import { auc } from "./auc.ts";
import { averagePrecision } from "./average-precision.ts";
import { calibrationRatio } from "./calibration-ratio.ts";
import { expectedCalibrationError } from "./expected-calibration-error.ts";
import { groupAuc } from "./group-auc.ts";
import { groupRanking } from "./group-ranking.ts";
import { logLoss } from "./log-loss.ts";
import { type ParsedMetricName, parseMetricName } from "./metric-name.ts";
import type { MetricValue } from "./metric-value.ts";
import { multiAuc } from "./multi-auc.ts";
import { normalizedEntropy } from "./normalized-entropy.ts";
import { rankingMetrics } from "./ranking-metrics.ts";
import { meanAbsoluteError, rootMeanSquaredError } from "./regression-error.ts";
import { checkRows, type ScoredRows } from "./scored-rows.ts";

/** `@k` families take a cut-off, as in `group_ndcg@10`. */
export type BinaryMetricFamily =
  | "auc"
  | "gauc"
  | "log_loss"
  | "ne"
  | "ece"
  | "calibration_ratio"
  | "average_precision"
  | "accuracy"
  | "rmse"
  | "mae"
  | "multi_auc"
  | "group_ndcg@k"
  | "group_recall@k"
  | "group_hr@k"
  | "group_mrr";

/** What a metric reads besides predictions and labels. */
export type MetricNeed = "groups" | "weights" | "order" | "probabilities";

export interface BinaryMetric {
  readonly compute: (rows: ScoredRows, options: { readonly k: number; readonly seed: number }) => MetricValue;
  /** Undefined where neither direction is better (the calibration ratio is best at 1). */
  readonly higherIsBetter: boolean | undefined;
  /**
   * `groups`: rows must have them; `weights`: uses them where present; `order`: sorts rows by
   * prediction; `probabilities`: predictions must lie in [0, 1].
   */
  readonly needs: readonly MetricNeed[];
  readonly definition: string;
}

const groupMetric = (family: keyof typeof rankingMetrics): BinaryMetric => ({
  compute: (rows, { k, seed }) =>
    groupRanking(rows, { metric: (positives) => rankingMetrics[family].compute(positives, k), seed }),
  higherIsBetter: true,
  needs: ["groups"],
  definition: `over the rows of each group: ${rankingMetrics[family].definition.replace(/users/g, "groups").replace("the user", "the group")}`,
});

export const binaryMetrics: { readonly [Family in BinaryMetricFamily]: BinaryMetric } = {
  auc: {
    compute: auc,
    higherIsBetter: true,
    needs: ["weights", "order"],
    definition: "Mann-Whitney: share of (positive, negative) pairs in the right order, ties half",
  },
  gauc: {
    compute: groupAuc,
    higherIsBetter: true,
    needs: ["groups", "weights", "order"],
    definition: "mean of the groups' AUC weighted by impressions; single-class groups dropped and counted",
  },
  log_loss: {
    compute: logLoss,
    higherIsBetter: false,
    needs: ["weights", "probabilities"],
    definition: "mean binary cross entropy, natural logarithm, probabilities clipped at 1e-7",
  },
  ne: {
    compute: normalizedEntropy,
    higherIsBetter: false,
    needs: ["weights", "probabilities"],
    definition: "log loss / entropy of the mean label",
  },
  ece: {
    compute: expectedCalibrationError,
    higherIsBetter: false,
    needs: ["weights", "order", "probabilities"],
    definition: "mean |mean prediction - mean label| over 15 equal-mass bins",
  },
  calibration_ratio: {
    compute: calibrationRatio,
    higherIsBetter: undefined,
    needs: ["weights", "probabilities"],
    definition: "sum of predictions / sum of labels; 1 is best",
  },
  average_precision: {
    compute: averagePrecision,
    higherIsBetter: true,
    needs: ["weights", "order"],
    definition: "area under the precision-recall curve as a step function",
  },
  accuracy: {
    compute: (rows) => accuracy(rows),
    higherIsBetter: true,
    needs: ["weights"],
    definition: "share of rows on the right side of 0.5",
  },
  rmse: {
    compute: rootMeanSquaredError,
    higherIsBetter: false,
    needs: ["weights"],
    definition: "root mean squared error",
  },
  mae: {
    compute: meanAbsoluteError,
    higherIsBetter: false,
    needs: ["weights"],
    definition: "mean absolute error",
  },
  multi_auc: {
    compute: (rows) => multiAuc(rows),
    higherIsBetter: true,
    needs: ["weights", "order"],
    definition: "share of pairs of rows from different levels in the right order, ties half",
  },
  "group_ndcg@k": groupMetric("ndcg@k"),
  "group_recall@k": groupMetric("recall@k"),
  "group_hr@k": groupMetric("hr@k"),
  group_mrr: groupMetric("mrr"),
};

const families = Object.keys(binaryMetrics) as BinaryMetricFamily[];

/** What is computed when nothing is asked; `gauc` joins where rows have groups. */
export const defaultBinaryMetrics = ["auc", "log_loss", "ne", "ece", "calibration_ratio"] as const;

/**
 * Reads a name such as `auc`, `logloss` or `group_ndcg@10`.
 *
 * @throws ConfigError when it is unknown, with the nearest known name
 */
export function parseBinaryMetric(text: string): ParsedMetricName<BinaryMetricFamily> {
  try {
    return parseMetricName(text, families);
  } catch (error) {
    const stem = text.split("@")[0].toLowerCase();
    if (!(error instanceof ConfigError) || !["ndcg", "recall", "hr", "mrr"].includes(stem)) throw error;
    throw new ConfigError(`${text} ranks all items, which takes a retrieval evaluation`, {
      details: error.details,
      hint: `for the rows of each group ask group_${text}`,
    });
  }
}

/**
 * Computes several metrics, sorting the rows once.
 *
 * @param names as `parseBinaryMetric` takes them @default `defaultBinaryMetrics`, and `gauc` with groups
 * @param options.seed orders equal predictions in `group_` metrics @default 0
 * @returns by canonical name
 * @throws ConfigError for an unknown metric or missing groups; DataError for rows a metric cannot read
 */
export function evaluateBinary(
  rows: ScoredRows,
  names: readonly string[] = [...defaultBinaryMetrics, ...(rows.groups === undefined ? [] : ["gauc"])],
  { seed = 0 }: { readonly seed?: number } = {},
): { [name: string]: MetricValue } {
  const metrics = names.map(parseBinaryMetric);
  checkRows(rows); // before sorting, which NaN would upset
  const sorted = metrics.filter(({ family }) => binaryMetrics[family].needs.includes("order")).length > 0;
  const prepared =
    sorted && rows.order === undefined ? { ...rows, order: ascendingOrder(rows.predictions) } : rows;
  return Object.fromEntries(
    metrics.map(({ family, k = 0, name }) => [name, binaryMetrics[family].compute(prepared, { k, seed })]),
  );
}
