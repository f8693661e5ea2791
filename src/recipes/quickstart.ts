/**
 * The quickstart: a generated marketplace whose true click probabilities are known, three models trained
 * on it, how near each comes to the truth, and one report. Two cores need well under two minutes.
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { stringify } from "yaml";
import { writeFileAtomic } from "../core/node/index.ts";
import { prepareDataset } from "../data/index.ts";
import { createEngine } from "../engine/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import { writeRunReport } from "../report/index.ts";
import {
  type Config,
  type ConfigInput,
  dataConfigOf,
  keysToSnakeCase,
  parseConfig,
  type RecipeResult,
  recipeResult,
} from "../run/index.ts";
import {
  exampleConfig,
  generateWorld,
  readWorldManifest,
  resolveWorldOptions,
  type WorldOptions,
} from "../world/index.ts";
import { gridRows, trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

const label = "click";

/** Few enough users and items that each is seen often; two cores have half the time to spare. */
const worldOptions: WorldOptions = { impressions: 400_000, users: 2000, items: 800 };
const quickWorldOptions: WorldOptions = { impressions: 20_000, users: 500, items: 300 };

const deep = { embeddingDim: 16, hiddenUnits: [128, 64] };
/** A sum of weights moves more slowly than a product of vectors: LR takes larger steps. */
const models: readonly { model: ConfigInput["model"]; learningRate: number }[] = [
  { model: { name: "LR" }, learningRate: 1e-2 },
  { model: { name: "DeepFM", ...deep }, learningRate: 1e-3 },
  { model: { name: "DCNv2", ...deep, crossLayers: 2 }, learningRate: 1e-3 },
];

const training: ConfigInput["training"] = {
  epochs: 3,
  embeddingRegularizer: 1e-3,
  embeddingRegularizerScope: "batch",
  embeddingUpdate: "lazy",
};

export const quickstart: Recipe = {
  name: "quickstart",
  system: "foundation",
  summary: "A generated world, LR, DeepFM and DCNv2 against the oracle, one report; about a minute.",
  claim: "crosses of features bring a model nearer to the true probabilities than a linear model",
  defaultSeeds: [1],
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const clock = performance.now();
  const directory = resolve(context.workDirectory, "world");
  await ensureWorld(directory, context.quick ? quickWorldOptions : worldOptions, context);
  const batchSize = context.quick ? 256 : 2048;
  const variants = models.map(({ model, learningRate }): Variant => {
    const config = parseConfig({
      ...exampleConfig(directory),
      model,
      training: { ...training, learningRate, batchSize },
    });
    return { name: config.model.name, role: config.model.name === "LR" ? "baseline" : "method", config };
  });
  writeFileAtomic(join(directory, "config.yaml"), worldConfig(variants[variants.length - 1].config));
  const runs = await trainGrid(variants, context);
  const report = await writeReport(variants, context);
  const rows = gridRows(runs, { data: "world", task: label, metrics: ["auc", "log_loss", "ne"], trials: 1 });
  context.onConclusion?.(conclusion(runs, context.workDirectory, report, (performance.now() - clock) / 1000));
  return recipeResult({
    ...provenance(quickstart, variants, began),
    rows,
    comparisons: [],
    note: "one seed on a small generated world: a first look, not a result to cite",
  });
}

/** Generates the world unless an interrupted call has done so with the same options. */
async function ensureWorld(directory: string, options: WorldOptions, context: RecipeContext): Promise<void> {
  const resolved = resolveWorldOptions(options);
  if (existsSync(join(directory, "manifest.json"))) {
    const manifest = readWorldManifest(directory);
    if (JSON.stringify(manifest.options) === JSON.stringify(resolved)) return;
  }
  context.onLine(`generating a world of ${resolved.impressions.toLocaleString("en-US")} impressions`);
  await generateWorld(options, directory, {
    onProgress: ({ phase, what, done }) =>
      context.onProgress?.({ label: phase === "simulate" ? "simulating" : "writing", done, note: what }),
  });
}

/** A configuration in the world's own folder, for whoever goes on from here by hand. */
function worldConfig({ data, ...rest }: Config): string {
  const local = (files: unknown): unknown => (typeof files === "string" ? basename(files) : files);
  const { train, valid, test, ...others } = data;
  const placed = {
    data: { train: local(train), valid: local(valid), test: local(test), ...others },
    ...rest,
  };
  return stringify(keysToSnakeCase(placed), { lineWidth: 110 });
}

/** One page that compares the first seed's runs. */
async function writeReport(variants: readonly Variant[], context: RecipeContext): Promise<string> {
  context.onLine("writing the report");
  const path = join(context.workDirectory, "report.html");
  const engine = context.engine ?? (await createEngine("auto"));
  const dataset = await prepareDataset(dataConfigOf(variants[0].config));
  try {
    const directories = variants.map(({ name }) =>
      join(context.workDirectory, name, String(context.seeds[0])),
    );
    await writeRunReport(directories, path, {
      engine,
      splitsOf: async () => dataset.splits,
      title: "Quickstart: clicks in a generated marketplace",
      summary: [
        "The world was generated by a law with known click probabilities, so the oracle, which predicts them exactly, is the best that any model can do.",
      ],
    });
    return path;
  } finally {
    await dataset.close();
  }
}

function conclusion(runs: readonly VariantRuns[], work: string, report: string, seconds: number): string {
  const oracle = runs[0].metrics[0].test?.oracle[label] ?? {};
  const best = oracle.auc?.value ?? Number.NaN;
  const table = [["", "AUC", "gap to oracle", "log loss", "NE", "parameters", "s/epoch"]];
  for (const { variant, metrics } of runs) {
    const [{ test, parameters, secondsPerEpoch }] = metrics;
    const own = test?.metrics[label] ?? {};
    table.push([
      variant.name,
      fixed(own.auc),
      (best - (own.auc?.value ?? Number.NaN)).toFixed(4),
      fixed(own.log_loss),
      fixed(own.ne),
      (parameters.dense + parameters.embedding).toLocaleString("en-US"),
      (secondsPerEpoch ?? Number.NaN).toFixed(1),
    ]);
  }
  table.push(["oracle", fixed(oracle.auc), "", fixed(oracle.log_loss), fixed(oracle.ne), "", ""]);
  const widths = table[0].map((_, k) => Math.max(...table.map((line) => line[k].length)));
  const lines = table.map((line) =>
    line
      .map((cell, k) => (k === 0 ? cell.padEnd(widths[k]) : cell.padStart(widths[k])))
      .join("  ")
      .trimEnd(),
  );
  const dcn = join(work, "DCNv2", "1");
  return [
    "Clicks on the test days; the oracle knows the true probabilities.",
    "",
    ...lines,
    "",
    `Done in ${Math.round(seconds)} s. Open ${report} in a browser. Next:`,
    `  millrace evaluate ${dcn} --by device         how it does for each device`,
    `  millrace export ${dcn} -o model.onnx         the model as one file`,
    `  millrace train ${join(work, "world", "config.yaml")} --set training.epochs=8`,
    "  millrace train clicks.csv --label click      your own data",
  ].join("\n");
}

function fixed(metric: MetricValue | undefined): string {
  return typeof metric?.value === "number" ? metric.value.toFixed(4) : "–";
}
