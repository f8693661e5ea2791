/**
 * Frappe as on the BARS board: our models by the board's settings, beside what FuxiCTR gave on the very
 * same files (its train split's negatives are redrawn, so the board's own figures are a second reference).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../core/index.ts";
import { type Config, readConfig, recipeResult, type RecipeResult, writeResult } from "../run/index.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

/** Test AUC: FuxiCTR on these files (one seed, 2 cores), and the board's. */
const references = {
  LR: { config: "lr.yaml", fuxictr: 0.9357, board: 0.9356 },
  FM: { config: "fm.yaml", fuxictr: 0.9679, board: 0.9671 },
  DeepFM: { config: "deepfm.yaml", fuxictr: 0.9855, board: 0.9842 },
  DCNv2: { config: "dcnv2.yaml", fuxictr: 0.9847, board: 0.9845 },
  FinalMLP: { config: "finalmlp.yaml", fuxictr: 0.9845, board: 0.9861 },
} as const;

/** How far below FuxiCTR's figure the mean over seeds may lie. */
const tolerance = 0.0015;

export const barsFrappe: Recipe = {
  name: "bars-frappe",
  system: "foundation",
  summary: "LR, FM, DeepFM, DCNv2 and FinalMLP on Frappe by the BARS settings, beside FuxiCTR.",
  claim: `test AUC, mean over seeds, no more than ${tolerance} below FuxiCTR's on the same files`,
  defaultSeeds: [2019, 2020, 2021],
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const variants = Object.entries(references).map(
    ([name, { config }]): Variant => ({ name, role: "method", config: placed(config, context) }),
  );
  const runs = await trainGrid(variants, context);
  const rows = gridRows(runs, { data: "frappe", task: "label", metrics: ["auc", "log_loss"], trials: 1 });
  const lines: string[] = [];
  const comparisons = rows
    .filter(({ metric }) => metric === "auc")
    .map((row) => {
      const { fuxictr, board } = references[row.variant as keyof typeof references];
      const difference = row.mean === null ? null : row.mean - fuxictr;
      const seconds =
        runs
          .find(({ variant }) => variant.name === row.variant)
          ?.metrics.map((m) => m.secondsPerEpoch ?? 0) ?? [];
      const perEpoch = seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
      lines.push(
        `${row.variant}: ${row.mean?.toFixed(4)} ± ${row.std?.toFixed(4) ?? "-"}, FuxiCTR ${fuxictr}, board ${board}, ${perEpoch.toFixed(2)} s an epoch`,
      );
      return {
        data: "frappe",
        metric: "auc",
        method: row.variant,
        baseline: "FuxiCTR",
        difference,
        interval95: null,
        verdict:
          difference !== null && difference >= -tolerance ? ("holds" as const) : ("does-not-hold" as const),
      };
    });
  for (const line of lines) context.onLine(line);
  const result = recipeResult({
    ...provenance(barsFrappe, variants, began),
    rows,
    comparisons,
    note: `FuxiCTR's figures are one seed each on the same files. ${lines.join("; ")}.`,
  });
  writeResult(context.resultsDirectory, result, { quick: context.quick });
  return result;
}

/** The committed configuration with data files taken from the given directory. */
function placed(file: string, { dataDirectory, quick }: RecipeContext): Config {
  const path = fileURLToPath(new URL(`../../configs/bars-frappe/${file}`, import.meta.url));
  const folder = join(dataDirectory, "frappe");
  const files = {
    train: join(folder, "frappe.train.rebuilt.libfm.gz"),
    valid: join(folder, "frappe.validation.libfm.gz"),
    test: join(folder, "frappe.test.libfm.gz"),
  };
  for (const needed of Object.values(files)) {
    if (existsSync(needed)) continue;
    throw new ConfigError(`the recipe bars-frappe needs ${needed}, which is not there`, {
      hint: "name the folder that holds frappe/ with --data",
    });
  }
  const config = readConfig(path);
  const training = quick ? { ...config.training, epochs: 1 } : config.training;
  return { ...config, data: { ...config.data, ...files }, training };
}
