/** `millrace train`: from a configuration or a bare data file to a finished run directory. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ConfigError, DataError, InterruptedError } from "../core/index.ts";
import { listDirectory, writeFileAtomic } from "../core/node/index.ts";
import { inspect, inspectionYaml, type PreparedDataset, prepareDataset } from "../data/index.ts";
import { models } from "../models/index.ts";
import { writeRunReport } from "../report/index.ts";
import {
  type ChangeConfig,
  type Config,
  dataConfigOf,
  encodingOf,
  readConfig,
  runFiles,
  type RunMetrics,
  trainRun,
} from "../run/index.ts";
import { checkContinuation, configWithData, goOnFrom } from "./continue-run.ts";
import { overrides, targetKind, targetName } from "./config-target.ts";
import { absolutePath } from "./data-path.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import { inspectionNotices } from "./inspection-notices.ts";
import { metricTables, windowTable } from "./metric-table.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { startingSections } from "./starting-sections.ts";
import { count, duration } from "./text-table.ts";
import { isRetrievalTarget, trainRetrievalTarget } from "./train-retrieval.ts";
import { dataProgress, trainingProgress } from "./training-progress.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly label?: string;
  readonly model?: string;
  readonly set?: readonly string[];
  readonly out?: string;
  readonly resume?: boolean;
  readonly from?: string;
  readonly grow?: boolean;
  readonly engine: EngineChoice;
}

export const trainVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "train",
    description:
      "Trains a model and writes a run directory: configuration, encoders, weights, ONNX model, metrics and " +
      "report.html. Given a bare data file it inspects it first, says what it chose, and keeps that " +
      "configuration in the run. Ctrl-C saves a checkpoint; --resume goes on to the same result. With --from a " +
      "finished run goes on with new data: one pass in order of time, each day predicted before it is trained on.",
    examples: [
      ["millrace train clicks.csv --label click", "from a bare file"],
      ["millrace train config.yaml --out runs/first", "from a configuration"],
      ["millrace train config.yaml --model DeepFM --set training.learning_rate=0.003", "with changes"],
      ["millrace train runs/first --resume", "go on with an interrupted run"],
      ["millrace train new-days.csv --from runs/first --grow --out runs/second", "go on with new data"],
    ],
  })
    .argument(
      "<config|file>",
      "a configuration (.yaml, .json), a data file, or with --resume a run directory",
    )
    .option(
      "-l, --label <label>",
      "the label: a column, or for a data file a comparison such as `delay > 15`",
    )
    .option("-m, --model <name>", "which model (see below)")
    .option("--set <key=value>", "change a key, such as training.epochs=3; may be repeated", collect)
    .option("-o, --out <dir>", "run directory (default: runs/<name>-<date>)")
    .option("--resume", "go on with the run that --out (or the newest default) holds")
    .option("--from <run>", "go on with this finished run's model and vocabularies, on other data")
    .option("--grow", "with --from: values that its vocabularies lack get rows of their own")
    .addOption(engineOption())
    .addHelpText(
      "after",
      `\nModels:\n${models.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join("\n")}`,
    )
    .action(async (target: string, options: Options) =>
      shell.finish(await trainTarget(shell, target, options)),
    );

async function trainTarget(shell: Shell, target: string, options: Options): Promise<Outcome> {
  if (isRetrievalTarget(target)) {
    if (options.from !== undefined || options.grow) {
      throw new ConfigError(
        "--from and --grow are for ranking models, and this is a retrieval configuration",
        {
          hint: "train it anew on the old and the new interactions",
        },
      );
    }
    return trainRetrievalTarget(shell, target, runDirectory(target, options), options);
  }
  const signal = shell.untilInterrupted("stopping after this step; Ctrl-C again ends at once");
  const directory = runDirectory(target, options);
  const config = await configOf(shell, target, directory, options);
  const engine = await openEngine(shell, options.engine);
  const dataset = await prepareDataset(dataConfigOf(config), {
    onProgress: dataProgress(shell),
    ...encodingOf(config),
  });
  try {
    for (const line of dataNotices(dataset)) shell.notice(line);
    checkLabels(dataset);
    const metrics = await trainRun(config, {
      directory,
      resume: options.resume,
      engine,
      signal,
      dataset,
      onEvent: trainingProgress(shell),
    });
    shell.notice("writing the report");
    const report = await writeRunReport([directory], join(directory, runFiles.report), {
      engine,
      dataPath: join(directory, runFiles.reportData),
      splitsOf: async () => dataset.splits,
    });
    return outcomeOf(directory, metrics, report.path);
  } catch (error) {
    throw error instanceof InterruptedError ? resumable(error, directory) : error;
  } finally {
    await dataset.close();
  }
}

/** Where the run goes; refused while nothing has been done if a run is there already. */
function runDirectory(target: string, { out, resume }: Options): string {
  const kind = targetKind(target);
  if (kind === "run") {
    if (resume && (out === undefined || resolve(out) === resolve(target))) return target;
    if (out === undefined) {
      throw new ConfigError(`${target} already holds a run`, {
        details: { directory: target },
        hint: "go on with --resume, or train its configuration again into another directory with --out",
      });
    }
  }
  const name = targetName(target);
  const directory = out ?? (resume ? newestRun(name) : join("runs", `${name}-${dateStamp(new Date())}`));
  if (!resume && existsSync(join(directory, runFiles.config))) {
    throw new ConfigError(`${directory} already holds a run`, {
      details: { directory },
      hint: "choose another --out, go on with --resume, or remove the directory",
    });
  }
  return directory;
}

