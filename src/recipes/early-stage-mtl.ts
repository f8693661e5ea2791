/**
 * Early-stage multi-task ranking (S23): does an early stage that learns several events, from the final stage and
 * from candidates that nobody saw, keep more of what the final stage would choose? On a generated world whose
 * logs keep whole candidate sets (500 a request) the variants add one part at a time:
 *
 *     single-click      ranks by bid times click
 *     single-task       a model for each event, combined by the value formula
 *     shared-bottom     one model, heads of labels
 *     distilled         heads taught by the final stage, on impressions
 *     candidates        and on sampled candidates
 *     relations         a conversion needs a click; heads told what others found
 *     listwise          the order within a request
 *
 * between the final stage's own architecture on the early features (`ceiling`) and the final stage itself. What
 * comes of it end to end is the slate's true value: the early stage keeps 50, the final stage orders them, the
 * first ten are shown. KuaiRand's labels show the multi-task part on real logs.
 */
import { join } from "node:path";
import { prepareDataset, queryRow, readTable, sqlText } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import {
  type CandidateValues,
  hardRecall,
  kendallTau,
  softRecall,
  topPlaces,
  valueDivergence,
} from "../evaluation/index.ts";
import {
  buildModel,
  type ConfigInput,
  compareRows,
  dataConfigOf,
  openRun,
  parseConfig,
  recipeResult,
  type RecipeResult,
  type ResultComparison,
  type ResultRow,
  resultRow,
  writeResult,
} from "../run/index.ts";
import { exampleConfig, type WorldOptions } from "../world/index.ts";
import { type CandidateSets, FilePredictions, writeCandidateSets } from "./candidate-sets.ts";
import {
  type ByLabel,
  earlyConfig,
  earlyVariants,
  type FunnelLabel,
  funnelLabels,
  probabilitiesOf,
  type TaskWeights,
  taskWeights,
  totalValue,
} from "./early-stage-variants.ts";
import { trainGrid, type Variant, type VariantRuns } from "./grid.ts";
import { kuairandTasks, prepareKuaiRand } from "./kuairand-data.ts";
import { withDatabase } from "./made-tables.ts";
import { beginning, provenance } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";
import { runStudy } from "./study.ts";
import { rowOf, taskRows } from "./task-rows.ts";
import { learningRates, tuned } from "./tune.ts";
import { ensureWorld } from "./world-data.ts";

/** Clicks of 16 %, conversions 3 %, likes 2 %, hides 3 %; a fifth of the items draw clicks and hides alike. */
export const funnelWorld: WorldOptions = {
  seed: 6,
  impressions: 400_000,
  users: 1500,
  items: 2500,
  clickShift: 1,
  conversionShift: 1,
  hideShift: 0.5,
  clickbaitShare: 0.2,
  candidates: 500,
  candidateShare: 0.1,
  maxHistory: 30,
};
export const quickFunnelWorld: WorldOptions = {
  ...funnelWorld,
  impressions: 12_000,
  users: 300,
  items: 600,
  candidates: 100,
};

/** Candidates that the early stage keeps, those of them that are shown, and the golden set's size. */
const kept = 50;
const slots = 10;
const golden = 5;

export const earlyStageMtl: Recipe = {
  name: "early-stage-mtl",
  system: "S23",
  summary: "Early rankers taught by the final stage: recall of its choice, value of the final slate.",
  claim:
    "an early stage that distils several events on whole candidate sets keeps at least 0.10 more of the final stage's " +
    "top 5 among 50 of 500 than one that ranks by clicks, and more than heads of labels do; the final slate's true " +
    "value rises",
  defaultSeeds: [1, 2, 3],
  run,
};

