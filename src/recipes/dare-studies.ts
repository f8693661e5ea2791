/** The data that DARE and its baselines are compared on, and who is compared on each. */
import { join } from "node:path";
import type { ConfigInput, ResultRow } from "../run/index.ts";
import { exampleConfig, type WorldOptions } from "../world/index.ts";
import { kuairandTasks, prepareKuaiRand } from "./kuairand-data.ts";
import type { RecipeContext } from "./recipe.ts";
import { prepareS3RecClicks } from "./s3rec-click-data.ts";
import type { Study } from "./study.ts";
import { ensureWorld } from "./world-data.ts";

/** A model at several widths; its learning rate is chosen at the middle width of the study. */
export interface Family {
  readonly name: string;
  readonly role: ResultRow["role"];
  /** At every width of the study, or at the one that is tuned. @default "tuned" */
  readonly widths?: "all" | "tuned";
  model(width: number, k: number): ConfigInput["model"];
}

export interface HistoryStudy extends Study {
  readonly families: readonly Family[];
  readonly widths: readonly number[];
  /** The width at which learning rates are chosen. */
  readonly tunedWidth: number;
  /** Events that search finds. */
  readonly k: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** The generated world's folder, where the law is known. */
  readonly world?: string;
}

/** Everyone has the same networks and the same start of embeddings. */
const deep = { hiddenUnits: [64, 32], hiddenActivation: "prelu", embeddingStd: 0.01 } as const;
const decoupled = { name: "DARE", ...deep, searchHiddenUnits: [64] } as const;
const recent = { shortLength: 10, attentionWidth: 32 };

const families: { readonly [name: string]: Family } = {
  dare: {
    name: "DARE",
    role: "method",
    widths: "all",
    model: (embeddingDim, k) => ({ ...decoupled, embeddingDim, k }),
  },
  twin: {
    name: "TWIN",
    role: "baseline",
    widths: "all",
    model: (embeddingDim, k) => ({ ...decoupled, tables: "shared", embeddingDim, k }),
  },
  projected: {
    name: "TWIN-projected",
    role: "baseline",
    model: (embeddingDim, k) => ({ ...decoupled, tables: "projected", embeddingDim, k }),
  },
  four: {
    name: "TWIN-4E",
    role: "baseline",
    model: (embeddingDim, k) => ({ ...decoupled, tables: "four", embeddingDim, k }),
  },
  din: {
    name: "DIN",
    role: "baseline",
    model: (embeddingDim) => ({
      name: "DIN",
      ...deep,
      embeddingDim,
      attentionHiddenUnits: [36],
      attentionActivation: "prelu",
      attentionSoftmax: true,
    }),
  },
  eta: {
    name: "ETA",
    role: "baseline",
    model: (embeddingDim, k) => ({ name: "ETA", ...deep, ...recent, embeddingDim, k }),
  },
  sdim: {
    name: "SDIM",
    role: "baseline",
    model: (embeddingDim) => ({ name: "SDIM", ...deep, ...recent, embeddingDim }),
  },
  narrow: {
    name: "DARE-half-attention",
    role: "ablation",
    model: (embeddingDim, k) => ({ ...decoupled, embeddingDim, attentionDim: embeddingDim / 2, k }),
  },
  unaware: {
    name: "TWIN-without-product",
    role: "ablation",
    model: (embeddingDim, k) => ({ ...decoupled, tables: "shared", targetAware: false, embeddingDim, k }),
  },
  dareAlone: {
    name: "DARE-without-search-loss",
    role: "ablation",
    model: (embeddingDim, k) => ({ ...decoupled, searchLossWeight: 0, embeddingDim, k }),
  },
  twinAlone: {
    name: "TWIN-without-search-loss",
    role: "ablation",
    model: (embeddingDim, k) => ({
      ...decoupled,
      tables: "shared",
      searchLossWeight: 0,
      embeddingDim,
      k,
    }),
  },
};

const { dare, twin, projected, four, din, eta, sdim, narrow, unaware, dareAlone, twinAlone } = families;
const baselines = [projected, four, din, eta, sdim];

/**
 * A world in which the history decides: its effect three times the usual one, taste a quarter, clicks of the last
 * day count, a fifth of all rows are clicks and few users have long histories.
 */
const historyWorld = {
  seed: 5,
  impressions: 80_000,
  users: 120,
  items: 1000,
  clickShift: 2,
  historyStrength: 3,
  historyTauDays: 1,
  affinityStrength: 0.25,
  churn: 0,
  drift: 0,
  warmupDays: 4,
  userZipf: 0.5,
} satisfies WorldOptions;

/** A quick run has one small world and three models. */
export async function historyStudies(context: RecipeContext): Promise<HistoryStudy[]> {
  const { quick, workDirectory, dataDirectory } = context;
  const world = join(workDirectory, "world");
  const worldOptions = quick ? { ...historyWorld, impressions: 12_000, users: 40, items: 300 } : historyWorld;
  await ensureWorld(world, worldOptions, context);
  const { historyStrength, historyTauDays } = historyWorld;
  const historyLength = quick ? 50 : 100;
  const studies: HistoryStudy[] = [
    {
      data: "world",
      setting: { historyStrength, historyTauDays },
      config: exampleConfig(world, { features: "history", historyLength }),
      families: quick ? [dare, twin, din] : [dare, twin, ...baselines, narrow, unaware, dareAlone, twinAlone],
      widths: quick ? [4] : [4, 8, 16],
      tunedWidth: quick ? 4 : 8,
      k: 10,
      batchSize: quick ? 256 : 1024,
      epochs: quick ? 1 : 2,
      world,
    },
  ];
  if (quick) return studies;
  const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
  const kuairand = kuairandTasks(files, ["click"]);
  studies.push({
    data: "kuairand-pure",
    setting: {},
    config: {
      ...kuairand,
      features: [
        ...(kuairand.features ?? []),
        { name: "history", kind: "sequence", target: "video_id", maxLength: 50 },
      ],
    },
    families: [dare, twin, ...baselines],
    widths: [4, 8],
    tunedWidth: 8,
    k: 20,
    batchSize: 1024,
    epochs: 2,
  });
  const beauty = { set: "Beauty", historyLength: 50, positives: 10 } as const;
  const lastfm = { set: "LastFM", historyLength: 899, positives: 10 } as const;
  studies.push(
    {
      data: "s3rec-beauty",
      setting: {},
      config: prepareS3RecClicks(dataDirectory, join(workDirectory, "beauty"), beauty),
      families: [dare, twin, din, eta],
      widths: [4, 8],
      tunedWidth: 8,
      k: 20,
      batchSize: 1024,
      epochs: 2,
    },
    {
      data: "s3rec-lastfm",
      setting: {},
      config: prepareS3RecClicks(dataDirectory, join(workDirectory, "lastfm"), lastfm),
      // DIN's network over 899 events would cost more than all others together.
      families: [dare, twin, eta],
      widths: [8],
      tunedWidth: 8,
      k: 20,
      // Sixteen thousand rows.
      batchSize: 128,
      epochs: 3,
    },
  );
  return studies;
}
