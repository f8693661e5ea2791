/**
 * Frappe as on the BARS board: our models by the board's settings, beside what FuxiCTR gave on the very
 * same files (its train split's negatives are redrawn, so the board's own figures are a second reference).
 */
import { fileURLToPath } from "node:url";
import {
  type Config,
  readConfig,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  resultRow,
} from "../run/index.ts";
import { againstFigure, costText, secondsRow } from "./board-rows.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { frappeSplits } from "./public-data.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type MeasuredPart, recordParts } from "./record-parts.ts";

export interface Reference {
  readonly name: string;
  /** Of `configs/bars-frappe/`, where the run of the board is named that the settings are from. */
  readonly config: string;
  /** Test AUC of FuxiCTR on these files (one seed, 2 cores), where it was run. */
  readonly fuxictr?: number;
  /** Test AUC on the board (its best run, on the published train file), where the model is on it. */
  readonly board?: number;
  /** Test log loss of that run, where the board has it. */
  readonly boardLogLoss?: number;
}

export const references: readonly Reference[] = [
  { name: "LR", config: "lr.yaml", fuxictr: 0.9357, board: 0.9356, boardLogLoss: 0.3076 },
  { name: "FM", config: "fm.yaml", fuxictr: 0.9679, board: 0.9671, boardLogLoss: 0.2065 },
  { name: "DeepFM", config: "deepfm.yaml", fuxictr: 0.9855, board: 0.9842, boardLogLoss: 0.1482 },
  { name: "DCNv2", config: "dcnv2.yaml", fuxictr: 0.9847, board: 0.9845, boardLogLoss: 0.1491 },
  { name: "FinalMLP", config: "finalmlp.yaml", fuxictr: 0.9845, board: 0.9861, boardLogLoss: 0.1484 },
  { name: "AFM", config: "afm.yaml", fuxictr: 0.9603, board: 0.9697, boardLogLoss: 0.2264 },
  { name: "FmFM", config: "fmfm.yaml", board: 0.9749, boardLogLoss: 0.2004 },
  { name: "FwFM", config: "fwfm.yaml", board: 0.9776, boardLogLoss: 0.203 },
  { name: "FFM", config: "ffm.yaml", board: 0.9786, boardLogLoss: 0.186 },
  { name: "NFM", config: "nfm.yaml", board: 0.9804, boardLogLoss: 0.2058 },
  { name: "WideDeep", config: "widedeep.yaml", board: 0.9841, boardLogLoss: 0.149 },
  { name: "IPNN", config: "ipnn.yaml", board: 0.9841, boardLogLoss: 0.154 },
  { name: "DCN", config: "dcn.yaml", board: 0.9839, boardLogLoss: 0.1527 },
  { name: "xDeepFM", config: "xdeepfm.yaml", board: 0.9845, boardLogLoss: 0.1466 },
  { name: "DLRM", config: "dlrm.yaml", board: 0.984 },
  { name: "MaskNet", config: "masknet.yaml", board: 0.9837 },
  { name: "EDCN", config: "edcn.yaml", board: 0.985 },
  { name: "FinalNet-1B", config: "finalnet-1b.yaml", board: 0.9852 },
  { name: "FinalNet-2B", config: "finalnet-2b.yaml", board: 0.9857, boardLogLoss: 0.1311 },
  { name: "DCNMix", config: "dcnmix.yaml" },
  { name: "GDCN", config: "gdcn.yaml" },
  { name: "Wukong", config: "wukong.yaml" },
  // The slowest last: a result is written after each.
  { name: "FiBiNET", config: "fibinet.yaml", fuxictr: 0.9818, board: 0.9832 },
  { name: "AutoInt", config: "autoint.yaml", board: 0.9831 },
  { name: "AutoInt+", config: "autoint-plus.yaml", board: 0.9848 },
];

/** Those that the foundation is judged by have three seeds; the others one, as on the board. */
const severalSeeds: readonly string[] = ["LR", "FM", "DeepFM", "DCNv2", "FinalMLP"];

