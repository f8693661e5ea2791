/** `millrace tune`: a learning-rate range test, a search over settings, or cross-validation. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import { stringify } from "yaml";
import { ConfigError, DataError, DivergedError, InterruptedError } from "../core/index.ts";
import { type PreparedDataset, prepareDataset } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { binaryMetrics, defaultBinaryMetrics, parseBinaryMetric } from "../evaluation/index.ts";
import {
  applyTableSettings,
  buildModel,
  type Config,
  dataConfigOf,
  encodingOf,
  drawPoints,
  finishRun,
  type FinishRunOptions,
  foldConfigs,
  foldMetrics,
  type GridPoint,
  readConfig,
  type RunMetrics,
  settingsGrid,
  storedConfig,
} from "../run/index.ts";
import { findLearningRate, monitoredValue, type RateRange } from "../training/index.ts";
import { overrides, targetKind, targetName } from "./config-target.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { count, duration, textTable } from "./text-table.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { dataProgress, trainingProgress } from "./training-progress.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly findLr?: boolean;
  readonly steps: number;
  readonly folds?: number;
  readonly by: "ratio" | "time";
  readonly grid?: readonly string[];
  readonly trials?: number;
  readonly seed: number;
  readonly model?: string;
  readonly set?: readonly string[];
  readonly out?: string;
  readonly write?: string;
  readonly engine: EngineChoice;
}

export const tuneVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "tune",
    description:
      "Helps to choose settings, without the test split: --find-lr trains a few steps with a growing " +
      "rate and says where the loss falls; --grid trains combinations of settings and ranks them by the " +
      "monitored metric on validation; --folds cross-validates. Trials are run directories; an interrupted " +
      "search goes on when called again.",
    examples: [
      ["millrace tune config.yaml --find-lr", "a learning rate to begin with"],
      ["millrace tune config.yaml --grid training.learning_rate=0.0003,0.001,0.003", "each on validation"],
      [
        "millrace tune config.yaml --grid model.embedding_dim=8,16 --grid model.net_dropout=0,0.2 --trials 3",
        "some of the combinations",
      ],
      ["millrace tune config.yaml --grid model.name=LR,DeepFM,DCNv2", "models beside each other"],
      ["millrace tune config.yaml --folds 5", "five-fold cross-validation"],
      ["millrace tune config.yaml --folds 4 --by time", "windows that grow in time"],
    ],
  })
    .argument("<config>", "a configuration (.yaml, .json)")
    .option("--find-lr", "learning-rate range test")
    .option("--steps <n>", "batches of the range test", wholeNumber, 150)
    .option(
      "--grid <key=values>",
      "values to try for a key, separated by commas; may be repeated: all combinations",
      collect,
    )
    .option("--trials <n>", "draw this many of the combinations (default: all)", positive)
    .option("--seed <n>", "seed of the draw", wholeNumber, 0)
    .option("--folds <k>", "cross-validation with this many folds", wholeNumber)
    .addOption(
      new Option("--by <way>", "folds at random, or in time order")
        .choices(["ratio", "time"])
        .default("ratio"),
    )
    .option("-m, --model <name>", "which model")
    .option("--set <key=value>", "change a key for all trials; may be repeated", collect)
    .option("-o, --out <dir>", "folder of the trials (default: runs/tune-<name>)")
    .option("--write <file>", "write the best configuration of a grid here")
    .addOption(engineOption())
    .action(async (target: string, options: Options) => shell.finish(await tune(shell, target, options)));

const MODEL_NAME = "model.name=";

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ConfigError(`expected a whole number, got ${text}`, { details: { received: text } });
}

function positive(text: string): number {
  const value = wholeNumber(text);
  if (value > 0) return value;
  throw new ConfigError("--trials: expected at least 1, got 0", { details: { received: value } });
}

async function tune(shell: Shell, target: string, options: Options): Promise<Outcome> {
  const ways = [options.findLr === true, options.grid !== undefined, options.folds !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    throw new ConfigError("tune takes one of --find-lr, --grid and --folds", {
      hint: "`millrace tune --help` has an example of each",
    });
  }
  if (targetKind(target) !== "config") {
    throw new ConfigError(`tune takes a configuration, and ${target} is none`, {
      details: { path: target },
      hint: "`millrace inspect DATA -o config.yaml` writes one",
    });
  }
  const read = (settings: GridPoint = []): Config => {
    // Another model takes other options: as with --model, those it does not have go.
    const named = settings.find((setting) => setting.startsWith(MODEL_NAME));
    const model = named?.slice(MODEL_NAME.length) ?? options.model;
    const rest = settings.filter((setting) => setting !== named);
    return readConfig(target, [...(options.set ?? []), ...rest], overrides({ model }));
  };
  const engine = await openEngine(shell, options.engine);
  const folder = options.out ?? join("runs", `tune-${targetName(target)}`);
  if (options.findLr) return rangeTest(shell, read(), engine, options.steps);
  if (options.grid !== undefined)
    return search(shell, read, { ...options, engine, folder, grid: options.grid });
  return crossValidate(shell, read(), { engine, folder, folds: options.folds ?? 0, by: options.by });
}

async function rangeTest(shell: Shell, config: Config, engine: Engine, steps: number): Promise<Outcome> {
  const signal = shell.untilInterrupted("stopping after this step; Ctrl-C again ends at once");
  const dataset = await prepareDataset(dataConfigOf(config), {
    onProgress: dataProgress(shell),
    ...encodingOf(config),
  });
  try {
    const { map, splits } = dataset;
    const model = buildModel(config, map);
    await applyTableSettings(model, map, config.tables, config.training.seed);
    const found = await findLearningRate(
      { model, map, train: splits.train, engine, options: config.training },
      {
        steps,
        signal,
        onTrial: ({ learningRate, loss }, done) =>
          shell.progress.update({
            label: "range test",
            done,
            note: `rate ${learningRate.toPrecision(2)}, loss ${loss.toFixed(4)}`,
          }),
      },
    );
    return { json: { ...found, ended: found.ended ?? null }, text: rangeText(found) };
  } finally {
    await dataset.close();
  }
}

function rangeText({ trials, suggestion, steepest, ended }: RateRange): string {
  const every = Math.max(1, Math.floor(trials.length / 15));
  const shown = trials.filter((_, k) => k % every === 0 || k === trials.length - 1);
  const rows = shown.map(({ learningRate, smoothed }) => [
    learningRate.toExponential(1),
    smoothed.toFixed(4),
  ]);
  return [
    textTable([["learning rate", "smoothed loss"], ...rows]),
    "",
    ...(ended === undefined ? [] : [`ended ${ended}`]),
    ...(suggestion === null || steepest === null
      ? [
          ended === "interrupted"
            ? "Higher rates were not tried, so none is suggested: run the test again."
            : "The loss never fell: check the labels, or take more steps with --steps.",
        ]
      : [
          `The loss fell fastest at ${steepest.toExponential(1)}. A rate to begin with, a tenth of that of least loss:`,
          `  training.learning_rate: ${Number(suggestion.toPrecision(2))}`,
        ]),
  ].join("\n");
}

interface SearchOptions {
  readonly engine: Engine;
  readonly folder: string;
  readonly grid: readonly string[];
  readonly trials?: number;
  readonly seed: number;
  readonly write?: string;
}

interface Trial {
  readonly settings: GridPoint;
  readonly directory: string;
  /** The monitored metric on validation; null where it is not defined. */
  readonly value: number | null;
  /** Absent: training diverged. */
  readonly metrics?: RunMetrics;
  readonly failure?: string;
}

