/**
 * A run directory in one line: what it is, where it stands, what it reached; or why it cannot be read. Only
 * small files are opened, since a folder may hold hundreds of runs.
 */
import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { keyPath, problemOf } from "../core/index.ts";
import { type metricValues, runFiles, runMetrics, type RunStatus, stopRequested } from "../run/index.ts";
import { holdsRetrievalRun, retrievalFiles, retrievalMetrics } from "../retrieval/index.ts";
import type { RunCondition, RunKind, RunSummary, Scores } from "./api.ts";
import { flatSettings, type Settings } from "../report/index.ts";

/** A status that was written this recently is believed even if its process is not on this machine. */
const FRESH_MS = 15_000;
/** A process may have taken over the number of one that died. */
const STALE_MS = 3_600_000;

/** A summary but for what depends on the other runs. */
export interface SummarizedRun {
  readonly summary: Omit<RunSummary, "settings">;
  readonly settings: Settings;
}

type MetricsFile = z.output<typeof runMetrics> | z.output<typeof retrievalMetrics>;
const configFile = z.object({ model: z.object({ name: z.string() }) });
const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "expected a time in ISO 8601");
const statusFile = z.object({
  version: z.literal(1),
  state: z.enum(["training", "finished", "interrupted", "failed"]),
  pid: z.int().positive(),
  startedAt: time,
  updatedAt: time,
  epoch: z.number(),
  epochs: z.number(),
  rows: z.number(),
  epochRows: z.number(),
  step: z.number(),
  samplesPerSecond: z.number(),
  message: z.string().optional(),
});
const bundleFile = z.object({ tables: z.array(z.object({ file: z.string() })) });

/** Something that a run directory should not be. */
class Broken extends Error {}

/** Whether a directory is, or was meant to be, a run. */
export function looksLikeRun(names: ReadonlySet<string>): boolean {
  const { config, featureMap, bundle, metrics, status, checkpoint } = runFiles;
  const signs = [featureMap, bundle, metrics, status, checkpoint, retrievalFiles.bundle];
  return (
    (names.has(config) && signs.some((name) => names.has(name))) || names.has(bundle) || names.has(status)
  );
}

