/**
 * Clicks on KuaiRand-Pure by every interaction model and every model over the history: one table. Data, features and
 * training are those of `kuairand-click`, at one learning rate and with one seed. Vectors, networks and dropout are
 * as wide for all; what a model has beside them is as in its paper's public runs, scaled to these widths. Histories have
 * 50 entries, so models that search find 20 of them, beside the last 10.
 */
import { join } from "node:path";
import type { RecipeResult } from "../run/index.ts";
import { againstFigure, costText, secondsRow } from "./board-rows.ts";
import { gridRows, trainGrid, type Variant } from "./grid.ts";
import { clickConfig, deep, type KuaiRandModel } from "./kuairand-click.ts";
import { prepareKuaiRand } from "./kuairand-data.ts";
import type { SplitFiles } from "./public-data.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { type MeasuredPart, recordParts } from "./record-parts.ts";

const { embeddingDim, hiddenUnits, netDropout } = deep;
const attention = { attentionDim: 32, heads: 2 };
const search = { k: 20, shortLength: 10, attentionWidth: 32 };
const blocks = { block1HiddenUnits: hiddenUnits, block1Dropout: netDropout };

/** By the name of the variant. */
export const boardModels: { readonly [variant: string]: KuaiRandModel } = {
  LR: { name: "LR" },
  FM: { name: "FM", embeddingDim },
  // A vector for every other field: narrower ones, of which a field has 37.
  FFM: { name: "FFM", embeddingDim: 4 },
  FwFM: { name: "FwFM", embeddingDim },
  FmFM: { name: "FmFM", embeddingDim },
  AFM: { name: "AFM", embeddingDim, attentionDim: 32, attentionDropout: netDropout },
  NFM: { name: "NFM", ...deep },
  DNN: {
    name: "DLRM",
    embeddingDim,
    interaction: "concat",
    topHiddenUnits: hiddenUnits,
    topDropout: netDropout,
  },
  WideDeep: { name: "WideDeep", ...deep },
  DeepFM: { name: "DeepFM", ...deep },
  IPNN: { name: "PNN", ...deep, product: "inner" },
  OPNN: { name: "PNN", ...deep, product: "outer" },
  DCN: { name: "DCN", ...deep },
  DCNv2: { name: "DCNv2", ...deep },
  DCNMix: { name: "DCNMix", ...deep },
  GDCN: { name: "GDCN", ...deep, structure: "parallel" },
  EDCN: { name: "EDCN", embeddingDim, netDropout },
  xDeepFM: { name: "xDeepFM", ...deep, cinUnits: [32] },
  AutoInt: { name: "AutoInt", ...deep, ...attention, hiddenUnits: [] },
  "AutoInt+": { name: "AutoInt", ...deep, ...attention },
  FiBiNET: { name: "FiBiNET", ...deep, bilinearType: "field_all" },
  DLRM: {
    name: "DLRM",
    embeddingDim,
    interaction: "dot",
    bottomHiddenUnits: [],
    topHiddenUnits: hiddenUnits,
    topDropout: netDropout,
  },
  MaskNet: { name: "MaskNet", ...deep, arrangement: "parallel", parallelBlocks: 3, parallelBlockDim: 40 },
  FinalMLP: {
    name: "FinalMLP",
    embeddingDim,
    mlp1HiddenUnits: hiddenUnits,
    mlp1Dropout: netDropout,
    mlp2HiddenUnits: hiddenUnits,
    mlp2Dropout: netDropout,
    gate1Context: ["user_id"],
    gate2Context: ["video_id"],
  },
  "FinalNet-1B": { name: "FinalNet", embeddingDim, blocks: 1, ...blocks, fieldGate: false },
  "FinalNet-2B": {
    name: "FinalNet",
    embeddingDim,
    blocks: 2,
    ...blocks,
    block2HiddenUnits: hiddenUnits,
    block2Dropout: netDropout,
    fieldGate: true,
  },
  Wukong: { name: "Wukong", ...deep, wukongLayers: 2, interactionHiddenUnits: [80] },
  GwPFM: { name: "GwPFM", ...deep },
  DIN: { name: "DIN", ...deep },
  TIN: { name: "TIN", ...deep },
  DIEN: { name: "DIEN", ...deep },
  "DIEN-auxiliary": { name: "DIEN", ...deep, auxiliaryWeight: 1 },
  BST: { name: "BST", ...deep },
  SIM: { name: "SIM", ...deep, ...search },
  ETA: { name: "ETA", ...deep, ...search },
  SDIM: { name: "SDIM", ...deep, shortLength: search.shortLength, attentionWidth: search.attentionWidth },
  TWIN: { name: "TWIN", ...deep, ...search },
  DARE: { name: "DARE", ...deep },
  HSTU: { name: "HSTU", ...deep, attentionHeads: 2, hstuDropout: 0.1 },
};

const names = Object.keys(boardModels);
const baseline = "LR";

export const kuairandBoard: Recipe = {
  name: "kuairand-board",
  system: "foundation",
  summary: "Click on KuaiRand-Pure by every interaction model and every model over the history; one table.",
  claim: "every other model beats logistic regression (test AUC, one seed)",
  defaultSeeds: [1],
  inParts: true,
  variants: names,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  let files: SplitFiles;
  return recordParts(
    kuairandBoard,
    {
      parts: async () => {
        files = await prepareKuaiRand(context.dataDirectory, join(context.workDirectory, "data"));
        return names.filter((name) => context.only?.includes(name) ?? true);
      },
      nameOf: (name) => name,
      measure: async (name, before) => {
        const part = await measured(name, files, context);
        const [auc] = part.rows;
        const figure = before.find((row) => row.variant === baseline && row.metric === "auc")?.mean;
        if (figure === undefined || figure === null) return part;
        return {
          ...part,
          comparisons: [againstFigure(auc, { baseline, figure, holds: (difference) => difference > 0 })],
        };
      },
      note: () =>
        "Train 25 April to 4 May, validation 5 to 6 May, test 7 to 8 May. Learning rate 1e-3 for all, one seed; " +
        "Seconds an epoch are by the clock, whatever else the machine did. `kuairand-click` has four of the models at tuned rates over three seeds.",
    },
    context,
  );
}

async function measured(name: string, files: SplitFiles, context: RecipeContext): Promise<MeasuredPart> {
  const variant: Variant = {
    name,
    role: name === baseline ? "baseline" : "method",
    config: clickConfig(files, boardModels[name], context),
  };
  const runs = await trainGrid([variant], context);
  const metrics = ["auc", "gauc", "ne", "log_loss"];
  const rows = gridRows(runs, { data: "kuairand-pure", task: "click", metrics, trials: 1 });
  const seconds = secondsRow(rows[0], runs[0]);
  context.onLine(
    `${name}: ${rows.map(({ metric, mean }) => `${metric} ${mean?.toFixed(4) ?? "-"}`).join(", ")}; ` +
      costText(seconds),
  );
  return {
    rows: [...rows, seconds],
    comparisons: [],
    variants: [variant],
  };
}
