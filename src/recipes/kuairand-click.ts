/**
 * Clicks on KuaiRand-Pure by time: logistic regression, DeepFM, DCNv2, and DIN over the history. Every
 * model gets the same four learning rates on validation; then three seeds on test.
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
import { prepareKuaiRand, type SplitFiles } from "./kuairand-data.ts";
import { beginning, provenance } from "./provenance.ts";
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

export const kuairandClick: Recipe = {
  name: "kuairand-click",
  system: "foundation",
  summary: "Click on KuaiRand-Pure by LR, DeepFM, DCNv2 and DIN over the history; AUC, gAUC, NE.",
  claim:
    "DIN, which attends to the history, beats DCNv2, which averages it; DCNv2 and DeepFM beat LR (test AUC)",
  defaultSeeds: [1, 2, 3],
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const files = await prepareKuaiRand(context.dataDirectory, join(context.workDirectory, "data"));
  const deep = { embeddingDim: 16, hiddenUnits: [200, 80], netDropout: 0.1 };
  const variants: Variant[] = [
    { name: "LR", role: "baseline", config: config(files, { name: "LR" }, context) },
    { name: "DeepFM", role: "baseline", config: config(files, { name: "DeepFM", ...deep }, context) },
    { name: "DCNv2", role: "baseline", config: config(files, { name: "DCNv2", ...deep }, context) },
    { name: "DIN", role: "method", config: config(files, { name: "DIN", ...deep }, context) },
  ];
  const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
  const chosen = await tuned(variants, trials, context);
  const runs = await trainGrid(chosen, context);
  const metrics = ["auc", "gauc", "ne", "log_loss"];
  const rows = gridRows(runs, { data: "kuairand-pure", task: "click", metrics, trials: trials.length });
  const auc = (variant: string) => {
    const row = rows.find((candidate) => candidate.variant === variant && candidate.metric === "auc");
    if (row === undefined) throw new Error(`no AUC of ${variant}`);
    return row;
  };
  const comparisons = [
    compareRows(auc("DIN"), auc("DCNv2")),
    compareRows(auc("DCNv2"), auc("LR")),
    compareRows(auc("DeepFM"), auc("LR")),
  ];
  for (const { variant, metric, mean, std } of rows) {
    context.onLine(`${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`);
  }
  const result = recipeResult({
    ...provenance(kuairandClick, chosen, began),
    rows,
    comparisons,
    note: `Train 25 April to 4 May, validation 5 to 6 May, test 7 to 8 May. Chosen on validation: ${chosen.map(({ name }) => name).join(", ")}.`,
  });
  writeResult(context.resultsDirectory, result, { quick: context.quick });
  return result;
}

function config(
  files: SplitFiles,
  model: { name: string; [option: string]: unknown },
  { quick }: RecipeContext,
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
