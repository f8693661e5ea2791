/** `millrace train` on a configuration with `task: retrieval`: from interactions or a log to a retrieval run. */
import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { parse as parseYaml } from "yaml";
import { ConfigError } from "../core/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import {
  holdsRetrievalRun,
  isRetrievalConfig,
  prepareRetrieval,
  readRetrievalConfig,
  type RetrievalEvent,
  trainRetrievalRun,
} from "../retrieval/index.ts";
import { writeRunReport } from "../report/index.ts";
import { runFiles } from "../run/index.ts";
import { type EngineChoice, openEngine } from "./engine-option.ts";
import { metricText } from "./metric-table.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { count, duration, textTable } from "./text-table.ts";
import { trainingProgress } from "./training-progress.ts";

interface Options {
  readonly set?: readonly string[];
  readonly resume?: boolean;
  readonly engine: EngineChoice;
}

/** Whether `millrace train` has been given a retrieval configuration or run. */
export function isRetrievalTarget(target: string): boolean {
  if (existsSync(join(target, runFiles.config))) return holdsRetrievalRun(target);
  if (![".yaml", ".yml", ".json"].includes(extname(target).toLowerCase()) || !existsSync(target))
    return false;
  try {
    return isRetrievalConfig(parseYaml(readFileSync(target, "utf8")));
  } catch {
    return false;
  }
}

/** @param directory where the run goes */
export async function trainRetrievalTarget(
  shell: Shell,
  target: string,
  directory: string,
  { set = [], resume, engine: choice }: Options,
): Promise<Outcome> {
  const signal = shell.untilInterrupted("stopping after this step; Ctrl-C again ends at once");
  const inRun = join(target, runFiles.config);
  const config = readRetrievalConfig(existsSync(inRun) ? inRun : target, set);
  if (resume && !existsSync(join(directory, runFiles.config))) {
    throw new ConfigError(`${directory} holds no run to go on with`, { details: { directory } });
  }
  const engine = await openEngine(shell, choice);
  const data = await prepareRetrieval(config);
  const metrics = await trainRetrievalRun(config, {
    directory,
    resume,
    engine,
    signal,
    data,
    onEvent: retrievalProgress(shell),
  });
  shell.notice("writing the report");
  const report = await writeRunReport([directory], join(directory, runFiles.report), {
    engine,
    dataPath: join(directory, runFiles.reportData),
    retrievalDataOf: async () => data,
  });
  const { model, parameters, counts, history, bestEpoch, seconds, valid, test } = metrics;
  const best = bestEpoch === null ? "" : `, the best ${bestEpoch + 1}`;
  const text = [
    `${model}: ${count(parameters.dense)} dense and ${count(parameters.embedding)} embedding parameters; ` +
      `${count(counts.users)} users, ${count(counts.items)} items, ${count(counts.interactions)} interactions; ` +
      `${history.length} epochs${best}, ${duration(seconds)} in all`,
    "",
    metricsTable({ valid, test }),
    "",
    `Run written to ${directory}, report to ${report.path}. Next:`,
    `  millrace index ${directory} --kind hnsw`,
  ].join("\n");
  return { json: { directory, report: report.path, ...metrics }, text };
}

function retrievalProgress(shell: Shell): (event: RetrievalEvent) => void {
  const common = trainingProgress(shell);
  return (event) => {
    if (event.type !== "epoch") {
      common(event);
      return;
    }
    const { record, improved, metrics } = event;
    const measured = Object.entries(metrics ?? {}).map(([name, value]) => `${name} ${metricText(value)}`);
    const valid =
      measured.length === 0 ? "" : `; valid ${measured.join(", ")}${improved ? " (best so far)" : ""}`;
    shell.notice(
      `epoch ${record.epoch + 1}: loss ${record.trainLoss.toFixed(4)} in ${duration(record.seconds)}${valid}`,
    );
  };
}

type Measured = { readonly [metric: string]: MetricValue } | undefined;

function metricsTable(splits: { readonly [split: string]: Measured }): string {
  const present = Object.entries(splits).filter(([, metrics]) => metrics !== undefined);
  const names = [...new Set(present.flatMap(([, metrics]) => Object.keys(metrics ?? {})))];
  return textTable([
    ["", ...present.map(([split]) => split)],
    ...names.map((name) => [name, ...present.map(([, metrics]) => metricText(metrics?.[name]))]),
  ]);
}
