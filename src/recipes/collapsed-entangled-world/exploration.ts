/**
 * Exploration with uncertainty: in a simulated feed that starts knowing nothing, Thompson sampling from the
 * posterior of a Gaussian process head, beside greedy models and an ensemble by dropout, each of whose draws
 * chooses for some requests. Everyone tunes four settings on a simulation of another seed, by regret.
 */
import { join } from "node:path";
import { existsSync } from "node:fs";
import { CounterRandom } from "../../core/index.ts";
import { readJson, writeJsonAtomic } from "../../core/node/index.ts";
import { type PreparedDataset, prepareDataset } from "../../data/index.ts";
import { createEngine, type Engine } from "../../engine/index.ts";
import { DCNv2, UncertaintyModel } from "../../models/index.ts";
import { countParameters, type Model } from "../../module/index.ts";
import { compareRows, parseConfig, dataConfigOf, resultRow, type ResultRow } from "../../run/index.ts";
import { FIRST_VALUE_ID, type FeatureMap } from "../../schema/index.ts";
import { meanProbability, thompsonRanking } from "../../serving/index.ts";
import { defaultObjective, Learner, optimizerOptions } from "../../training/index.ts";
import type { WorldOptions } from "../../world/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { ensureWorld } from "../world-data.ts";
import type { Component } from "./component.ts";
import {
  type BanditLog,
  candidateConfig,
  type Policy,
  readBanditLog,
  type Simulated,
  simulate,
} from "./simulated-bandit.ts";

const world: WorldOptions = {
  seed: 13,
  impressions: 120_000,
  users: 1000,
  items: 400,
  clickShift: 0.5,
  candidates: 20,
  candidateShare: 0.5,
};
const quickWorld: WorldOptions = { ...world, impressions: 6000, users: 100, items: 300 };

interface Choice {
  readonly learningRate: number;
  /** η of Thompson sampling. */
  readonly eta?: number;
  readonly dropout?: number;
}

interface Explorer {
  readonly name: string;
  readonly role: ResultRow["role"];
  readonly choices: readonly Choice[];
  readonly kind: "greedy" | "gp" | "dropout";
}

const crossed = <C extends object>(rates: readonly number[], others: readonly C[]): (C & Choice)[] =>
  rates.flatMap((learningRate) => others.map((other) => ({ ...other, learningRate })));

const explorers: readonly Explorer[] = [
  { name: "greedy", role: "baseline", kind: "greedy", choices: crossed([1e-3, 3e-3, 1e-2, 3e-2], [{}]) },
  {
    name: "dropout-ensemble",
    role: "baseline",
    kind: "dropout",
    choices: crossed([3e-3, 1e-2], [{ dropout: 0.1 }, { dropout: 0.3 }]),
  },
  {
    name: "gp-greedy",
    role: "ablation",
    kind: "gp",
    choices: crossed([1e-3, 3e-3, 1e-2, 3e-2], [{ eta: 0 }]),
  },
  {
    name: "gp-thompson",
    role: "method",
    kind: "gp",
    choices: crossed([3e-3, 1e-2], [{ eta: 0.3 }, { eta: 1 }]),
  },
];

/** Simulations that settings are chosen on draw other clicks and start from other weights. */
const tuningSeed = 1000;
/** Draws of the dropout ensemble. */
const members = 8;
const network = { embeddingDim: 8, embeddingStd: 0.3, hiddenUnits: [64, 32], crossLayers: 2 };

interface Measures extends Omit<Simulated, "shown"> {
  /** Correlation of an item's ln(1 + times shown) with the variance of its candidates at the end. */
  readonly varianceCorrelation: number | null;
  readonly parameters: number;
}

