/**
 * Multi-Embedding (S05): the same numbers of embeddings as one wider set or as several sets, each with its own
 * interaction, for several hosts. Frappe, flights, and a generated world, there with and without its fields of few
 * values, which are what pulls other tables into few directions. Training is the paper's for everyone: Adam at
 * 1e-3, batches of 2048, L2 of 1e-6, no tuning; but fewer epochs, and smaller networks. Beside AUC, the information abundance of the tables; and the law
 * behind it in its smallest setting.
 */
import { join } from "node:path";
import { collapseByVocabulary, meanOf, runTables } from "../analysis/index.ts";
import type { DataConfigInput } from "../data/index.ts";
import {
  compareRows,
  type ConfigInput,
  parseConfig,
  type RecipeResult,
  type ResultComparison,
  resultRow,
  type ResultRow,
} from "../run/index.ts";
import { exampleConfig, type WorldOptions } from "../world/index.ts";
import { abundanceAfterTraining, dim as lawDim } from "./collapse-law.ts";
import { prepareFlights } from "./flights-data.ts";
import { trainGrid, type Variant } from "./grid.ts";
import { frappeSplits } from "./public-data.ts";
import { type MeasuredPart, recordParts } from "./record-parts.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { openedRuns, type Study, type StudyRuns, studyName } from "./study.ts";
import { measuredRow, rowOf, taskRows } from "./task-rows.ts";
import { ensureWorld } from "./world-data.ts";

const dim = 8;
const sizes = [2, 4] as const;
const block = { batchNorm: true, netDropout: 0.2 };

type Host = Extract<ConfigInput["model"], object>;

/** As in the paper, small: an interaction, then a deep network of two layers of which the first is a set's own. */
const hosts: { readonly [name: string]: Host } = {
  dcnv2: { name: "DCNv2", structure: "stacked", crossLayers: 2, hiddenUnits: [64, 64], ...block },
  nfm: { name: "NFM", hiddenUnits: [64, 64], ...block },
};

/** Fields of few values; what is left are the ids and categories of users and items. */
const tinyFields: readonly string[] = ["age", "gender", "device", "format", "domain", "position"];

const world: WorldOptions = {
  seed: 6,
  impressions: 120_000,
  users: 3000,
  items: 1000,
  clickShift: 1,
  affinityStrength: 1.5,
};

