/**
 * Retrieval on Gowalla (the split of NGCF and LightGCN, all items ranked): matrix factorisation by BPR, and a user
 * tower over id and history by sampled softmax as YouTube's candidate generator. Rate and number of epochs are
 * chosen on a tenth of the training items held out; then each model learns from all of them, once a seed.
 */
import {
  interactionFeatures,
  parseRetrievalConfig,
  type RetrievalConfig,
  type RetrievalConfigInput,
} from "../retrieval/index.ts";
import { recipeResult, type RecipeResult, writeResult } from "../run/index.ts";
import { beginning, provenance } from "./provenance.ts";
import { publicFile } from "./public-data.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import {
  againstPublished,
  rateTrials,
  type RetrievalTrial,
  type RetrievalVariant,
  retrievalRows,
  trainRetrievalGrid,
  type TunedVariant,
  tunedRetrieval,
} from "./retrieval-grid.ts";

const metrics = ["recall@20", "ndcg@20"];

interface Model extends Pick<RetrievalConfigInput, "model" | "objective" | "batchSize"> {
  readonly historyLength: number;
  readonly epochs: number;
  readonly embeddingUpdate: "dense" | "lazy";
  readonly trials: readonly RetrievalTrial[];
  /** Figures of reczoo/BARS, gowalla_m1. */
  readonly published: { readonly [metric: string]: number };
}

/** As YouTube's users are: by what they took, without an id. */
function byHistoryAlone(config: RetrievalConfig): RetrievalConfig {
  const model = { ...config.model, userFeatures: [interactionFeatures.history] } as RetrievalConfig["model"];
  return { ...config, model, training: { ...config.training, learningRate: 2e-3 } };
}

const models: { readonly [variant: string]: Model } = {
  "MF-BPR": {
    // Vectors that begin near zero and grow along what most users share: from 0.1 on, recall stays at 0.14.
    model: { name: "MF", embeddingDim: 64, embeddingStd: 1e-4 },
    objective: { name: "bpr", negatives: 300, shared: true },
    batchSize: 512,
    historyLength: 1,
    epochs: 45,
    embeddingUpdate: "dense",
    // L2 over the tables, 1e-6 and 1e-7, had not validated better at the same epochs.
    trials: rateTrials([1e-3]),
    published: { "recall@20": 0.1627, "ndcg@20": 0.1378 },
  },
  YoutubeDNN: {
    model: { name: "TwoTower", embeddingDim: 64, similarity: "cosine", temperature: 0.1 },
    objective: { name: "softmax", negatives: 1024, logQ: false },
    batchSize: 2048,
    historyLength: 50,
    epochs: 20,
    embeddingUpdate: "lazy",
    trials: [...rateTrials([2e-3]), { name: "lr-0.002-history", change: byHistoryAlone }],
    published: { "recall@20": 0.1754, "ndcg@20": 0.1473 },
  },
};

/** How far below a published figure the mean over seeds may lie. */
const tolerance = 0.002;

export const gowallaRetrieval: Recipe = {
  name: "gowalla-retrieval",
  system: "foundation",
  summary: "MF by BPR and a YoutubeDNN-like tower on Gowalla, all items ranked, beside published figures.",
  claim: `test Recall@20 and NDCG@20 no more than ${tolerance} below the figures of reczoo/BARS`,
  defaultSeeds: [1, 2, 3],
  variants: Object.keys(models),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const wanted = Object.keys(models).filter((name) => context.only?.includes(name) ?? true);
  const variants = wanted.map(
    (name): TunedVariant => ({
      name: `${name}/tuning`,
      title: name,
      role: "method",
      config: config(name, context),
      trials: context.quick ? rateTrials([5e-3]) : models[name].trials,
    }),
  );
  const best = await tunedRetrieval(variants, context);
  const final = best.map(({ variant, metrics: { bestEpoch } }, k): RetrievalVariant => {
    const { interactions, training, ...rest } = variant.config;
    const all = interactions && { ...interactions, validShare: 0 };
    const epochs = (bestEpoch ?? 0) + 1;
    return {
      ...variant,
      name: `${wanted[k]}/all`,
      config: { ...rest, interactions: all, training: { ...training, epochs, earlyStopPatience: null } },
    };
  });
  const runs = await trainRetrievalGrid(final, context);
  const rows = runs.flatMap((one, k) =>
    retrievalRows([one], { data: "gowalla", metrics, trials: models[wanted[k]].trials.length }),
  );
  const comparisons = rows.map((row) =>
    againstPublished(row, models[row.variant].published[row.metric], {
      baseline: `published ${row.variant}`,
      tolerance,
    }),
  );
  for (const { variant, metric, mean, std } of rows) {
    const published = models[variant].published[metric];
    context.onLine(
      `${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}, published ${published}`,
    );
  }
  const chosen = final.map(
    ({ name, config: { training } }) => `${name} rate ${training.learningRate}, ${training.epochs} epochs`,
  );
  const result = recipeResult({
    ...provenance(gowallaRetrieval, final, began),
    rows,
    comparisons,
    note: `Published: reczoo/BARS gowalla_m1, one run each, whose validation set is the test set. Chosen on validation: ${chosen.join("; ")}.`,
  });
  // A part of the models is not the recipe's result; its runs are kept for the call that records all.
  writeResult(context.resultsDirectory, result, { quick: context.quick || context.only !== undefined });
  return result;
}

function config(name: string, { quick, dataDirectory }: RecipeContext): RetrievalConfig {
  const file = (split: string): string => publicFile(dataDirectory, "gowalla", `${split}.txt.gz`);
  const { model, objective, batchSize, historyLength, epochs, embeddingUpdate } = models[name];
  return parseRetrievalConfig({
    task: "retrieval",
    interactions: {
      train: file("train"),
      test: file("test"),
      split: "given",
      validShare: 0.1,
      historyLength,
    },
    model,
    objective,
    batchSize,
    training: {
      epochs: quick ? 1 : epochs,
      metrics,
      embeddingUpdate,
      maxGradientNorm: null,
      validateEveryEpochs: 3,
      validationUsers: quick ? 500 : 10_000,
      earlyStopPatience: 2,
    },
  });
}