/** How far below the reference the mean over seeds may lie. */
const tolerance = 0.0015;

export const barsFrappe: Recipe = {
  name: "bars-frappe",
  system: "foundation",
  summary: "Every interaction model on Frappe by the BARS settings, beside FuxiCTR and the board.",
  claim:
    `test AUC no more than ${tolerance} below FuxiCTR's on the same files, or below the board's where FuxiCTR was not ` +
    `run; mean over three seeds of ${severalSeeds.join(", ")}, one seed of the others`,
  defaultSeeds: [2019, 2020, 2021],
  inParts: true,
  variants: references.map(({ name }) => name),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  const wanted = references.filter(({ name }) => context.only?.includes(name) ?? true);
  return recordParts(
    barsFrappe,
    {
      parts: () => wanted,
      nameOf: ({ name }) => name,
      measure: (reference) => measured(reference, context),
      note: (measured) =>
        "FuxiCTR's figures are one seed each on the same files; the board's are its best runs on the published " +
        "train file, whose negatives are others. " +
        "Seconds an epoch are by the clock, whatever else the machine did (`npm run bench:frappe` measures them). Test AUC on the " +
        `board: ${boardFigures(measured)}.`,
    },
    context,
  );
}

async function measured(reference: Reference, context: RecipeContext): Promise<MeasuredPart> {
  const { name, config, fuxictr, board } = reference;
  const variant: Variant = { name, role: "method", config: placed(config, context) };
  const seeds = severalSeeds.includes(name) ? context.seeds : context.seeds.slice(0, 1);
  const runs = await trainGrid([variant], { ...context, seeds });
  const options = { data: "frappe", task: "label", trials: 1 };
  const [auc] = gridRows(runs, { ...options, metrics: ["auc"] });
  const seconds = secondsRow(auc, runs[0]);
  const published = [fuxictr && `FuxiCTR ${fuxictr}`, board && `board ${board}`].filter(Boolean);
  context.onLine(
    `${[`${name}: ${auc.mean?.toFixed(4) ?? "-"} ± ${auc.std?.toFixed(4) ?? "-"}`, ...published].join(", ")}; ` +
      costText(seconds),
  );
  return {
    rows: [
      auc,
      ...gridRows(runs, { ...options, metrics: ["log_loss"] }),
      seconds,
      ...publishedRows(auc, reference),
    ],
    comparisons: comparison(reference, auc),
    variants: [variant],
  };
}

/** A column for each published figure, beside our AUC. */
function publishedRows(row: ResultRow, { fuxictr, board, boardLogLoss }: Reference): ResultRow[] {
  const figures = { fuxictr_auc: fuxictr, board_auc: board, board_log_loss: boardLogLoss };
  return Object.entries(figures).flatMap(([metric, value]) =>
    value === undefined ? [] : [resultRow({ ...row, metric, values: [value] })],
  );
}

function comparison({ fuxictr, board }: Reference, row: ResultRow): ResultComparison[] {
  const figure = fuxictr ?? board;
  if (figure === undefined) return [];
  const baseline = fuxictr === undefined ? "the BARS board" : "FuxiCTR";
  return [againstFigure(row, { baseline, figure, holds: (difference) => difference >= -tolerance })];
}

function boardFigures(names: readonly string[]): string {
  const of = (name: string): number | undefined => references.find((each) => each.name === name)?.board;
  return names.map((name) => `${name} ${of(name) ?? "not there"}`).join(", ");
}

/** A committed configuration as it is. */
export function barsConfig(file: string): Config {
  return readConfig(fileURLToPath(new URL(`../../configs/bars-frappe/${file}`, import.meta.url)));
}

/** The committed configuration with data files taken from the given directory. */
function placed(file: string, { dataDirectory, quick }: RecipeContext): Config {
  const config = barsConfig(file);
  const training = quick ? { ...config.training, epochs: 1 } : config.training;
  return { ...config, data: { ...config.data, ...frappeSplits(dataDirectory) }, training };
}