export const multiEmbedding: Recipe = {
  name: "multi-embedding",
  system: "S05",
  summary: "Several embedding sets beside one wider set, at sizes 1, 2 and 4: Frappe, flights, worlds.",
  claim:
    "at four times the embeddings, several sets have a higher test AUC than one set as wide and than the plain " +
    "model, and their tables together a higher information abundance than the wide set's",
  defaultSeeds: [1, 2, 3],
  inParts: true,
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult | undefined> {
  return recordParts(
    multiEmbedding,
    {
      first: { name: "law of collapse", measure: async () => lawOfCollapse(context) },
      parts: async () =>
        (await studies(context)).flatMap((study) => study.hosts.map((host) => ({ study, host }))),
      nameOf: ({ study, host }) => `${studyName(study)} ${host}`,
      measure: async ({ study, host }) => {
        const variants = variantsOf(study, host, context);
        const runs = await trainGrid(variants, context);
        const rows = measuredRows({ study, runs, trials: 1 }, host, context);
        return { rows, comparisons: comparisonsOf(study, host, rows, context), variants };
      },
      note: () => note,
    },
    context,
  );
}

function lawOfCollapse(context: RecipeContext): MeasuredPart {
  const rows = lawRows(context);
  const law = (third: number): ResultRow =>
    rowOf(rows, { data: "three fields", setting: { third_values: third } });
  const few = { ...law(3), variant: "3 values" };
  const many = { ...law(100), variant: "100 values" };
  return { rows, comparisons: [compareRows(few, many, { higherIsBetter: false })], variants: [] };
}

const note = `Width ${dim} at size 1. Information abundance: mean over tables of its rows of known values, several sets side by side; \`set_abundance\` is that of a set alone.`;

/** The three-field law; its seeds are pairs. */
function lawRows({ quick, seeds, onLine }: RecipeContext): ResultRow[] {
  return [3, 100].map((thirdValues) => {
    const steps = quick ? 100 : 5000;
    const values = seeds.map((seed) => abundanceAfterTraining({ thirdValues, steps, seed }));
    onLine(`law, ${thirdValues} values in the third field: ${values.map((v) => v.toFixed(2)).join(" ")}`);
    return resultRow({
      data: "three fields",
      setting: { third_values: thirdValues },
      variant: "fm",
      role: thirdValues === 3 ? "method" : "baseline",
      task: null,
      domain: null,
      metric: "information_abundance",
      values,
      parameters: 100 * lawDim,
      trainSeconds: 0,
      trials: 1,
    });
  });
}

interface HostStudy extends Study {
  readonly hosts: readonly string[];
}

async function studies(context: RecipeContext): Promise<HostStudy[]> {
  const { quick, workDirectory, dataDirectory } = context;
  const directory = join(workDirectory, "world");
  const small = { ...world, impressions: 20_000, users: 400, items: 300 };
  await ensureWorld(directory, quick ? small : world, context);
  const whole = exampleConfig(directory);
  const without = {
    ...whole,
    features: whole.features?.filter((feature) => !tinyFields.includes(feature.name)),
  };
  const all: HostStudy[] = [
    { data: "world", setting: { tiny_fields: true }, config: whole, hosts: ["dcnv2"] },
    { data: "world", setting: { tiny_fields: false }, config: without, hosts: ["dcnv2"] },
  ];
  if (quick) return all.slice(0, 1).map((study) => ({ ...study, hosts: ["dcnv2"] }));
  const flights = await prepareFlights(dataDirectory, join(workDirectory, "flights"), 150_000);
  return [
    { data: "frappe", setting: {}, config: frappe(dataDirectory), hosts: Object.keys(hosts) },
    { data: "flights-3m", setting: {}, config: flights, hosts: ["dcnv2", "nfm"] },
    ...all,
  ];
}

function frappe(dataDirectory: string): DataConfigInput {
  return {
    data: { ...frappeSplits(dataDirectory), format: "libfm" },
    features: Array.from({ length: 10 }, (_, f) => ({ name: `f${f}`, kind: "categorical" as const })),
    labels: [{ name: "label", threshold: 0 }],
  };
}

function variantsOf({ data, setting, config }: HostStudy, host: string, context: RecipeContext): Variant[] {
  const base = { ...hosts[host], embeddingStd: 0.01 };
  const variant = (name: string, role: Variant["role"], model: object): Variant => ({
    name: join(
      [data, ...Object.entries(setting).map(([dial, value]) => `${dial}-${value}`)].join("-"),
      host,
      name,
    ),
    title: `${host}-${name}`,
    role,
    config: parseConfig({ ...config, model: { ...base, ...model }, training: trainingOf(context) }),
  });
  const grown = context.quick ? sizes.slice(0, 1) : sizes;
  const several = { embeddingDim: dim, embeddingSets: grown[grown.length - 1] };
  return [
    variant("x1", "baseline", { embeddingDim: dim }),
    ...grown.flatMap((size) => [
      variant(`wide-x${size}`, "baseline", { embeddingDim: dim * size }),
      variant(`sets-x${size}`, "method", { embeddingDim: dim, embeddingSets: size }),
    ]),
    ...(host === "dcnv2"
      ? [variant("sets-one-interaction", "ablation", { ...several, setInteraction: "shared" })]
      : []),
  ];
}

function trainingOf({ quick }: RecipeContext): ConfigInput["training"] {
  return {
    batchSize: quick ? 256 : 2048,
    epochs: quick ? 1 : 15,
    learningRate: 1e-3,
    embeddingRegularizer: 1e-6,
    netRegularizer: 1e-6,
    reduceLrOnPlateau: false,
    earlyStopPatience: 2,
    metrics: ["auc", "log_loss"],
    monitor: "auc",
  };
}

function measuredRows(finished: StudyRuns, host: string, context: RecipeContext): ResultRow[] {
  const { study, runs, trials } = finished;
  const options = { data: study.data, setting: study.setting, metrics: ["auc", "log_loss"], trials };
  const rows = taskRows(runs, options);
  for (const one of runs) {
    const collapses = openedRuns(one, context).map((opened) => collapseByVocabulary(runTables(opened)));
    const row = (metric: string, values: readonly (number | null)[]): ResultRow =>
      measuredRow(one, options, { task: null, domain: null, metric, values });
    const abundance = row(
      "information_abundance",
      collapses.map((each) => meanOf(each.map((table) => table.informationAbundance))),
    );
    rows.push(
      abundance,
      row(
        "set_abundance",
        collapses.map((each) => meanOf(each.map((table) => table.meanAbundance))),
      ),
    );
    const auc = rowOf(rows, { variant: one.variant.title, metric: "auc" });
    context.onLine(
      `${study.data} ${JSON.stringify(study.setting)} ${one.variant.title ?? host}: AUC ${auc.mean?.toFixed(5) ?? "undefined"} ± ${auc.std?.toFixed(5) ?? "-"}, abundance ${abundance.mean?.toFixed(2) ?? "undefined"}, ${auc.parameters} parameters`,
    );
  }
  return rows;
}

function comparisonsOf(
  { config }: HostStudy,
  host: string,
  rows: readonly ResultRow[],
  { quick }: RecipeContext,
): ResultComparison[] {
  const size = quick ? sizes[0] : sizes[sizes.length - 1];
  const task = config.labels?.[0].name;
  const row = (name: string, metric: string): ResultRow =>
    rowOf(rows, { variant: `${host}-${name}`, metric, ...(metric === "auc" ? { task } : {}) });
  const sets = `sets-x${size}`;
  return [
    compareRows(row(sets, "auc"), row(`wide-x${size}`, "auc")),
    compareRows(row(sets, "auc"), row("x1", "auc")),
    compareRows(row(sets, "information_abundance"), row(`wide-x${size}`, "information_abundance"), {
      higherIsBetter: true,
    }),
  ];
}