async function search(
  shell: Shell,
  read: (settings: GridPoint) => Config,
  { engine, folder, grid, trials = Number.POSITIVE_INFINITY, seed, write }: SearchOptions,
): Promise<Outcome> {
  const signal = shell.untilInterrupted("stopping after this step; call again to go on");
  const points = drawPoints(settingsGrid(grid), trials, seed);
  // A key that is misspelt shows before anything is trained.
  const configs = points.map((settings) => withMonitor(read(settings)));
  const monitor = sameMonitor(configs);
  const done: Trial[] = [];
  const datasets = new Map<string, PreparedDataset>();
  try {
    for (const [k, settings] of points.entries()) {
      const name = settings.join(" ");
      const directory = join(folder, folderName(settings));
      try {
        const metrics = await trained(configs[k], {
          directory,
          engine,
          signal,
          dataset: () => sharedDataset(shell, datasets, configs[k]),
          onEvent: trainingProgress(shell, `${k + 1}/${points.length} ${name}`),
        });
        done.push({ settings, directory, value: monitored(configs[k], metrics), metrics });
      } catch (error) {
        // A rate that is too large says something of that rate alone.
        if (!(error instanceof DivergedError)) throw error;
        done.push({ settings, directory, value: null, failure: error.message });
      }
    }
  } finally {
    for (const dataset of datasets.values()) await dataset.close();
  }
  const { monitorMode } = configs[0].training;
  const upwards =
    monitorMode === undefined
      ? binaryMetrics[parseBinaryMetric(monitor).family].higherIsBetter !== false
      : monitorMode === "max";
  const ranked = done.toSorted((a, b) => order(a.value, b.value, upwards));
  const best = ranked[0].value === null ? undefined : ranked[0].settings;
  const written = best === undefined ? undefined : write;
  if (written !== undefined) {
    const config = configs[points.indexOf(best!)];
    writeFileSync(written, stringify(storedConfig(config), { lineWidth: 110 }));
  }
  const rows = ranked.map(({ settings, value, metrics }) => [
    settings.join(" "),
    value === null ? (metrics === undefined ? "diverged" : "–") : value.toFixed(4),
    metrics === undefined ? "" : count(metrics.parameters.dense + metrics.parameters.embedding),
    metrics === undefined ? "" : duration(metrics.seconds),
  ]);
  return {
    json: {
      monitor,
      best: best ?? null,
      trials: ranked.map(({ settings, directory, value, metrics, failure }) => ({
        settings,
        directory,
        value,
        parameters: metrics?.parameters ?? null,
        seconds: metrics?.seconds ?? null,
        ...(failure !== undefined && { failure }),
      })),
    },
    text: [
      textTable([["settings", `valid ${monitor}`, "parameters", "time"], ...rows]),
      "",
      `${points.length} trials in ${folder}, ranked on validation alone.`,
      ...(best === undefined
        ? [`No trial has a value of ${monitor} on validation, so that none is the best.`]
        : []),
      ...(written === undefined ? [] : [`Best configuration written to ${written}.`]),
    ].join("\n"),
    exitCode: best === undefined ? 1 : 0,
  };
}