async function run(context: RecipeContext): Promise<RecipeResult> {
  const began = beginning();
  const engine = context.engine ?? (await createEngine("auto"));
  const world = join(context.workDirectory, "world");
  await ensureWorld(world, context.quick ? quickFunnelWorld : funnelWorld, context);
  const final = await finalRun(world, context);
  const directory = join(context.workDirectory, "candidate-sets");
  const sets = await writeCandidateSets({ world, final, directory, labels: funnelLabels, engine });
  context.onLine(`candidate sets scored by the final model, version ${sets.finalVersion}`);
  const weights = taskWeights(await baseRates(sets.impressions.train, funnelLabels));
  const test = await Measure.open(sets.candidates.test, final, engine);
  const valid = await Measure.open(sets.candidates.valid, final, engine);
  try {
    const studied = await trainEarly(sets, weights, valid, context);
    const rows = await worldRows(studied, test, context);
    const comparisons = worldComparisons(rows);
    const kuairand = context.quick ? [] : await kuairandRows(context);
    if (!context.quick) comparisons.push(...kuairandComparisons(kuairand));
    const variants = studied.map(({ runs: { variant } }) => variant);
    const result = recipeResult({
      ...provenance(earlyStageMtl, variants, began),
      rows: [...rows, ...kuairand],
      comparisons,
      note: noteOf(rows, sets, weights, variants),
    });
    writeResult(context.resultsDirectory, result, { quick: context.quick });
    return result;
  } finally {
    await test.close();
    await valid.close();
  }
}

/** The heavy model on all features, trained once: all early stages learn from one version. */
async function finalRun(world: string, context: RecipeContext): Promise<string> {
  const config = parseConfig({
    ...exampleConfig(world, { features: "history", historyLength: 20, labels: funnelLabels }),
    group: "request_id",
    model: {
      name: "SharedBottom",
      embeddingDim: 16,
      bottomHiddenUnits: [256, 128],
      towerHiddenUnits: [32],
      interaction: "cross",
      netDropout: 0.1,
    },
    training: {
      batchSize: context.quick ? 256 : 2048,
      epochs: context.quick ? 1 : 6,
      embeddingRegularizer: 1e-5,
      embeddingRegularizerScope: "batch",
      embeddingUpdate: "lazy",
      metrics: ["auc", "log_loss", "ne"],
      monitor: "auc",
    },
  });
  const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
  const seeds = context.seeds.slice(0, 1);
  const [chosen] = await tuned([{ name: "final", role: "baseline", config }], trials, { ...context, seeds });
  return join(context.workDirectory, chosen.name, String(seeds[0]));
}

async function baseRates<Label extends string>(
  file: string,
  labels: readonly Label[],
): Promise<{ [label in Label]: number }> {
  const means = labels.map((label) => `avg("${label}")::DOUBLE AS "${label}"`).join(", ");
  return withDatabase(async (connection) => {
    const row = await queryRow(connection, `SELECT ${means} FROM read_parquet(${sqlText(file)})`);
    return row as { [label in Label]: number };
  });
}

interface StudiedVariant {
  readonly runs: VariantRuns;
  readonly trials: number;
}

/** Everyone gets the same learning rates; the one whose validation requests keep most value is trained with all seeds. */
async function trainEarly(
  sets: CandidateSets,
  weights: TaskWeights<FunnelLabel>,
  valid: Measure,
  context: RecipeContext,
): Promise<StudiedVariant[]> {
  const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
  const studied: StudiedVariant[] = [];
  for (const early of earlyVariants(weights)) {
    const config = parseConfig(earlyConfig(early, sets, { weights, quick: context.quick }));
    const candidates = trials.map(({ name, training }): Variant => {
      const merged = { ...config.training, ...training };
      return { name: join(early.name, name), role: early.role, config: { ...config, training: merged } };
    });
    let chosen = 0;
    if (early.name.startsWith("single-")) {
      const [best] = await tuned([{ name: early.name, role: early.role, config }], trials, context);
      chosen = candidates.findIndex(({ name }) => name === best.name);
    } else {
      const first = await trainGrid(candidates, { ...context, seeds: context.seeds.slice(0, 1) });
      const recalls: number[] = [];
      for (const { variant } of first) {
        const values = await valid.values([runOf(variant, context.seeds[0], context)]);
        recalls.push(mean(values.map((request) => softRecall(request, slots))) ?? 0);
      }
      chosen = recalls.indexOf(Math.max(...recalls));
      context.onLine(
        `${early.name}: ${trials[chosen].name} keeps most value of ${trials.length} on validation`,
      );
    }
    const [runs] = await trainGrid([{ ...candidates[chosen], title: early.title ?? early.name }], context);
    studied.push({ runs, trials: trials.length });
  }
  return studied;
}

