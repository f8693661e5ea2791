/**
 * The early stages that recipe `early-stage-mtl` compares: what each learns from, and how its predictions become
 * a total value
 *
 *     TV(user, item) = bid · p_conversion + p_like - 2 p_hide
 *
 * with the final stage's formula, as far as the variant predicts its parts. All read the same strict subset of
 * the final stage's features.
 */
import { sigmoid } from "../core/index.ts";
import type { ConfigInput, ResultRow } from "../run/index.ts";
import type { CandidateSets } from "./candidate-sets.ts";

export const funnelLabels = ["click", "conversion", "like", "hide"] as const;
export type FunnelLabel = (typeof funnelLabels)[number];

/** Predictions by label, `[candidates]` each. */
export type ByLabel = { readonly [label: string]: ArrayLike<number> };

/** Total value of each candidate, from probabilities by label. */
export function totalValue(bid: ArrayLike<number>, p: ByLabel): Float64Array {
  return Float64Array.from(bid, (b, k) => b * p.conversion[k] + p.like[k] - 2 * p.hide[k]);
}

export interface EarlyVariant {
  readonly name: string;
  readonly title?: string;
  readonly role: ResultRow["role"];
  readonly data: "impressions" | "mixed";
  readonly labels: ConfigInput["labels"];
  readonly model: ConfigInput["model"];
  /** Absent: impressions and candidates count alike. */
  readonly weight?: "impression";
  readonly monitor: "auc" | "rmse";
}

const itemFeatures = ["item_id", "category", "advertiser", "format"] as const;
const userFeatures = ["user_id", "age", "gender", "city", "device", "domain"] as const;

const tower = {
  name: "EarlyStageMTL",
  itemFeatures: [...itemFeatures],
  embeddingDim: 16,
  hiddenUnits: [128, 64],
  headDim: 16,
};

/** One over the entropy of each label's base rate, for hard and soft losses alike. */
export type TaskWeights<Label extends string> = { readonly [label in Label]: number };

export function taskWeights<Label extends string>(
  rates: { readonly [label in Label]: number },
): TaskWeights<Label> {
  const entropy = (p: number): number => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
  const weights = Object.entries<number>(rates).map(([label, rate]) => [
    label,
    Math.round(100 / entropy(rate)) / 100,
  ]);
  return Object.fromEntries(weights) as TaskWeights<Label>;
}

/** Every early stage, the plainest first. */
export function earlyVariants(weights: TaskWeights<FunnelLabel>): EarlyVariant[] {
  const hard = (labels: readonly FunnelLabel[]) => labels.map((name) => ({ name }));
  const soft = [...funnelLabels.map((label) => `soft_${label}`), "bid"].map((name) => ({
    name,
    kind: "real" as const,
  }));
  const both = [...hard(funnelLabels), ...soft];
  const distilled = funnelLabels.map((task) => ({ task, label: `soft_${task}`, weight: weights[task] }));
  const relations = {
    chain: ["click", "conversion"],
    transfers: [
      { from: "click", to: "conversion" },
      { from: "click", to: "hide" },
    ],
  };
  const list = {
    weight: 0.5,
    terms: [{ task: "conversion", by: "bid" }, { task: "like" }, { task: "hide", factor: -2 }],
  };
  const plain = { data: "impressions", weight: "impression", monitor: "auc" } as const;
  const single = (label: FunnelLabel): EarlyVariant => ({
    ...plain,
    name: `single-${label}`,
    role: "baseline",
    labels: hard([label]),
    model: tower,
  });
  return [
    single("click"),
    single("conversion"),
    single("like"),
    single("hide"),
    { ...plain, name: "shared-bottom", role: "baseline", labels: hard(funnelLabels), model: tower },
    { ...plain, name: "distilled", role: "baseline", labels: both, model: { ...tower, distilled } },
    {
      ...plain,
      name: "candidates",
      role: "method",
      data: "mixed",
      labels: both,
      model: { ...tower, distilled },
    },
    {
      ...plain,
      name: "relations",
      role: "ablation",
      data: "mixed",
      labels: both,
      model: { ...tower, distilled, ...relations },
    },
    {
      ...plain,
      name: "listwise",
      role: "ablation",
      data: "mixed",
      labels: both,
      model: { ...tower, distilled, ...relations, list },
    },
    {
      name: "ceiling",
      role: "ablation",
      data: "mixed",
      labels: funnelLabels.map((label) => ({ name: `logit_${label}`, kind: "real" as const })),
      model: {
        name: "SharedBottom",
        embeddingDim: 8,
        bottomHiddenUnits: [128, 64],
        towerHiddenUnits: [16],
        interaction: "cross",
      },
      monitor: "rmse",
    },
  ];
}

/** The variant's configuration on a world's candidate sets. */
export function earlyConfig(
  { data, labels, model, weight, monitor }: EarlyVariant,
  { impressions, mixed }: CandidateSets,
  { weights, quick }: { readonly weights: TaskWeights<FunnelLabel>; readonly quick: boolean },
): ConfigInput {
  const tasks = funnelLabels.filter((label) => labels?.some(({ name }) => name === label));
  const lossWeights = Object.fromEntries(tasks.map((task) => [task, weights[task]]));
  return {
    data: { ...impressions, train: data === "mixed" ? mixed : impressions.train },
    features: [
      ...userFeatures.map((name) => ({ name, kind: "categorical" as const })),
      { name: "history_categories", kind: "sequence", target: "category", maxLength: 20 },
      ...itemFeatures.map((name) => ({ name, kind: "categorical" as const })),
    ],
    labels,
    ...(weight === undefined ? {} : { weight }),
    group: "request_id",
    model,
    training: {
      batchSize: quick ? 256 : 2048,
      epochs: quick ? 1 : 6,
      // In time order, so that a request's candidates stand in one batch.
      shuffle: false,
      embeddingRegularizer: 1e-5,
      embeddingRegularizerScope: "batch",
      embeddingUpdate: "lazy",
      metrics: monitor === "auc" ? ["auc", "log_loss", "ne", "calibration_ratio"] : ["rmse"],
      monitor,
      ...(tasks.length > 1 ? { multiTask: { lossWeights } } : {}),
    },
  };
}

/** Probabilities of the four labels as a variant's run predicts them; undefined where it does not predict all. */
export function probabilitiesOf(predicted: ByLabel): ByLabel | undefined {
  for (const prefix of ["soft_", ""]) {
    if (funnelLabels.every((label) => predicted[`${prefix}${label}`] !== undefined)) {
      return Object.fromEntries(funnelLabels.map((label) => [label, predicted[`${prefix}${label}`]]));
    }
  }
  if (predicted.logit_click === undefined) return undefined;
  return Object.fromEntries(
    funnelLabels.map((label) => [label, Float64Array.from(predicted[`logit_${label}`], sigmoid)]),
  );
}
