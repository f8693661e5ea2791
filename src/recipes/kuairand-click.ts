/**
 * Clicks on KuaiRand-Pure by time: logistic regression, DeepFM, DCNv2, and DIN over the history. Every model gets
 * the same four learning rates on validation; then three seeds on test.
 */
import { join } from "node:path";
import {
  compareRows,
  type Config,
  parseConfig,
  recipeResult,
  type RecipeResult,
  writeResult,
} from "../run/index.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { prepareKuaiRand } from "./kuairand-data.ts";
import { beginning, provenance } from "./provenance.ts";
import type { SplitFiles } from "./public-data.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { learningRates, tuned } from "./tune.ts";

const userFeatures = [
  "user_active_degree",
  "is_lowactive_period",
  "is_live_streamer",
  "is_video_author",
  "follow_user_num_range",
  "fans_user_num_range",
  "friend_user_num_range",
  "register_days_range",
  ...Array.from({ length: 18 }, (_, k) => `onehot_feat${k}`),
];
const videoFeatures = ["author_id", "video_type", "upload_type", "music_id", "music_type"];

/** A model's name and its options. */
export interface KuaiRandModel {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** Widths of every model that has them, so that models differ in nothing else. */
export const deep = { embeddingDim: 16, hiddenUnits: [200, 80], netDropout: 0.1 };

/** Models by the name of their variant. */
const candidates: { readonly [variant: string]: KuaiRandModel } = {
  LR: { name: "LR" },
  DeepFM: { name: "DeepFM", ...deep },
  DCNv2: { name: "DCNv2", ...deep },
  DIN: { name: "DIN", ...deep },
};
const claimed = [
  ["DIN", "DCNv2"],
  ["DCNv2", "LR"],
  ["DeepFM", "LR"],
];

export const kuairandClick: Recipe = {
  name: "kuairand-click",
  system: "foundation",
  summary: "Click on KuaiRand-Pure by LR, DeepFM, DCNv2 and DIN; AUC, gAUC, NE.",
  claim:
    "DIN, which attends to the history, beats DCNv2, which averages it; DCNv2 and DeepFM beat LR (test AUC)",
  defaultSeeds: [1, 2, 3],
  variants: Object.keys(candidates),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const files = await prepareKuaiRand(context.dataDirectory, join(context.workDirectory, "data"));
  const variants = Object.entries(candidates)
    .filter(([name]) => context.only?.includes(name) ?? true)
    .map(
      ([name, model]): Variant => ({
        name,
        role: name === "DIN" ? "method" : "baseline",
        config: clickConfig(files, model, context),
      }),
    );
  const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
  const chosen = await tuned(variants, trials, context);
  const runs = await trainGrid(chosen, context);
  const metrics = ["auc", "gauc", "ne", "log_loss"];
  const rows = gridRows(runs, { data: "kuairand-pure", task: "click", metrics, trials: trials.length });
  const auc = (variant: string) =>
    rows.find((candidate) => candidate.variant === variant && candidate.metric === "auc");
  const comparisons = claimed.flatMap(([method, baseline]) => {
    const [better, worse] = [auc(method), auc(baseline)];
    return better === undefined || worse === undefined ? [] : [compareRows(better, worse)];
  });
  for (const { variant, metric, mean, std } of rows) {
    context.onLine(`${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`);
  }
  const result = recipeResult({
    ...provenance(kuairandClick, chosen, began),
    rows,
    comparisons,
    note: `Train 25 April to 4 May, validation 5 to 6 May, test 7 to 8 May. Chosen on validation: ${chosen.map(({ name }) => name).join(", ")}.`,
  });
  // A part of the models is not the recipe's result; its runs are kept for the call that records all.
  writeResult(context.resultsDirectory, result, { quick: context.quick || context.only !== undefined });
  return result;
}

/** Everything but the model, which is the same for all of them. */
export function clickConfig(
  files: SplitFiles,
  model: KuaiRandModel,
  { quick }: Pick<RecipeContext, "quick">,
): Config {
  const categorical = (name: string, minCount = 1) => ({ name, kind: "categorical" as const, minCount });
  return parseConfig({
    data: { ...files },
    features: [
      categorical("user_id", 2),
      categorical("video_id"),
      categorical("tab"),
      categorical("hour"),
      ...userFeatures.map((name) => categorical(name)),
      ...videoFeatures.map((name) => categorical(name, 2)),
      { name: "tag", kind: "bag", separator: ",", maxLength: 5 },
      { name: "video_duration", kind: "numeric", transform: "buckets", buckets: 20 },
      { name: "video_age", kind: "numeric", transform: "buckets", buckets: 20 },
      { name: "history", kind: "sequence", target: "video_id", maxLength: 50 },
    ],
    labels: [{ name: "click" }],
    group: "user_id",
    model,
    training: {
      batchSize: 2048,
      // Early stopping ends the others much sooner; logistic regression needs them at small rates.
      epochs: quick ? 1 : 100,
      embeddingRegularizer: 1e-5,
      monitor: "auc",
    },
  });
}