function runOf({ name }: Variant, seed: number, { workDirectory }: RecipeContext): string {
  return join(workDirectory, name, String(seed));
}

interface RequestValues extends CandidateValues {
  /** True total value and hide probability of each candidate. */
  readonly truth: ArrayLike<number>;
  readonly hide: ArrayLike<number>;
  /** Final stage's click probability, for the setting in which clicks are all that counts. */
  readonly finalClick: ArrayLike<number>;
  readonly earlyClick: ArrayLike<number> | undefined;
}

/** Candidate sets of some days with what the final stage and the truth say of them. */
class Measure {
  readonly #predictions: FilePredictions;
  readonly #requests: readonly (readonly [begin: number, end: number])[];
  readonly #bid: Float64Array;
  readonly #final: Float64Array;
  readonly #finalClick: ArrayLike<number>;
  readonly #truth: Float64Array;
  readonly #hide: Float64Array;

  private constructor(
    predictions: FilePredictions,
    columns: { readonly [column: string]: Float64Array },
    final: ByLabel,
  ) {
    this.#predictions = predictions;
    const ids = columns.request_id;
    const requests: (readonly [number, number])[] = [];
    for (let begin = 0; begin < ids.length; ) {
      let end = begin + 1;
      while (end < ids.length && ids[end] === ids[begin]) end++;
      requests.push([begin, end]);
      begin = end;
    }
    this.#requests = requests;
    this.#bid = columns.bid;
    this.#final = totalValue(columns.bid, final);
    this.#finalClick = final.click;
    const truth = Object.fromEntries(funnelLabels.map((label) => [label, columns[`true_${label}`]]));
    this.#truth = totalValue(columns.bid, truth);
    this.#hide = columns.true_hide;
  }

  static async open(file: string, final: string, engine: Engine): Promise<Measure> {
    const predictions = new FilePredictions(file, engine);
    const table = await readTable({ files: [file] });
    const wanted = ["request_id", "bid", ...funnelLabels.map((label) => `true_${label}`)];
    const columns = wanted.map((name) => [name, Float64Array.from(table.columns[name], Number)]);
    const scored = await predictions.of(openRun(final));
    return new Measure(predictions, Object.fromEntries(columns), scored);
  }