export function summarizeRun(directory: string, id: string): SummarizedRun {
  const at = (name: string): string => join(directory, name);
  const kind: RunKind = isRetrieval(directory) ? "retrieval" : "ranking";
  const [createdAt, updatedAt] = [at(runFiles.config), at(runFiles.metrics)].map(changedAt);
  let settings: Settings = new Map();
  const known = {
    id,
    kind,
    model: "unknown",
    createdAt: createdAt ?? updatedAt ?? 0,
    updatedAt: updatedAt ?? createdAt ?? 0,
    split: undefined,
    scores: {},
    epochs: 0,
    steps: 0,
    seconds: undefined,
    parameters: undefined,
    stopRequested: false,
  } satisfies Partial<RunSummary>;
  let model = known.model;
  try {
    const config = read(at(runFiles.config), configFile);
    settings = flatSettings(config);
    model = config.model.name;
    const status = statusOf(directory);
    const complete = existsSync(at(kind === "retrieval" ? retrievalFiles.bundle : runFiles.bundle));
    const metrics =
      complete || existsSync(at(runFiles.metrics))
        ? read(at(runFiles.metrics), kind === "retrieval" ? retrievalMetrics : runMetrics)
        : undefined;
    if (complete && kind === "ranking") checkFiles(directory);
    const trains = status?.state === "training" && isAlive(status);
    const condition = conditionOf(complete, status, trains);
    const reason = reasonOf(condition, status, existsSync(at(runFiles.checkpoint)));
    const measured = metrics === undefined || (trains && !complete) ? {} : figuresOf(metrics);
    return {
      summary: {
        ...known,
        ...measured,
        model,
        condition,
        ...(reason === undefined ? {} : { reason }),
        ...(status === undefined ? {} : { status }),
        ...(trains && status !== undefined ? { steps: status.step, epochs: status.epoch } : {}),
        updatedAt: status === undefined ? known.updatedAt : Date.parse(status.updatedAt),
        stopRequested: trains && stopRequested(directory),
      },
      settings,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { summary: { ...known, model, condition: "broken", reason }, settings };
  }
}

/** By its configuration, so that a run that has just begun is told too; by its files where that cannot be read. */
function isRetrieval(directory: string): boolean {
  try {
    return holdsRetrievalRun(directory);
  } catch {
    return existsSync(join(directory, retrievalFiles.user));
  }
}

function conditionOf(complete: boolean, status: RunStatus | undefined, trains: boolean): RunCondition {
  if (trains) return "training";
  if (status?.state === "failed") return "failed";
  if (status?.state === "interrupted" || status?.state === "training") return "interrupted";
  return complete ? "finished" : "interrupted";
}

function reasonOf(
  condition: RunCondition,
  status: RunStatus | undefined,
  saved: boolean,
): string | undefined {
  if (condition === "failed" || condition === "finished") return status?.message;
  if (condition !== "interrupted") return undefined;
  if (status?.state === "training") return "its process has ended without a word";
  return status?.message ?? (saved ? "training has not finished" : "nothing was trained yet");
}

function isAlive({ pid, updatedAt }: RunStatus): boolean {
  const age = Date.now() - Date.parse(updatedAt);
  // A time far ahead is another clock's, and says as little as one long past.
  if (Math.abs(age) < FRESH_MS) return true;
  if (!(Math.abs(age) < STALE_MS)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function figuresOf({ parameters, steps, seconds, history, test, valid }: MetricsFile): Partial<RunSummary> {
  const split = test === undefined ? (valid === undefined ? undefined : "valid") : "test";
  const measured = test ?? valid;
  return {
    split,
    scores: measured === undefined ? {} : scoresOf(measured),
    epochs: history.length,
    steps,
    seconds,
    parameters: parameters.dense + parameters.embedding,
  };
}

function scoresOf(measured: NonNullable<MetricsFile["test"]>): RunSummary["scores"] {
  const plain = (values: z.output<typeof metricValues>): Scores =>
    Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
  if (!isEvaluation(measured)) return { ranking: plain(measured) };
  return Object.fromEntries(
    Object.entries(measured.metrics).map(([label, values]) => [label, plain(values)]),
  );
}

function isEvaluation(
  measured: NonNullable<MetricsFile["test"]>,
): measured is NonNullable<z.output<typeof runMetrics>["test"]> {
  return "metrics" in measured && !("value" in measured.metrics);
}

/** A finished run has all that its bundle names. */
function checkFiles(directory: string): void {
  const { tables } = read(join(directory, runFiles.bundle), bundleFile);
  for (const file of [runFiles.featureMap, runFiles.model, ...tables.map((table) => table.file)]) {
    const path = join(directory, file);
    if (!existsSync(path)) throw new Broken(`${file} is missing`);
    if (statSync(path).size === 0) throw new Broken(`${file} is empty`);
  }
}

function statusOf(directory: string): RunStatus | undefined {
  const path = join(directory, runFiles.status);
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : read(path, statusFile);
}

/** Reads and checks one JSON file of a run; what is wrong is said with the file's name alone. */
function read<Schema extends z.ZodType>(path: string, schema: Schema): z.output<Schema> & object {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new Broken(`${name} is missing`);
  // A link could lead out of the folder.
  if (!stats.isFile()) throw new Broken(`${name} is not a plain file`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Broken(`${name} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    const problem = problemOf(parsed.error.issues[0], content);
    throw new Broken(
      `${name}: ${keyPath(problem.path) || "the file"}: ${problem.message}; it is ${problem.received}`,
    );
  }
  // The whole content: settings are made of keys that the schema does not know.
  return content as z.output<Schema> & object;
}

function changedAt(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
