/**
 * Clicks on KuaiRand-Pure by time: logistic regression, DeepFM, DCNv2, and models that read the history by the
 * candidate. Every model gets the same four learning rates on validation; then three seeds on test. Histories
 * have 50 entries, so those that search find 20 of them, beside the last 10.
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

const deep = { embeddingDim: 16, hiddenUnits: [200, 80], netDropout: 0.1 };
const search = { k: 20, shortLength: 10, attentionWidth: 32 };

/** Models by the name of their variant; of these, LR, DeepFM and DCNv2 do not attend to the history. */
const candidates: {
  readonly [variant: string]: { readonly name: string; readonly [option: string]: unknown };
} = {
  LR: { name: "LR" },
  DeepFM: { name: "DeepFM", ...deep },
  DCNv2: { name: "DCNv2", ...deep },
  DIN: { name: "DIN", ...deep },
  DIEN: { name: "DIEN", ...deep },
  "DIEN-auxiliary": { name: "DIEN", ...deep, auxiliaryWeight: 1 },
  BST: { name: "BST", ...deep },
  SIM: { name: "SIM", ...deep, ...search },
  ETA: { name: "ETA", ...deep, ...search },
  SDIM: { name: "SDIM", ...deep, shortLength: search.shortLength, attentionWidth: search.attentionWidth },
  TWIN: { name: "TWIN", ...deep, ...search },
  HSTU: { name: "HSTU", ...deep, attentionHeads: 2, hstuDropout: 0.1 },
};
const baselines = ["LR", "DeepFM", "DCNv2"];

export const kuairandClick: Recipe = {
  name: "kuairand-click",
  system: "foundation",
  summary: "Click on KuaiRand-Pure by LR, DeepFM, DCNv2 and eight models over the history; AUC, gAUC, NE.",
  claim:
    "models that read the history by the candidate beat DCNv2, which averages it; DCNv2 and DeepFM beat LR " +
    "(test AUC)",
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
        role: baselines.includes(name) ? "baseline" : "method",
        config: config(files, model, context),
      }),
    );
  const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
  const chosen = await tuned(variants, trials, context);
  const runs = await trainGrid(chosen, context);
  const metrics = ["auc", "gauc", "ne", "log_loss"];
  const rows = gridRows(runs, { data: "kuairand-pure", task: "click", metrics, trials: trials.length });
  const auc = (variant: string) =>
    rows.find((candidate) => candidate.variant === variant && candidate.metric === "auc");
  const claimed = [
    ...Object.keys(candidates).flatMap((name) => (baselines.includes(name) ? [] : [[name, "DCNv2"]])),
    ["DCNv2", "LR"],
    ["DeepFM", "LR"],
  ];
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

function config(
  files: SplitFiles,
  model: { readonly name: string; readonly [option: string]: unknown },
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