/** With the monitored metric among those that are measured, since trials are ranked by it. */
function withMonitor(config: Config): Config {
  const { labels, group, training } = config;
  const { monitor } = training;
  const real = labels.some(({ kind }) => kind === "real") ? ["rmse", "mae"] : [];
  const usual = [...defaultBinaryMetrics, ...(group === undefined ? [] : ["gauc"]), ...real];
  const metrics = training.metrics ?? usual;
  const { name } = parseBinaryMetric(monitor);
  if (metrics.some((metric) => parseBinaryMetric(metric).name === name)) return config;
  return { ...config, training: { ...training, metrics: [...metrics, monitor] } };
}

/** The figures of a trial, which `tune` has no `--resume` to go on with. */
async function trained(config: Config, options: FinishRunOptions): Promise<RunMetrics> {
  try {
    return (await finishRun(config, options)).metrics;
  } catch (cause) {
    if (!(cause instanceof InterruptedError)) throw cause;
    const { message, details } = cause;
    throw new InterruptedError(message, { details, hint: "run the same command again to go on", cause });
  }
}

/** The metric that ranks the trials. @throws ConfigError when they do not share one */
function sameMonitor(configs: readonly Config[]): string {
  const [first, ...others] = configs.map(({ training }) => training);
  for (const key of ["monitor", "monitorLabel", "monitorMode"] as const) {
    const other = others.find((each) => each[key] !== first[key]);
    if (other === undefined) continue;
    throw new ConfigError(
      `trials are ranked by one metric, and these monitor ${first[key]} and ${other[key]}`,
      {
        details: { key: `training.${key}`, received: [first[key], other[key]] },
        hint: "take training.monitor, monitor_label and monitor_mode out of the grid, or search once for each",
      },
    );
  }
  return first.monitor;
}

