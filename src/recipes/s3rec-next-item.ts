/**
 * The next item on the sequences of S3-Rec (Amazon Beauty and Sports, Last.fm): SASRec and GRU4Rec, the
 * last item of each user for test and the one before for validation, ranked among all items. All models are
 * trained by softmax over drawn items; on the smallest set SASRec also as in its paper, by cross entropy with one
 * negative a position, which is how the published figures were obtained.
 */
import { parseRetrievalConfig, type RetrievalConfig, type RetrievalConfigInput } from "../retrieval/index.ts";
import { compareRows, type RecipeResult, type ResultComparison, type ResultRow } from "../run/index.ts";
import { publicFile } from "./public-data.ts";
import { recordParts } from "./record-parts.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import {
  againstPublished,
  rateTrials,
  retrievalRows,
  trainRetrievalGrid,
  type TunedVariant,
  tunedRetrieval,
} from "./retrieval-grid.ts";

interface DataSet {
  readonly file: string;
  /** Published HR@10, all items ranked (RUCAIBox/CIKM2020-S3Rec). */
  readonly published: { readonly SASRec: number; readonly GRU4Rec: number };
  readonly models: readonly string[];
  /** Learning rates to try. */
  readonly rates: readonly number[];
  readonly epochs: number;
}

const large = { models: ["SASRec", "GRU4Rec"], rates: [1e-3], epochs: 60 };

/** The smallest first: each is recorded when it is done. */
const sets: { readonly [name: string]: DataSet } = {
  LastFM: {
    file: "LastFM.txt.gz",
    published: { SASRec: 0.0688, GRU4Rec: 0.0367 },
    models: ["SASRec", "SASRec-binary", "GRU4Rec"],
    rates: [1e-3, 3e-3],
    epochs: 120,
  },
  Beauty: { file: "Beauty.txt.gz", published: { SASRec: 0.0605, GRU4Rec: 0.0283 }, ...large },
  Sports: { file: "Sports_and_Outdoors.txt.gz", published: { SASRec: 0.035, GRU4Rec: 0.0204 }, ...large },
};

const softmax = { name: "softmax", negatives: 256, logQ: false } as const;
const models: {
  readonly [variant: string]: Pick<RetrievalConfigInput, "model" | "objective"> & {
    readonly published?: "SASRec" | "GRU4Rec";
  };
} = {
  SASRec: { model: { name: "SASRec" }, objective: softmax, published: "SASRec" },
  "SASRec-binary": { model: { name: "SASRec" }, objective: { name: "binary" } },
  GRU4Rec: { model: { name: "GRU4Rec" }, objective: softmax, published: "GRU4Rec" },
};

/** How far below a published figure the mean over seeds may lie. */
const tolerance = 0.001;
const metrics = ["ndcg@10", "hr@10", "ndcg@5", "hr@5", "mrr"];

export const s3recNextItem: Recipe = {
  name: "s3rec-next-item",
  system: "foundation",
  summary: "SASRec and GRU4Rec on Beauty, Sports and Last.fm, all items ranked, beside published figures.",
  claim:
    `test HR@10 of SASRec and GRU4Rec no more than ${tolerance} below the published figures; ` +
    "SASRec by sampled softmax beats SASRec by cross entropy with one negative (NDCG@10, Last.fm)",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  variants: Object.entries(sets).flatMap(([set, { models: own }]) => own.map((model) => `${set}/${model}`)),
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordParts(
    s3recNextItem,
    {
      parts: () => Object.keys(sets).filter((set) => modelsOn(set, context).length > 0),
      nameOf: (set) => set,
      measure: async (set) => {
        const rates = context.quick ? [1e-3] : sets[set].rates;
        const variants = modelsOn(set, context).map(
          (model): TunedVariant => ({
            name: `${set}/${model}`,
            title: model,
            role: model === "SASRec-binary" ? "baseline" : "method",
            config: config(set, model, context),
            trials: rateTrials(rates),
          }),
        );
        const chosen = await tunedRetrieval(variants, context);
        const runs = await trainRetrievalGrid(chosen, context);
        const data = `s3rec-${set.toLowerCase()}`;
        const rows = retrievalRows(runs, { data, metrics, trials: rates.length });
        for (const { variant, metric, mean, std } of rows) {
          if (!metric.endsWith("@10")) continue;
          context.onLine(
            `${data} ${variant} ${metric}: ${mean?.toFixed(4) ?? "undefined"} ± ${std?.toFixed(4) ?? "-"}`,
          );
        }
        return { rows, comparisons: comparisonsOf(set, rows), variants: chosen };
      },
      note: (chosen) =>
        "Published: SASRec and GRU4Rec of RUCAIBox/CIKM2020-S3Rec, one run each. Training and validation items are " +
        "left out when test items are ranked. Long histories are learned from in windows of 50 items, none left out. " +
        `Chosen on validation: ${chosen.join(", ")}.`,
    },
    context,
  );
}

function modelsOn(set: string, { only }: RecipeContext): string[] {
  return sets[set].models.filter((model) => only?.includes(`${set}/${model}`) ?? true);
}

function comparisonsOf(set: string, rows: readonly ResultRow[]): ResultComparison[] {
  const row = (variant: string, metric: string): ResultRow | undefined =>
    rows.find((each) => each.variant === variant && each.metric === metric);
  const published = Object.entries(models).flatMap(([variant, { published: name }]) => {
    const own = row(variant, "hr@10");
    if (name === undefined || own === undefined) return [];
    return [againstPublished(own, sets[set].published[name], { baseline: `published ${name}`, tolerance })];
  });
  const [softmaxRow, binaryRow] = [row("SASRec", "ndcg@10"), row("SASRec-binary", "ndcg@10")];
  if (softmaxRow === undefined || binaryRow === undefined) return published;
  return [...published, compareRows(softmaxRow, binaryRow)];
}

function config(set: string, variant: string, { quick, dataDirectory }: RecipeContext): RetrievalConfig {
  const { file, epochs } = sets[set];
  const train = publicFile(dataDirectory, "s3rec-sequences", file);
  const { model, objective } = models[variant];
  return parseRetrievalConfig({
    task: "retrieval",
    interactions: { train, historyLength: 50 },
    model: { embeddingDim: 64, ...model },
    objective,
    batchSize: 32,
    training: {
      epochs: quick ? 1 : epochs,
      metrics,
      embeddingUpdate: "lazy",
      maxGradientNorm: null,
      validateEveryEpochs: 5,
      validationUsers: quick ? 500 : 10_000,
      earlyStopPatience: 3,
    },
  });
}
