/**
 * Training on a stream: a model trained on ten days meets eight more, in which items are born, retire and drift.
 * It stays as it is, or learns each day after that day has been predicted; a third starts with the eight days
 * and knows nothing. All are measured day by day on rows that they have not learned from. The learning rate is
 * tuned for the model that stays, and taken as it is for streams.
 */
import { join } from "node:path";
import { type PreparedDataset, prepareDataset, sqlText } from "../../data/index.ts";
import { createEngine } from "../../engine/index.ts";
import {
  compareRows,
  type Config,
  dataConfigOf,
  openRun,
  parseConfig,
  type ResultRow,
} from "../../run/index.ts";
import { columnsOf } from "../../schema/index.ts";
import { measure, predictSplit, prequential, selectRows } from "../../training/index.ts";
import { exampleConfig, type WorldOptions } from "../../world/index.ts";
import { trainGrid, type Variant, type VariantRuns } from "../grid.ts";
import { madeTables } from "../made-tables.ts";
import type { RecipeContext } from "../recipe.ts";
import { measuredRow } from "../task-rows.ts";
import { learningRates, tuned } from "../tune.ts";
import { ensureWorld } from "../world-data.ts";
import type { Component } from "./component.ts";
import { componentTraining } from "./study-component.ts";

const world: WorldOptions = {
  seed: 17,
  impressions: 150_000,
  users: 1500,
  items: 1000,
  clickShift: 1,
  trainDays: 10,
  validDays: 1,
  testDays: 8,
};
const quickWorld: WorldOptions = { ...world, impressions: 6000, users: 200, items: 300 };
const metrics = ["auc", "log_loss"];
const model = { name: "DCNv2", embeddingDim: 8, hiddenUnits: [64, 32] };

export const streaming: Component = {
  name: "streaming",
  claim:
    "a model that learns each day after predicting it beats the same model left as it was (AUC and log loss)",
  async measure(context) {
    const directory = join(context.workDirectory, "world-streaming");
    await ensureWorld(directory, context.quick ? quickWorld : world, context);
    const data = exampleConfig(directory);
    const training = componentTraining(context);
    const base: Variant = {
      name: join("streaming", "frozen"),
      role: "baseline",
      config: parseConfig({ ...data, model, training }),
    };
    const trials = context.quick ? learningRates.slice(1, 2) : learningRates;
    const [chosen] = await tuned([base], trials, context);
    const [frozen] = await trainGrid([{ ...chosen, title: "frozen" }], context);
    const days = {
      ...data,
      data: { ...data.data, train: await byTime(directory), valid: undefined, test: undefined },
    };
    const { learningRate } = chosen.config.training;
    const streamed = async (title: string, startOf?: (seed: number) => string): Promise<VariantRuns> => {
      const runs: VariantRuns[] = [];
      // Each seed goes on from its own run.
      for (const seed of context.seeds) {
        const streamingOptions = startOf === undefined ? {} : { start: startOf(seed) };
        const config = parseConfig({
          ...days,
          model,
          training: { ...training, learningRate, streaming: { window: "day", ...streamingOptions } },
        });
        const variant: Variant = {
          name: join("streaming", title),
          title,
          role: startOf === undefined ? "ablation" : "method",
          config,
        };
        runs.push(...(await trainGrid([variant], { ...context, seeds: [seed] })));
      }
      return { variant: runs[0].variant, metrics: runs.flatMap((run) => run.metrics) };
    };
    const folderOf = (seed: number): string => join(context.workDirectory, frozen.variant.name, String(seed));
    const going = await streamed("stream", folderOf);
    const fresh = await streamed("stream-fresh");
    const rows: ResultRow[] = [
      ...rowsOf(frozen, await frozenDays(frozen, folderOf, context), trials.length),
      ...[going, fresh].flatMap((one) =>
        rowsOf(
          one,
          one.metrics.map(({ history }) => prequential(history).metrics.click),
          trials.length,
        ),
      ),
    ];
    const of = (variant: string, metric: string): ResultRow =>
      rows.find((row) => row.variant === variant && row.metric === metric) as ResultRow;
    const comparisons = ["frozen", "stream-fresh"].flatMap((baseline) =>
      metrics.map((metric) => compareRows(of("stream", metric), of(baseline, metric))),
    );
    for (const { variant, metric, mean } of rows) {
      context.onLine(`streaming: ${variant} ${metric} ${mean?.toFixed(4) ?? "undefined"}`);
    }
    return {
      rows,
      comparisons,
      // Where a run lies differs from machine to machine.
      variants: [
        chosen,
        { ...going.variant, config: withStart(going.variant.config, "frozen") },
        fresh.variant,
      ],
      note: `streaming: learning rate ${learningRate}, metrics averaged over days by their rows.`,
    };
  },
};

function withStart(config: Config, start: string): Config {
  const { streaming: options } = config.training;
  if (options === undefined) return config;
  return { ...config, training: { ...config.training, streaming: { ...options, start } } };
}

type DayMetrics = { readonly [metric: string]: number | null };

function rowsOf(runs: VariantRuns, found: readonly DayMetrics[], trials: number): ResultRow[] {
  const options = { data: "world", setting: { component: streaming.name }, metrics, trials };
  return metrics.map((metric) =>
    measuredRow(runs, options, {
      task: "click",
      domain: null,
      metric,
      values: found.map((values) => values[metric]),
    }),
  );
}

/** The test split in order of time. */
async function byTime(directory: string): Promise<string> {
  const name = "test-by-time";
  const source = `read_parquet(${sqlText(join(directory, "test.parquet"))})`;
  const query = `SELECT * FROM ${source} ORDER BY time, request_id, position`;
  return (await madeTables(directory, [], { [name]: query }))[name];
}

/** What the models that stay as they are come to, averaged over days like a stream. */
async function frozenDays(
  { variant }: VariantRuns,
  folderOf: (seed: number) => string,
  context: RecipeContext,
): Promise<DayMetrics[]> {
  const engine = context.engine ?? (await createEngine("auto"));
  const dataset: PreparedDataset = await prepareDataset(dataConfigOf(variant.config));
  try {
    const source = dataset.splits.test ?? dataset.splits.train;
    const { columns } = await columnsOf(source, ["@timestamp"]);
    const dayOf = Array.from(columns["@timestamp"], (time) => Math.floor(time / 86_400));
    const days = [...new Set(dayOf)];
    const found: DayMetrics[] = [];
    for (const seed of context.seeds) {
      const run = openRun(folderOf(seed));
      const predictor = await run.load(engine);
      const split = await predictSplit(predictor, source, { batchSize: 4096, schema: run.map });
      await predictor.release();
      const record = { epoch: 0, steps: 0, trainLoss: 0, learningRate: 0, seconds: 0 };
      const history = days.map((day) => {
        const own = dayOf.flatMap((each, row) => (each === day ? [row] : []));
        const { click } = measure(selectRows(split, own), metrics).metrics;
        const valid = Object.fromEntries(metrics.map((metric) => [metric, click[metric].value]));
        return { ...record, valid: { click: valid }, stream: { rows: own.length, level: null } };
      });
      found.push(prequential(history).metrics.click);
    }
    return found;
  } finally {
    await dataset.close();
  }
}