  /** By request: the early value by one run, or by several that predict one event each, beside the final one. */
  async values(directories: readonly string[]): Promise<RequestValues[]> {
    let predicted: ByLabel = {};
    for (const directory of directories) {
      predicted = { ...predicted, ...(await this.#predictions.of(openRun(directory))) };
    }
    const probabilities = probabilitiesOf(predicted);
    const early =
      probabilities === undefined
        ? Float64Array.from(this.#bid, (bid, k) => bid * predicted.click[k])
        : totalValue(this.#bid, probabilities);
    return this.#byRequest(early, (probabilities ?? predicted).click);
  }

  /** The final stage in the early one's place. */
  finalValues(): RequestValues[] {
    return this.#byRequest(this.#final, this.#finalClick);
  }

  #byRequest(early: ArrayLike<number>, earlyClick: ArrayLike<number> | undefined): RequestValues[] {
    const part = (values: ArrayLike<number>, begin: number, end: number): number[] =>
      Array.from({ length: end - begin }, (_, k) => values[begin + k]);
    return this.#requests.map(([begin, end], seed) => ({
      seed,
      early: part(early, begin, end),
      final: part(this.#final, begin, end),
      truth: part(this.#truth, begin, end),
      hide: part(this.#hide, begin, end),
      finalClick: part(this.#finalClick, begin, end),
      earlyClick: earlyClick && part(earlyClick, begin, end),
    }));
  }

  close(): Promise<void> {
    return this.#predictions.close();
  }
}

/** What is measured of a variant's candidates, by metric. */
function measured(requests: readonly RequestValues[]): { readonly [metric: string]: number | null } {
  const slates = requests.map(slateOf);
  const total = (of: (request: RequestValues, k: number) => number): number =>
    requests.reduce((sum, request, k) => sum + of(request, k), 0);
  const worth = total((request, k) => sumAt(request.truth, slates[k]));
  const best = total((request) => sumAt(request.truth, topPlaces(request.truth, slots)));
  const clicks = requests.flatMap(({ earlyClick, finalClick, seed }) =>
    earlyClick === undefined ? [] : [{ early: earlyClick, final: finalClick, seed }],
  );
  return {
    [`soft_recall@${slots}`]: mean(requests.map((request) => softRecall(request, slots))),
    [`hard_recall@${golden}_of_${kept}`]: mean(requests.map((request) => hardRecall(request, golden, kept))),
    value_divergence: valueDivergence(requests),
    kendall_tau: mean(requests.map(kendallTau)),
    slate_value: worth / requests.length,
    slate_value_share: best > 0 ? worth / best : null,
    slate_hide_rate: total(({ hide }, k) => sumAt(hide, slates[k])) / (requests.length * slots),
    [`click_hard_recall@${golden}_of_${kept}`]: mean(
      clicks.map((request) => hardRecall(request, golden, kept)),
    ),
  };
}

/** The early stage keeps some, the final stage puts them in order, the first are shown. */
function slateOf({ early, final, seed }: RequestValues): number[] {
  const places = topPlaces(early, kept, seed);
  const order = topPlaces(
    places.map((place) => final[place]),
    slots,
    seed,
  );
  return order.map((k) => places[k]);
}

function sumAt(values: ArrayLike<number>, places: readonly number[]): number {
  return places.reduce((sum, place) => sum + values[place], 0);
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

async function worldRows(
  studied: readonly StudiedVariant[],
  test: Measure,
  context: RecipeContext,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const data = "world";
  const setting = {};
  const named = (name: string): StudiedVariant => {
    const found = studied.find(({ runs: { variant } }) => variant.title === name);
    if (found === undefined) throw new Error(`no variant ${name}`);
    return found;
  };
  const singles = ["conversion", "like", "hide", "click"].map((label) => named(`single-${label}`));
  const groups: [string, ResultRow["role"], readonly StudiedVariant[]][] = [
    ["single-click", "baseline", [named("single-click")]],
    ["single-task", "baseline", singles],
    ...studied
      .filter(({ runs: { variant } }) => variant.title?.startsWith("single-") === false)
      .map((one): [string, ResultRow["role"], readonly StudiedVariant[]] => [
        one.runs.variant.title as string,
        one.runs.variant.role,
        [one],
      ]),
  ];
  for (const [variant, role, parts] of groups) {
    const figures: { readonly [metric: string]: number | null }[] = [];
    for (const seed of context.seeds) {
      figures.push(measured(await test.values(parts.map(({ runs }) => runOf(runs.variant, seed, context)))));
    }
    const costs = await Promise.all(parts.map(({ runs }) => costOf(runs.variant)));
    const about = {
      data,
      setting,
      variant,
      role,
      domain: null,
      parameters: parts.reduce(
        (sum, { runs: { metrics } }) => sum + metrics[0].parameters.dense + metrics[0].parameters.embedding,
        0,
      ),
      trainSeconds: parts.reduce(
        (sum, { runs: { metrics } }) =>
          sum + metrics.reduce((all, { seconds }) => all + seconds, 0) / metrics.length,
        0,
      ),
      trials: parts[0].trials,
    };
    for (const metric of Object.keys(figures[0])) {
      const values = figures.map((figure) => figure[metric]);
      const reason = values.includes(null) ? "no request has a value above 0" : undefined;
      rows.push(
        resultRow({ ...about, task: null, metric, values, ...(reason === undefined ? {} : { reason }) }),
      );
    }
    if (costs.every((cost) => cost !== undefined)) {
      const cost = costs.reduce((sum, each) => sum + each, 0);
      rows.push(
        resultRow({ ...about, task: null, metric: "multiply_adds", values: context.seeds.map(() => cost) }),
      );
    }
    for (const { runs } of parts) {
      const metrics = ["auc", "ne", "calibration_ratio"];
      const own = taskRows([runs], { data, setting, metrics, trials: about.trials });
      rows.push(...own.filter(({ mean: value }) => value !== null).map((row) => ({ ...row, variant })));
    }
  }
  const nothing = { data, setting, domain: null, task: null, parameters: 0, trainSeconds: 0, trials: 0 };
  for (const [metric, value] of Object.entries(measured(test.finalValues()))) {
    const values = context.seeds.map(() => value);
    rows.push(resultRow({ ...nothing, variant: "final-as-early", role: "ablation", metric, values }));
  }
  return rows;
}

/** Multiply-adds of a request of 500 candidates whose vectors are known: the user's tower and the products. */
async function costOf({ config }: Variant): Promise<number | undefined> {
  if (config.model.name !== "EarlyStageMTL") return undefined;
  const dataset = await prepareDataset(dataConfigOf(config));
  try {
    const model = buildModel(config, dataset.map);
    let user = 0;
    let products = 0;
    for (const [path, { shape }] of model.namedParameters()) {
      if (path.startsWith("user.") && shape.length === 2) user += shape[0] * shape[1];
      if (/^user\.outputs\.\d+\.weight$/.test(path)) products += shape[1];
    }
    return user + (funnelWorld.candidates as number) * products;
  } finally {
    await dataset.close();
  }
}

function worldComparisons(rows: readonly ResultRow[]): ResultComparison[] {
  const hard = `hard_recall@${golden}_of_${kept}`;
  const of = (variant: string, metric: string): ResultRow => rowOf(rows, { variant, metric });
  const better = (method: string, baseline: string, metric: string, margin = 0): ResultComparison =>
    compareRows(of(method, metric), of(baseline, metric), {
      higherIsBetter: metric !== "slate_hide_rate",
      claim: { kind: "better", margin },
    });
  return [
    better("candidates", "single-click", hard, 0.1),
    better("candidates", "shared-bottom", hard),
    better("candidates", "distilled", hard),
    better("candidates", "single-task", hard),
    better("distilled", "shared-bottom", hard),
    better("candidates", "shared-bottom", `soft_recall@${slots}`),
    better("candidates", "single-click", "slate_value"),
    better("candidates", "shared-bottom", "slate_value"),
    better("candidates", "single-click", "slate_hide_rate"),
    compareRows(of("relations", hard), of("candidates", hard), {
      higherIsBetter: true,
      claim: { kind: "not-worse", tolerance: 0.01 },
    }),
    compareRows(of("listwise", hard), of("candidates", hard), {
      higherIsBetter: true,
      claim: { kind: "not-worse", tolerance: 0.01 },
    }),
    // By clicks alone, a click model should have no handicap, unless teaching helps clicks, too.
    compareRows(of("single-click", `click_${hard}`), of("candidates", `click_${hard}`), {
      higherIsBetter: true,
      claim: { kind: "not-worse", tolerance: 0.01 },
    }),
  ];
}

const kuairandLabels = ["click", "long_view", "like"] as const;

/**
 * Two towers on KuaiRand: a model an event, one for all, and that one with relations. The log's events of
 * dislike are too few to learn or to measure (0.07 % of impressions).
 */
async function kuairandRows(context: RecipeContext): Promise<ResultRow[]> {
  const files = await prepareKuaiRand(context.dataDirectory, join(context.workDirectory, "kuairand"));
  const itemFeatures = [
    "video_id",
    "author_id",
    "video_type",
    "upload_type",
    "music_id",
    "tag",
    "video_duration",
    "video_age",
  ];
  const model = { name: "EarlyStageMTL", itemFeatures, embeddingDim: 8, hiddenUnits: [64, 32], headDim: 16 };
  const transfers = kuairandLabels.slice(1).map((to) => ({ from: "click", to }));
  const training: ConfigInput["training"] = {
    batchSize: 2048,
    epochs: 10,
    embeddingRegularizer: 1e-5,
    embeddingRegularizerScope: "batch",
    embeddingUpdate: "lazy",
    metrics: ["auc", "log_loss", "ne"],
    monitor: "auc",
  };
  const lossWeights = taskWeights(await baseRates(files.train, kuairandLabels));
  const weighted = { multiTask: { lossWeights } };
  const study = {
    data: "kuairand-pure",
    setting: {},
    config: kuairandTasks(files, kuairandLabels),
  };
  const single = kuairandLabels.map((task) => ({
    name: `single-${task}`,
    title: "single-task",
    role: "baseline" as const,
    model: { ...model, tasks: [task] },
  }));
  const { runs, trials } = await runStudy(
    study,
    [
      ...single,
      { name: "equal-weights", role: "ablation", model },
      { name: "shared-bottom", role: "method", model, training: weighted },
      { name: "transfers", role: "ablation", model: { ...model, transfers }, training: weighted },
    ],
    training,
    context,
  );
  return taskRows(runs, { data: study.data, setting: study.setting, metrics: ["auc", "ne"], trials });
}

function kuairandComparisons(rows: readonly ResultRow[]): ResultComparison[] {
  const of = (variant: string, task: string): ResultRow => rowOf(rows, { variant, task, metric: "auc" });
  return kuairandLabels.map((task) =>
    compareRows(of("shared-bottom", task), of("single-task", task), {
      claim: { kind: "not-worse", tolerance: 0.005 },
    }),
  );
}

function noteOf(
  rows: readonly ResultRow[],
  { finalVersion }: CandidateSets,
  weights: TaskWeights<FunnelLabel>,
  variants: readonly Variant[],
): string {
  const cost = (variant: string): number =>
    rowOf(rows, { variant, metric: "multiply_adds" }).mean ?? Number.NaN;
  const share = cost("shared-bottom") / cost("single-task");
  const value = (variant: string): string =>
    (rowOf(rows, { variant, metric: "slate_value_share" }).mean ?? Number.NaN).toFixed(3);
  const losses = Object.entries(weights).map(([label, weight]) => `${label} ${weight}`);
  return [
    `TV = bid * conversion + like - 2 * hide; the early stage keeps ${kept} of 500, ${slots} are shown.`,
    `slate_value_share is the slate's true value over that of the best ${slots} of all candidates by true value:`,
    `single-click ${value("single-click")}, candidates ${value("candidates")}, the final stage on all candidates ${value("final-as-early")}.`,
    `One model for all events (shared-bottom) costs ${share.toFixed(2)} of the multiply-adds of one each, a request of 500 whose items' vectors are known; those with distilled heads compute their heads of labels, too.`,
    `Final model ${finalVersion}. Loss weights, hard and soft: ${losses.join(", ")}.`,
    `Rates by validation soft recall (single-task models: AUC): ${variants.map(({ name }) => name).join(", ")}.`,
    "click_hard_recall ranks both stages by clicks alone. The ceiling has the final stage's kind of network, narrower, and learns its logits.",
  ].join(" ");
}