function monitored({ training, labels }: Config, { valid }: RunMetrics): number | null {
  if (valid === undefined) {
    throw new ConfigError("a search needs a validation split to rank by", {
      details: { key: "data.split" },
      hint: "give data.valid, or a share of rows under data.split",
    });
  }
  return monitoredValue(valid.metrics, { labels }, training)?.value ?? null;
}

/** Undefined values last. */
function order(a: number | null, b: number | null, upwards: boolean): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
  return upwards ? b - a : a - b;
}

/** Settings whose names of folders differ: words, numbers and lists of them. */
const PLAIN_SETTING = /^[\w.=+-]*(\[[\w.,+-]*\])?$/;
/** Characters of a folder's name; file systems end at 255 bytes. */
const LONGEST_NAME = 150;

/** Settings as the name of a folder, which other settings do not share. */
function folderName(settings: GridPoint): string {
  const name = settings.map((setting) => setting.replace(/[^\w.=+-]+/g, "_")).join(",") || "as-it-is";
  if (name.length <= LONGEST_NAME && settings.every((setting) => PLAIN_SETTING.test(setting))) return name;
  const digest = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 12);
  return `${name.slice(0, LONGEST_NAME)}-${digest}`;
}

async function sharedDataset(
  shell: Shell,
  datasets: Map<string, PreparedDataset>,
  config: Config,
): Promise<PreparedDataset> {
  const data = dataConfigOf(config);
  const encoding = encodingOf(config);
  const key = JSON.stringify([data, config.training.streaming]);
  const dataset =
    datasets.get(key) ?? (await prepareDataset(data, { onProgress: dataProgress(shell), ...encoding }));
  datasets.set(key, dataset);
  return dataset;
}

/** A fold's splits are not the user's to change: where one is empty, there are too many folds for the rows. */
function foldError(cause: unknown, fold: number, folds: number): unknown {
  if (!(cause instanceof DataError) || cause.details.split === undefined) return cause;
  return new DataError(`fold ${fold + 1} of ${folds}: ${cause.message}`, {
    details: { ...cause.details, folds },
    hint: "take fewer folds, or files with more rows",
    cause,
  });
}

async function crossValidate(
  shell: Shell,
  config: Config,
  { engine, folder, folds, by }: { engine: Engine; folder: string; folds: number; by: "ratio" | "time" },
): Promise<Outcome> {
  const signal = shell.untilInterrupted("stopping after this step; call again to go on");
  const runs: RunMetrics[] = [];
  for (const [fold, each] of foldConfigs(config, { folds, by }).entries()) {
    const metrics = await trained(each, {
      directory: join(folder, `${by}-${folds}-fold-${fold + 1}`),
      engine,
      signal,
      onData: dataProgress(shell),
      onEvent: trainingProgress(shell, `fold ${fold + 1}/${folds}`),
    }).catch((cause: unknown) => {
      throw foldError(cause, fold, folds);
    });
    runs.push(metrics);
  }
  const metrics = foldMetrics(runs);
  const heads = ["", "mean", "std", ...runs.map((_, fold) => `fold ${fold + 1}`)];
  const fixed = (value: number | null): string => (value === null ? "–" : value.toFixed(4));
  const tables = Object.entries(metrics).map(([label, byName]) =>
    textTable([
      [label, ...heads.slice(1)],
      ...Object.entries(byName).map(([name, { values, mean, std }]) => [
        name,
        fixed(mean),
        fixed(std),
        ...values.map(fixed),
      ]),
    ]),
  );
  return {
    json: { folds, by, rows: runs.map(({ rows }) => rows), metrics },
    text: [
      ...tables,
      "",
      `Each fold's encoders, early stopping and best epoch come from its own training and validation rows; runs in ${folder}.`,
    ].join("\n"),
  };
}