export const exploration: Component = {
  name: "gp-head",
  claim:
    "Thompson sampling by a GP head has less regret than greedy and than a dropout ensemble; log loss is not worse",
  async measure(context) {
    const { quick, seeds } = context;
    const directory = join(context.workDirectory, "world-exploration");
    await ensureWorld(directory, quick ? quickWorld : world, context);
    const config = parseConfig({ ...(await candidateConfig(directory)), model: { name: "DCNv2" } });
    const dataset = await prepareDataset(dataConfigOf(config));
    try {
      const engine = context.engine ?? (await createEngine("auto"));
      const log = await readBanditLog(dataset, world.candidates as number);
      const setup: Setup = { dataset, engine, log, context, window: quick ? 50 : 200 };
      const rows: ResultRow[] = [];
      const chosen: { name: string; config: Choice }[] = [];
      for (const explorer of explorers) {
        const choice = await tunedChoice(setup, explorer);
        const measured: Measures[] = [];
        for (const seed of seeds) measured.push(await simulated(setup, explorer, choice, seed));
        rows.push(...rowsOf(explorer, measured, quick ? 1 : explorer.choices.length));
        chosen.push({ name: `${explorer.name} ${JSON.stringify(choice)}`, config: choice });
        context.onLine(
          `gp-head: ${explorer.name}: regret ${measured.map(({ regret }) => regret.toFixed(4)).join(", ")}`,
        );
      }
      return {
        rows,
        comparisons: comparisonsOf(rows),
        variants: chosen.map(({ name }) => ({ name, config })),
        note: `gp-head: ${log.rows.size / log.perRequest} requests of ${log.perRequest} candidates, one shown; trained after every ${setup.window}; ${chosen.map(({ name }) => name).join(", ")}.`,
      };
    } finally {
      await dataset.close();
    }
  },
};

interface Setup {
  readonly dataset: PreparedDataset;
  readonly engine: Engine;
  readonly log: BanditLog;
  readonly context: RecipeContext;
  readonly window: number;
}

async function tunedChoice(setup: Setup, explorer: Explorer): Promise<Choice> {
  const choices = setup.context.quick ? explorer.choices.slice(-1) : explorer.choices;
  let best = choices[0];
  let least = Number.POSITIVE_INFINITY;
  for (const choice of choices.length === 1 ? [] : choices) {
    const { regret } = await simulated(setup, explorer, choice, tuningSeed);
    if (regret < least) [best, least] = [choice, regret];
  }
  return best;
}

/** One simulation, or what it came to when it was run before. */
async function simulated(setup: Setup, explorer: Explorer, choice: Choice, seed: number): Promise<Measures> {
  const { dataset, engine, log, context, window } = setup;
  const name = [explorer.name, ...Object.values(choice), seed].join("-");
  const file = join(context.workDirectory, "exploration", `${name}.json`);
  if (existsSync(file)) return readJson(file) as Measures;
  const { map, splits } = dataset;
  const learner = await Learner.create({
    model: modelOf(map, explorer, choice),
    schema: map,
    layout: splits.train.layout,
    engine,
    objective: defaultObjective(map),
    optimizer: optimizerOptions.parse({
      learningRate: choice.learningRate,
      embeddingRegularizer: 1e-5,
      embeddingRegularizerScope: "batch",
      embeddingUpdate: "lazy",
    }),
    batchSize: window * log.perRequest,
    seed,
    prediction: { observing: explorer.kind === "gp", drawn: explorer.kind === "dropout" },
  });
  const policy = policyOf(learner, explorer, choice, { seed, perRequest: log.perRequest });
  const { shown, ...measured } = await simulate(log, learner, policy, {
    seed,
    window,
    batchSize: 256,
    passes: 2,
  });
  const varianceCorrelation = explorer.kind === "gp" ? await correlation(learner, log, shown, window) : null;
  const { dense, embedding } = countParameters(learner.options.model);
  await learner.release();
  const found = { ...measured, varianceCorrelation, parameters: dense + embedding };
  writeJsonAtomic(file, found);
  return found;
}

function modelOf(map: FeatureMap, { kind }: Explorer, { dropout = 0 }: Choice): Model {
  const create = (schema: FeatureMap): Model => new DCNv2(schema, { ...network, netDropout: dropout });
  return kind === "gp" ? new UncertaintyModel(map, create, { features: 128 }) : create(map);
}

