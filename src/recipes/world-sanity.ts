/**
 * What the generated world promises at its default dials and a million impressions: logistic regression
 * stays well below the oracle, crosses help, histories help more. Everyone is tuned alike: first the rate, then the L2
 * of embeddings at that rate. The world's seed is not the one its constants were chosen with.
 */
import { join } from "node:path";
import { type ConfigInput, compareRows, parseConfig, recipeResult, writeResult } from "../run/index.ts";
import { exampleConfig, readWorldManifest, type WorldOptions } from "../world/index.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { learningRates, type Trial, tuned } from "./tune.ts";
import { ensureWorld } from "./world-data.ts";

const worldOptions: WorldOptions = { seed: 2, impressions: 1_000_000 };
const quickWorldOptions: WorldOptions = { seed: 2, impressions: 20_000, users: 500, items: 300 };
const historyLength = 30;

const regularizers: readonly Trial[] = [1e-4, 1e-3, 1e-2].map((embeddingRegularizer) => ({
  name: `l2-${embeddingRegularizer}`,
  training: { embeddingRegularizer },
}));

const deep = { embeddingDim: 16, hiddenUnits: [256, 128], netDropout: 0.1 };
const models: readonly {
  readonly model: ConfigInput["model"] & { readonly name: string };
  readonly features: "fields" | "history";
}[] = [
  { model: { name: "LR" }, features: "fields" },
  { model: { name: "DCNv2", ...deep }, features: "fields" },
  { model: { name: "DIN", ...deep }, features: "history" },
];

export const worldSanity: Recipe = {
  name: "world-sanity",
  system: "foundation",
  summary: "LR, DCNv2 and DIN on a million impressions of the generated world, against its oracle.",
  claim:
    "DCNv2 is at least 0.015 AUC above LR and as much below the oracle, LR at least 0.05 below; history helps",
  defaultSeeds: [1, 2, 3],
  run,
};

async function run(context: RecipeContext) {
  const began = beginning();
  const directory = join(context.workDirectory, "world");
  await ensureWorld(directory, context.quick ? quickWorldOptions : worldOptions, context);
  const variants = models.map(({ model, features }): Variant => {
    const config = parseConfig({
      ...exampleConfig(directory, { features, historyLength }),
      model,
      training: {
        batchSize: 4096,
        epochs: context.quick ? 1 : 40,
        embeddingRegularizer: 1e-3,
        embeddingRegularizerScope: "batch",
        embeddingUpdate: "lazy",
        monitor: "auc",
      },
    });
    return { name: model.name, role: model.name === "LR" ? "baseline" : "method", config };
  });
  const stages = context.quick ? [learningRates.slice(1, 2)] : [learningRates, regularizers];
  const chosen: Variant[] = [];
  // One after the other, so that an interrupted recipe has whole models.
  for (const variant of variants) {
    let best = [variant];
    for (const trials of stages) best = await tuned(best, trials, context);
    chosen.push(...best);
  }
  const trials = stages.reduce((sum, { length }) => sum + length, 0);
  const runs = await trainGrid(chosen, context);
  const metrics = ["auc", "log_loss", "ne", "calibration_ratio"];
  const rows = gridRows(runs, { data: "world", task: "click", metrics, trials });
  const auc = (variant: string) => {
    const row = rows.find((candidate) => candidate.variant === variant && candidate.metric === "auc");
    if (row === undefined) throw new Error(`no AUC of ${variant}`);
    return row;
  };
  const best = readWorldManifest(directory).splits.test.oracle.auc ?? Number.NaN;
  const gaps = rows
    .filter(({ metric }) => metric === "auc")
    .map(({ variant, mean }) => `${variant} ${mean === null ? "undefined" : (best - mean).toFixed(4)}`);
  for (const { variant, metric, mean, std } of rows) {
    context.onLine(`${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`);
  }
  const result = recipeResult({
    ...provenance(worldSanity, chosen, began),
    rows,
    comparisons: [compareRows(auc("DCNv2"), auc("LR")), compareRows(auc("DIN"), auc("DCNv2"))],
    note: `Oracle AUC ${best.toFixed(4)}; below it: ${gaps.join(", ")}. The world's seed is 2.`,
  });
  writeResult(context.resultsDirectory, result, { quick: context.quick });
  return result;
}