function newestRun(name: string): string {
  const newest = listDirectory("runs")
    .filter((entry) => entry.startsWith(`${name}-`) && /^\d{8}-\d{6}$/.test(entry.slice(name.length + 1)))
    .at(-1);
  if (newest !== undefined) return join("runs", newest);
  throw new ConfigError(`there is no run runs/${name}-… to go on with`, {
    hint: "name its directory with --out",
  });
}

/** `20260131-235959`, local time; names sort by age. */
function dateStamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(two).join("");
  return `${day}-${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join("")}`;
}

async function configOf(
  shell: Shell,
  target: string,
  directory: string,
  { label, model, set = [], resume, from, grow }: Options,
): Promise<Config> {
  const kind = targetKind(target);
  checkContinuation(kind, { from, grow }, { label, model });
  if (from !== undefined && kind === "data") return configWithData(target, { from, grow }, set);
  if (kind !== "data") {
    const change: ChangeConfig = (content) => {
      overrides({ label, model })(content);
      if (from !== undefined) goOnFrom({ from, grow })(content);
    };
    return readConfig(kind === "run" ? join(target, runFiles.config) : target, set, change);
  }
  const written = join(directory, "config.yaml");
  if (!(resume && existsSync(written))) {
    shell.notice(`inspecting ${target}`);
    const report = await inspect({ files: [target] }, { label });
    const spec = { ...report.spec, files: report.spec.files.map(absolutePath) };
    const yaml = inspectionYaml(
      { ...report, spec },
      { extra: startingSections(model, report.rows, report.label?.kind) },
    );
    for (const line of inspectionNotices(report)) shell.notice(line);
    writeFileAtomic(written, yaml);
    shell.notice(
      `kept as ${written}: change it and run \`millrace train ${written} --out …\` for another try`,
    );
  }
  return readConfig(written, set, overrides({ model }));
}

/** What encoding met: rows, what was left out, what no vocabulary knows. */
function dataNotices({ counts, encodingReport, map, cached }: PreparedDataset): string[] {
  const rows = Object.entries(counts).map(([split, number]) => `${split} ${count(number ?? 0)}`);
  const lines = [
    `rows: ${rows.join(", ")}; ${map.features.length} features${cached ? "; encoded before" : ""}`,
  ];
  for (const [split, stored] of Object.entries(encodingReport.splits)) {
    if (stored === undefined) continue;
    if (stored.dropped > 0) lines.push(`${split}: ${count(stored.dropped)} unusable rows left out`);
    const unusable = Object.entries(stored.features).filter(([, feature]) => feature.unusable > 0);
    if (unusable.length > 0) {
      const each = unusable.slice(0, 4).map(([name, feature]) => `${name} ${count(feature.unusable)}`);
      const more = unusable.length > 4 ? ", …" : "";
      lines.push(`${split}: values that are no finite numbers, taken as missing: ${each.join(", ")}${more}`);
    }
    const unknown = Object.entries(stored.features)
      .filter(([, { outOfVocabulary }]) => outOfVocabulary > 0)
      .sort(([, a], [, b]) => b.outOfVocabulary - a.outOfVocabulary);
    if (unknown.length === 0) continue;
    const shown = unknown
      .slice(0, 4)
      .map(([name, { outOfVocabulary }]) => `${name} ${count(outOfVocabulary)}`);
    lines.push(
      `${split}: values not in the vocabulary: ${shown.join(", ")}${unknown.length > 4 ? ", …" : ""}`,
    );
  }
  for (const { text } of encodingReport.notes) lines.push(`note: ${text}`);
  return lines;
}

/** A model cannot learn from labels that are all the same. */
function checkLabels({ map, encodingReport }: PreparedDataset): void {
  const means = encodingReport.splits.train?.labelMeans ?? {};
  for (const { name, column, kind } of map.labels) {
    const mean = means[name];
    if (kind !== "binary" || (mean !== 0 && mean !== 1)) continue;
    throw new DataError(`label ${name}: every row of the training split is ${mean}`, {
      details: { label: name, column, mean },
      hint: "check the label's column, threshold or positive values, and the split",
    });
  }
}

function resumable(error: InterruptedError, directory: string): InterruptedError {
  const { message, details, cause } = error;
  const hint = `go on with: millrace train ${shown(directory)} --resume`;
  return new InterruptedError(message, { details: { ...details, directory }, hint, cause });
}

function outcomeOf(directory: string, metrics: RunMetrics, report: string): Outcome {
  const { model, parameters, history, bestEpoch, seconds, secondsPerEpoch, valid, test } = metrics;
  const what = history[0]?.stream === undefined ? "epoch" : "window";
  const epochs = `${history.length} ${what}${history.length === 1 ? "" : "s"}${bestEpoch === null ? "" : `, the best ${bestEpoch + 1}`}`;
  const perEpoch =
    secondsPerEpoch === null ? "" : `, ${duration(secondsPerEpoch)} ${what === "epoch" ? "an" : "a"} ${what}`;
  const run = shown(directory);
  const text = [
    `${model}: ${count(parameters.dense)} dense and ${count(parameters.embedding)} embedding parameters; ${epochs}${perEpoch}, ${duration(seconds)} in all`,
    "",
    ...[windowTable(history), metricTables({ valid, test })].flatMap((table) =>
      table === "" ? [] : [table, ""],
    ),
    `Run written to ${run}, report to ${shown(report)}. Next:`,
    `  millrace evaluate ${run} DATA`,
    `  millrace predict ${run} DATA -o predictions.csv`,
    `  millrace export ${run} -o model.onnx`,
  ].join("\n");
  return { json: { directory, report, ...metrics }, text };
}

/** A path as one would type it from here. */
function shown(path: string): string {
  const near = relative(".", path);
  return near.startsWith("..") || near === "" ? path : near;
}
