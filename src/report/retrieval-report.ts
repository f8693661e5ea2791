/** From finished retrieval runs to their report: what they recommend, measured where their data is at hand. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { MillraceError, toSnakeCase } from "../core/index.ts";
import { listDirectory, packageVersion, shellWord } from "../core/node/index.ts";
import type { Engine } from "../engine/index.ts";
import { singularValues } from "../numerics/index.ts";
import {
  currentVersion,
  ExactIndex,
  measureIndex,
  type OpenRetrievalRun,
  openIndex,
  openRetrievalRun,
  profileRetrieval,
  readRetrievalMetrics,
  type RetrievalData,
  type RetrievalMetrics,
  type RetrievalProfile,
} from "../retrieval/index.ts";
import { keysToSnakeCase, runFiles } from "../run/index.ts";
import { differencesOf } from "./config-differences.ts";
import { checkDistinct, uniqueNames } from "./distinct-runs.ts";
import { formatCount } from "./format.ts";
import { RANKING } from "./retrieval-section.ts";
import type { ReportEvaluation, ReportIndex, ReportInput, ReportSpectrum } from "./report-input.ts";
import { machineFacts, plainValue } from "./run-facts.ts";

/** Items that an index is measured by the best of. */
const MOST_NEIGHBOURS = 100;

export interface RetrievalReportOptions {
  readonly engine: Engine;
  /** A run's data, where it can be had: recommendations are measured on its test users (else validation). */
  readonly retrievalDataOf?: (run: OpenRetrievalRun) => Promise<RetrievalData | undefined>;
  /** @default the models' names */
  readonly title?: string;
  readonly summary?: readonly string[];
}

interface GatheredRun {
  readonly name: string;
  readonly directory: string;
  readonly run: OpenRetrievalRun;
  readonly metrics: RetrievalMetrics;
  readonly profile: (RetrievalProfile & { readonly split: "test" | "valid" }) | undefined;
  /** Whether the data at hand are others than the run was trained on. */
  readonly changed: boolean;
  readonly index: ReportIndex | undefined;
  readonly warnings: readonly string[];
}

/** What the report of these runs shows; the first run's first metric decides whose spectrum is drawn. */
export async function gatherRetrievalReport(
  directories: readonly string[],
  options: RetrievalReportOptions,
): Promise<ReportInput> {
  checkDistinct(directories);
  const gathered: GatheredRun[] = [];
  for (const directory of directories) gathered.push(await gatherRun(directory, options));
  const names = uniqueNames(gathered);
  const runs = gathered.map((run, k) => ({ ...run, name: names[k] }));
  const monitor = runs[0].run.config.training.metrics[0];
  const figureOf = ({ metrics }: GatheredRun): number =>
    (metrics.test ?? metrics.valid)?.[monitor]?.value ?? Number.NEGATIVE_INFINITY;
  const best = runs.reduce((a, b) => (figureOf(b) > figureOf(a) ? b : a));
  const split = runs.every(({ metrics }) => metrics.test !== undefined) ? "test" : "valid";
  return {
    title: options.title ?? `${names.join(", ")}: retrieval`,
    createdAt: new Date().toISOString(),
    millraceVersion: packageVersion(),
    summary: options.summary ?? [],
    warnings: [...comparabilityWarnings(runs, split), ...runs.flatMap(warningsOf)],
    facts: factsOf(best),
    evaluations: evaluationsOf(best),
    domains: [],
    slices: [],
    comparison:
      runs.length === 1
        ? undefined
        : {
            label: RANKING,
            split,
            models: runs.map(({ name, metrics }) => ({
              name,
              metrics: metrics[split] ?? {},
              parameters: metrics.parameters.dense + metrics.parameters.embedding,
              trainSeconds: metrics.seconds,
            })),
            oracle: undefined,
          },
    ...(runs.length > 1 && { shownModel: best.name }),
    curves: runs.map(({ name, run, metrics }) => ({
      model: name,
      steps: [],
      epochs: metrics.history.map(({ epoch, steps, trainLoss, valid }) => ({
        epoch: epoch + 1,
        step: steps,
        trainLoss,
        validation: valid?.[RANKING] ?? {},
      })),
      monitor: metrics.valid === undefined ? undefined : run.config.training.metrics[0],
      bestEpoch: metrics.bestEpoch === null ? undefined : metrics.bestEpoch + 1,
      oracle: undefined,
    })),
    retrieval: runs.flatMap(({ name, profile, index }) =>
      profile === undefined ? [] : [{ model: name, ...profile, ...(index !== undefined && { index }) }],
    ),
    calibration: [],
    scores: [],
    features: [],
    importanceMeaning: undefined,
    importances: [],
    differences: runs.length === 1 ? undefined : differencesOf(runs),
    spectra: runs.map(({ name, run }) => spectrumOf(runs.length === 1 ? "items" : name, run)),
    config: keysToSnakeCase(best.run.config),
    commands: commandsOf(runs),
  };
}

