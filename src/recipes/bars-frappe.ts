/**
 * Frappe as on the BARS board: our models by the board's settings, beside what FuxiCTR gave on the very
 * same files (its train split's negatives are redrawn, so the board's own figures are a second reference).
 */
import { fileURLToPath } from "node:url";
import {
  type Config,
  readConfig,
  recipeResult,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  resultRow,
  writeResult,
} from "../run/index.ts";
import { gridRows, trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import { beginning, provenance } from "./provenance.ts";
import { frappeSplits } from "./public-data.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

interface Reference {
  readonly name: string;
  /** Of `configs/bars-frappe/`, where the run of the board is named that the settings are from. */
  readonly config: string;
  /** Test AUC of FuxiCTR on these files (one seed, 2 cores), where it was run. */
  readonly fuxictr?: number;
  /** Test AUC on the board (its best run, on the published train file), where the model is on it. */
  readonly board?: number;
}

const references: readonly Reference[] = [
  { name: "LR", config: "lr.yaml", fuxictr: 0.9357, board: 0.9356 },
  { name: "FM", config: "fm.yaml", fuxictr: 0.9679, board: 0.9671 },
  { name: "DeepFM", config: "deepfm.yaml", fuxictr: 0.9855, board: 0.9842 },
  { name: "DCNv2", config: "dcnv2.yaml", fuxictr: 0.9847, board: 0.9845 },
  { name: "FinalMLP", config: "finalmlp.yaml", fuxictr: 0.9845, board: 0.9861 },
  { name: "AFM", config: "afm.yaml", board: 0.9697 },
  { name: "FmFM", config: "fmfm.yaml", board: 0.9749 },
  { name: "FwFM", config: "fwfm.yaml", board: 0.9776 },
  { name: "FFM", config: "ffm.yaml", board: 0.9786 },
  { name: "NFM", config: "nfm.yaml", board: 0.9804 },
  { name: "WideDeep", config: "widedeep.yaml", board: 0.9841 },
  { name: "IPNN", config: "ipnn.yaml", board: 0.9841 },
  { name: "DCN", config: "dcn.yaml", board: 0.9839 },
  { name: "xDeepFM", config: "xdeepfm.yaml", board: 0.9845 },
  { name: "AutoInt", config: "autoint.yaml", board: 0.9831 },
  { name: "AutoInt+", config: "autoint-plus.yaml", board: 0.9848 },
  { name: "FiBiNET", config: "fibinet.yaml", board: 0.9832 },
  { name: "DLRM", config: "dlrm.yaml", board: 0.984 },
  { name: "MaskNet", config: "masknet.yaml", board: 0.9837 },
  { name: "EDCN", config: "edcn.yaml", board: 0.985 },
  { name: "FinalNet-1B", config: "finalnet-1b.yaml", board: 0.9852 },
  { name: "FinalNet-2B", config: "finalnet-2b.yaml", board: 0.9857 },
  { name: "DCNMix", config: "dcnmix.yaml" },
  { name: "GDCN", config: "gdcn.yaml" },
  { name: "Wukong", config: "wukong.yaml" },
];

/** How far below the reference the mean over seeds may lie. */
const tolerance = 0.0015;

export const barsFrappe: Recipe = {
  name: "bars-frappe",
  system: "foundation",
  summary: "Every interaction model on Frappe by the BARS settings, beside FuxiCTR and the board.",
  claim:
    `test AUC, mean over three seeds, no more than ${tolerance} below FuxiCTR's on the same files, ` +
    "or, with one seed, below the board's where FuxiCTR was not run",
  defaultSeeds: [2019, 2020, 2021],
  variants: references.map(({ name }) => name),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const wanted = references.filter(({ name }) => context.only?.includes(name) ?? true);
  const variants = wanted.map(
    ({ name, config }): Variant => ({ name, role: "method", config: placed(config, context) }),
  );
  const runs: VariantRuns[] = [];
  for (const [k, variant] of variants.entries()) {
    // The board's other models are one run there, too.
    const seeds = wanted[k].fuxictr === undefined ? context.seeds.slice(0, 1) : context.seeds;
    runs.push(...(await trainGrid([variant], { ...context, seeds })));
  }
  const measured = { data: "frappe", task: "label", trials: 1 };
  const aucs = gridRows(runs, { ...measured, metrics: ["auc"] });
  const seconds = runs.map(({ metrics }) => metrics.map((m) => m.secondsPerEpoch ?? null));
  for (const [k, { name, fuxictr, board }] of wanted.entries()) {
    const { mean, std, parameters } = aucs[k];
    const published = [fuxictr && `FuxiCTR ${fuxictr}`, board && `board ${board}`].filter(Boolean);
    const perEpoch = seconds[k].map((value) => value?.toFixed(1) ?? "-");
    context.onLine(
      `${[`${name}: ${mean?.toFixed(4) ?? "-"} ± ${std?.toFixed(4) ?? "-"}`, ...published].join(", ")}; ` +
        `${parameters} parameters, ${perEpoch.join(" ")} s an epoch`,
    );
  }
  const result = recipeResult({
    ...provenance(barsFrappe, variants, began),
    rows: [
      ...aucs,
      ...gridRows(runs, { ...measured, metrics: ["log_loss"] }),
      ...aucs.map((row, k) => resultRow({ ...row, metric: "seconds_per_epoch", values: seconds[k] })),
      ...aucs.flatMap((row, k) => publishedRows(row, wanted[k])),
    ],
    comparisons: wanted.flatMap((reference, k) => comparison(reference, aucs[k].mean)),
    note:
      "FuxiCTR's figures are one seed each on the same files; the board's are its best runs on the published " +
      `train file, whose negatives are others. Test AUC on the board: ${boardFigures(wanted)}.`,
  });
  // A part of the models is not the recipe's result; its runs are kept for the call that records all.
  writeResult(context.resultsDirectory, result, { quick: context.quick || context.only !== undefined });
  return result;
}

/** A column for each published figure, beside our AUC. */
function publishedRows(row: ResultRow, { fuxictr, board }: Reference): ResultRow[] {
  const figures = { fuxictr_auc: fuxictr, board_auc: board };
  return Object.entries(figures).flatMap(([metric, value]) =>
    value === undefined ? [] : [resultRow({ ...row, metric, values: [value] })],
  );
}

function comparison({ name, fuxictr, board }: Reference, mean: number | null): ResultComparison[] {
  const published = fuxictr ?? board;
  if (published === undefined) return [];
  const difference = mean === null ? null : mean - published;
  const holds = difference !== null && difference >= -tolerance;
  return [
    {
      data: "frappe",
      metric: "auc",
      method: name,
      baseline: fuxictr === undefined ? "the BARS board" : "FuxiCTR",
      difference,
      interval95: null,
      verdict: holds ? "holds" : "does-not-hold",
    },
  ];
}

function boardFigures(wanted: readonly Reference[]): string {
  const figures = wanted.map(({ name, board }) => `${name} ${board ?? "not there"}`);
  return figures.join(", ");
}

/** The committed configuration with data files taken from the given directory. */
function placed(file: string, { dataDirectory, quick }: RecipeContext): Config {
  const path = fileURLToPath(new URL(`../../configs/bars-frappe/${file}`, import.meta.url));
  const config = readConfig(path);
  const training = quick ? { ...config.training, epochs: 1 } : config.training;
  return { ...config, data: { ...config.data, ...frappeSplits(dataDirectory) }, training };
}