function policyOf(
  learner: Learner,
  { kind }: Explorer,
  { eta = 0 }: Choice,
  { seed, perRequest }: { readonly seed: number; readonly perRequest: number },
): Policy {
  if (kind === "greedy") {
    return async (rows) => {
      const { click } = await learner.predict(rows);
      return { scores: click, probabilities: click };
    };
  }
  if (kind === "gp") {
    return async (rows, firstRequest) => {
      const { logit, variance } = await learner.observe(rows);
      const candidates = Array.from(logit, (m, k) => ({ logit: m, variance: variance[k] }));
      const scores = new Float64Array(rows.size);
      for (let at = 0; at < rows.size; at += perRequest) {
        const own = candidates.slice(at, at + perRequest);
        scores.set(thompsonRanking(own, firstRequest + at / perRequest, { eta, seed }).scores, at);
      }
      return { scores, probabilities: candidates.map(meanProbability) };
    };
  }
  const whose = new CounterRandom(seed, "member");
  return async (rows, firstRequest) => {
    const draws: Float32Array[] = [];
    for (let draw = 0; draw < members; draw++) draws.push((await learner.predict(rows, draw)).click);
    const scores = Float64Array.from({ length: rows.size }, (_, k) => {
      const request = firstRequest + Math.floor(k / perRequest);
      return draws[whose.integer(request, members)][k];
    });
    const mean = Float64Array.from(scores, (_, k) => draws.reduce((sum, draw) => sum + draw[k], 0) / members);
    return { scores, probabilities: mean };
  };
}

/** Pearson's, over the candidates of the last window. */
async function correlation(
  learner: Learner,
  { rows, perRequest }: BanditLog,
  shown: readonly number[],
  window: number,
): Promise<number> {
  const item = rows.columns.item_id;
  const times = new Map<number, number>();
  for (const row of shown) times.set(item[row], (times.get(item[row]) ?? 0) + 1);
  const from = rows.size - window * perRequest;
  const columns = Object.entries(rows.columns).map(([name, data]) => {
    const width = data.length / rows.size;
    return [name, data.slice(from * width)] as const;
  });
  const block = { size: window * perRequest, columns: Object.fromEntries(columns) };
  const { variance } = await learner.observe(block);
  const known = Array.from(block.columns.item_id, (id, k) => ({ id, v: variance[k] })).filter(
    ({ id }) => id >= FIRST_VALUE_ID,
  );
  const x = known.map(({ id }) => Math.log1p(times.get(id) ?? 0));
  const y = known.map(({ v }) => v);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const product = (a: readonly number[], ma: number, b: readonly number[], mb: number): number =>
    a.reduce((sum, value, k) => sum + (value - ma) * (b[k] - mb), 0);
  return product(x, mx, y, my) / Math.sqrt(product(x, mx, x, mx) * product(y, my, y, my));
}

function rowsOf({ name, role }: Explorer, measured: readonly Measures[], trials: number): ResultRow[] {
  const row = (metric: string, values: (number | null)[]): ResultRow =>
    resultRow({
      data: "world",
      setting: { component: exploration.name },
      variant: name,
      role,
      task: "click",
      domain: null,
      metric,
      values,
      parameters: measured[0].parameters,
      trainSeconds: 0,
      trials,
    });
  const rows = [
    row(
      "regret",
      measured.map(({ regret }) => regret),
    ),
    row(
      "late_regret",
      measured.map(({ lateRegret }) => lateRegret),
    ),
    row(
      "clicks_per_request",
      measured.map(({ clicks }) => clicks),
    ),
    row(
      "log_loss",
      measured.map(({ logLoss }) => logLoss),
    ),
  ];
  const correlations = measured.map(({ varianceCorrelation }) => varianceCorrelation);
  if (correlations.some((value) => value !== null))
    rows.push(row("variance_shown_correlation", correlations));
  return rows;
}

function comparisonsOf(rows: readonly ResultRow[]) {
  const of = (variant: string, metric: string): ResultRow =>
    rows.find((row) => row.variant === variant && row.metric === metric) as ResultRow;
  const less = { higherIsBetter: false } as const;
  const against = ["greedy", "dropout-ensemble", "gp-greedy"];
  return [
    ...against.map((baseline) => compareRows(of("gp-thompson", "regret"), of(baseline, "regret"), less)),
    compareRows(of("gp-greedy", "log_loss"), of("greedy", "log_loss"), {
      claim: { kind: "not-worse", tolerance: 0.005 },
    }),
  ];
}
