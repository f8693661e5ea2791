/**
 * What the generated world promises at its default dials and a million impressions: logistic regression
 * stays well below the oracle, and crosses help. Everyone is tuned alike: first the rate, then the L2
 * of embeddings at that rate. The world's seed is not the one its constants were chosen with.
 */
import { join } from "node:path";
import {
  type ConfigInput,
  compareRows,
  parseConfig,
  recipeResult,
  resultRow,
  writeResult,
} from "../run/index.ts";
import { exampleConfig, readWorldManifest, type WorldOptions } from "../world/index.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { learningRates, type Trial, tuned } from "./tune.ts";
import { ensureWorld } from "./world-data.ts";

const worldOptions: WorldOptions = { seed: 2, impressions: 1_000_000 };
const quickWorldOptions: WorldOptions = { seed: 2, impressions: 20_000, users: 500, items: 300 };
const regularizers: readonly Trial[] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2].map((embeddingRegularizer) => ({
  name: `l2-${embeddingRegularizer}`,
  training: { embeddingRegularizer },
}));

const models: readonly (ConfigInput["model"] & { readonly name: string })[] = [
  { name: "LR" },
  { name: "DCNv2", embeddingDim: 16, hiddenUnits: [256, 128], netDropout: 0.1 },
];

export const worldSanity: Recipe = {
  name: "world-sanity",
  system: "foundation",
  summary: "LR and DCNv2 on a million impressions of the generated world, against its oracle.",
  claim: "DCNv2 is at least 0.015 AUC above LR and as much below the oracle, LR at least 0.05 below",
  defaultSeeds: [1, 2, 3],
  run,
};

async function run(context: RecipeContext) {
  const began = beginning();
  const directory = join(context.workDirectory, "world");
  await ensureWorld(directory, context.quick ? quickWorldOptions : worldOptions, context);
  const variants = models.map((model): Variant => {
    const config = parseConfig({
      ...exampleConfig(directory),
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
  const truth = readWorldManifest(directory).splits.test.oracle;
  const oracle = metrics.flatMap((metric) => {
    const value = metric === "auc" ? truth.auc : metric === "log_loss" ? truth.logLoss : undefined;
    if (value === undefined) return [];
    const [row] = rows.filter((candidate) => candidate.metric === metric);
    const values = row.values.map(() => value);
    const none = { parameters: 0, trainSeconds: 0, trials: 0 };
    return [resultRow({ ...row, ...none, variant: "oracle", role: "baseline", values })];
  });
  rows.push(...oracle);
  for (const { variant, metric, mean, std } of rows) {
    context.onLine(`${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`);
  }
  const result = recipeResult({
    ...provenance(worldSanity, chosen, began),
    rows,
    comparisons: [
      ["DCNv2", "LR", 0.015] as const,
      ["oracle", "DCNv2", 0.015] as const,
      ["oracle", "LR", 0.05] as const,
    ].map(([above, below, margin]) =>
      compareRows(auc(above), auc(below), { claim: { kind: "better", margin } }),
    ),
    note: `The world's seed is 2. Chosen on validation: ${chosen.map(({ name }) => name).join(", ")}.`,
  });
  writeResult(context.resultsDirectory, result, { quick: context.quick });
  return result;
}