async function gatherRun(
  directory: string,
  { engine, retrievalDataOf = async () => undefined }: RetrievalReportOptions,
): Promise<GatheredRun> {
  const run = openRetrievalRun(directory);
  const metrics = readRetrievalMetrics(directory);
  const warnings: string[] = [];
  let index: ReportIndex | undefined;
  try {
    index = await indexOf(run, engine);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    warnings.push(`The index of ${directory} could not be measured: ${error.message}.`);
  }
  const data = await retrievalDataOf(run);
  const changed = data !== undefined && !isDataOf(run, metrics, data);
  const profile = changed ? undefined : await profileOf(run, data, engine);
  return { name: metrics.model, directory, run, metrics, profile, changed, index, warnings };
}

/**
 * Whether data are those of a run: vectors and ids are numbered by the order in which values are first read, so
 * the same lines in another order give other users and items the numbers that the run learnt.
 */
function isDataOf(run: OpenRetrievalRun, { counts }: RetrievalMetrics, data: RetrievalData): boolean {
  return (
    isDeepStrictEqual(data.catalogue.keys, run.content().keys) &&
    isDeepStrictEqual(asStored(data.map), run.map) &&
    isDeepStrictEqual(asStored(data.counts), counts)
  );
}

/** As it comes back from a file: without keys that are undefined. */
function asStored(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function profileOf(
  run: OpenRetrievalRun,
  data: RetrievalData | undefined,
  engine: Engine,
): Promise<GatheredRun["profile"]> {
  const split = data?.test === undefined ? "valid" : "test";
  const task = data?.[split];
  if (data === undefined || task === undefined) return undefined;
  const user = await run.tower("user", engine);
  const item = await run.tower("item", engine);
  const scorer = await run.scorer(engine);
  try {
    const { vectors } = run.content();
    const { seed } = run.config.training;
    const { taken, catalogue } = data;
    const model = { user, item, scorer };
    return { split, ...(await profileRetrieval(model, catalogue, task, { taken, vectors, seed })) };
  } finally {
    for (const held of [user, item, scorer]) await held.release();
  }
}

/** The index that is in use, measured against exact search; undefined without one. */
async function indexOf(run: OpenRetrievalRun, engine: Engine): Promise<ReportIndex | undefined> {
  if (!existsSync(join(run.indexDirectory, "current.json"))) return undefined;
  const folder = currentVersion(run.indexDirectory);
  const content = run.content();
  const opened = await openIndex(run.indexDirectory, { engine });
  const exact = await ExactIndex.create({ engine, ...content });
  try {
    const place = join(run.indexDirectory, folder);
    const queries = run.queries();
    const k = Math.min(MOST_NEIGHBOURS, content.keys.length);
    const measured =
      queries.length === 0 ? undefined : await measureIndex(opened.index, exact, queries, { k });
    return {
      version: folder,
      kind: opened.index.kind,
      items: opened.keys.length,
      bytes: listDirectory(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0),
      ...(measured !== undefined && { measured }),
    };
  } finally {
    await opened.index.close();
    await exact.close();
  }
}

function evaluationsOf({ metrics }: GatheredRun): ReportEvaluation[] {
  return (["valid", "test"] as const).flatMap((split) => {
    const measured = metrics[split];
    if (measured === undefined) return [];
    return [
      {
        label: RANKING,
        split,
        rows: usersOf(measured),
        unit: "users",
        positives: undefined,
        metrics: measured,
        oracle: undefined,
      },
    ];
  });
}

/** What keeps runs from being compared: other users, or other items to rank. */
function comparabilityWarnings(runs: readonly GatheredRun[], split: "valid" | "test"): string[] {
  const measured = runs.map(({ name, metrics }) => ({
    name,
    users: usersOf(metrics[split]),
    items: metrics.counts.items,
  }));
  const [first] = measured;
  if (measured.every(({ users, items }) => users === first.users && items === first.items)) return [];
  const each = measured
    .map(({ name, users, items }) => `${name}: ${formatCount(users)} users, ${formatCount(items)} items`)
    .join("; ");
  return [
    `These runs do not rank the same items for the same users of the ${split} split (${each}): the figures of one say nothing beside those of another.`,
  ];
}

function usersOf(measured: RetrievalMetrics["test"]): number {
  return Object.values(measured ?? {})[0]?.counts?.users ?? 0;
}

function warningsOf({ name, directory, metrics, profile, changed, warnings }: GatheredRun): string[] {
  const said = [...warnings];
  if (metrics.valid === undefined && metrics.test === undefined) {
    said.push(`${name} was trained without held-out items: nothing says how good it is.`);
  } else if (metrics.test === undefined) {
    said.push(
      `${name} has no test split: its validation figures also chose the epoch and flatter it a little.`,
    );
  }
  if (changed) {
    said.push(
      `The data of ${name} (${directory}) have changed since the run was trained: cut-offs, popularity and coverage are left out.`,
    );
  } else if (profile === undefined) {
    said.push(
      `The data of ${name} (${directory}) was not at hand: cut-offs, popularity and coverage are left out.`,
    );
  }
  return said;
}

function factsOf({ name, directory, run, metrics }: GatheredRun): ReportInput["facts"] {
  const { model, objective, training, interactions, log, batchSize } = run.config;
  const entries = (options: object): { name: string; value: string | number }[] =>
    Object.entries(options).flatMap(([key, entry]) =>
      entry === undefined ? [] : [{ name: toSnakeCase(key), value: plainValue(entry) }],
    );
  return [
    {
      title: "Model",
      facts: [
        ...entries(model),
        { name: "dense parameters", value: metrics.parameters.dense },
        { name: "embedding parameters", value: metrics.parameters.embedding },
      ],
    },
    {
      title: "Data",
      facts: [
        ...(interactions === undefined ? [] : entries(interactions)),
        ...(log === undefined ? [] : [{ name: "train", value: plainValue(log.data.train) }]),
        ...entries(metrics.counts),
      ],
    },
    { title: "Objective", facts: entries(objective) },
    {
      title: "Training",
      facts: [
        { name: "batch_size", value: batchSize },
        ...entries(training),
        { name: "steps", value: metrics.steps },
        { name: "seconds", value: Number(metrics.seconds.toFixed(1)) },
      ],
    },
    machineFacts(directory, name),
  ];
}

/** Of the encoded items, which is what an index holds. */
function spectrumOf(table: string, run: OpenRetrievalRun): ReportSpectrum {
  const { vectors, keys } = run.content();
  const columns = vectors.length / Math.max(1, keys.length);
  return { table, singularValues: Array.from(singularValues({ data: vectors, rows: keys.length, columns })) };
}

function commandsOf(runs: readonly GatheredRun[]): ReportInput["commands"] {
  const each = runs.flatMap(({ name, directory }) => [
    {
      purpose: `train ${name} again`,
      command: `millrace train ${shellWord(join(directory, runFiles.config))} --out ${shellWord(`${directory}-again`)}`,
    },
    { purpose: `build the index of ${name}`, command: `millrace index ${shellWord(directory)}` },
  ]);
  const all = runs.map(({ directory }) => shellWord(directory)).join(" ");
  return [...each, { purpose: "make this report again", command: `millrace report ${all} -o report.html` }];
}
