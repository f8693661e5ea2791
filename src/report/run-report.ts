/** From finished run directories to their report: what was measured and written, gathered for the renderer. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, toSnakeCase } from "../core/index.ts";
import { packageVersion, readJson, shellWord, writeFileAtomic } from "../core/node/index.ts";
import type { EncodingReport, PreparedDataset } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { calibrationCurve, scoreDistribution } from "../evaluation/index.ts";
import { informationAbundance, singularValues } from "../numerics/index.ts";
import { holdsRetrievalRun } from "../retrieval/index.ts";
import {
  keysToSnakeCase,
  type NamedTable,
  type OpenRun,
  openRun,
  readEvents,
  readRunMetrics,
  runFiles,
  type RunMetrics,
} from "../run/index.ts";
import { type BatchSource, type Feature, type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import { type LabelPredictions, predictSplit } from "../training/index.ts";
import { differencesOf } from "./config-differences.ts";
import { checkDistinct, uniqueNames } from "./distinct-runs.ts";
import { permutationImportance } from "./feature-importance.ts";
import { formatCount, formatSignificant } from "./format.ts";
import { renderReport } from "./render-report.ts";
import type {
  ReportCalibration,
  ReportComparison,
  ReportCurves,
  ReportDomains,
  ReportEvaluation,
  ReportFeature,
  ReportInput,
  ReportScores,
  ReportSlices,
  ReportSpectrum,
} from "./report-input.ts";
import { gatherRetrievalReport, type RetrievalReportOptions } from "./retrieval-report.ts";
import { machineFacts, plainValue } from "./run-facts.ts";
import { SliceWatch } from "./slices.ts";

/** Runs of a comparison whose importance is measured, and whose score distributions are drawn. */
const MOST_IMPORTANCES = 4;
const MOST_SCORES = 4;

export type RunSplits = PreparedDataset["splits"];

export interface RunReportOptions extends RetrievalReportOptions {
  readonly engine: Engine;
  /**
   * The encoded splits of a run's data, where they can be had: calibration, score distributions and
   * importance are measured on the test split (else validation) through the run's own files.
   */
  readonly splitsOf?: (run: OpenRun) => Promise<RunSplits | undefined>;
  /** @default the models' names */
  readonly title?: string;
  /** Sentences for the summary. */
  readonly summary?: readonly string[];
  /** Where what the page shows is also written as JSON, for the studio. @default nowhere */
  readonly dataPath?: string;
}

/** One run, read back and measured where its data is at hand. */
interface GatheredRun {
  readonly name: string;
  readonly run: OpenRun;
  readonly metrics: RunMetrics;
  readonly encoding: EncodingReport | undefined;
  readonly measured: Measured | undefined;
}

interface Measured {
  readonly split: "test" | "valid";
  readonly source: BatchSource;
  readonly byLabel: { readonly [label: string]: LabelPredictions };
  readonly weights: Float32Array | undefined;
  readonly slices: readonly ReportSlices[];
}

/**
 * Writes the report of one run, or of several side by side.
 *
 * @returns where it was written, and what could not be shown
 * @throws DataError when a directory holds no finished run
 */
export async function writeRunReport(
  directories: readonly string[],
  path: string,
  options: RunReportOptions,
): Promise<{ readonly path: string; readonly warnings: readonly string[] }> {
  const input = await gatherReport(directories, options);
  writeFileAtomic(path, renderReport(input));
  if (options.dataPath !== undefined) writeFileAtomic(options.dataPath, `${JSON.stringify(input)}\n`);
  return { path, warnings: input.warnings };
}

/** What the report of these runs shows; the first label's test AUC decides which run's tables are drawn. */
export async function gatherReport(
  directories: readonly string[],
  options: RunReportOptions,
): Promise<ReportInput> {
  const retrieval = directories.filter(holdsRetrievalRun);
  if (retrieval.length === directories.length) return gatherRetrievalReport(directories, options);
  if (retrieval.length > 0) {
    throw new ConfigError(`${retrieval[0]} is a retrieval run, which cannot be compared with ranking runs`, {
      details: { retrieval, directories },
      hint: "make a report of each kind",
    });
  }
  checkDistinct(directories);
  const runs: GatheredRun[] = [];
  for (const directory of directories) runs.push(await gatherRun(directory, options));
  const names = uniqueNames(runs.map(({ name, run: { directory } }) => ({ name, directory })));
  const named = runs.map((run, k) => ({ ...run, name: names[k] }));
  const best = bestRun(named);
  const [label] = best.run.map.labels;
  const spectra = spectraOf(best.run);
  const importances = new Map<GatheredRun, ReadonlyMap<string, number>>();
  for (const one of named.slice(0, MOST_IMPORTANCES)) {
    importances.set(one, await importanceOf(one, options.engine));
  }
  const importance = importances.get(best) ?? (await importanceOf(best, options.engine));
  return {
    title: options.title ?? `${names.join(", ")}: ${label.name}`,
    createdAt: new Date().toISOString(),
    millraceVersion: packageVersion(),
    summary: options.summary ?? [],
    warnings: [...comparabilityWarnings(named, label.name), ...named.flatMap(warningsOf)],
    facts: factsOf(best),
    evaluations: evaluationsOf(best),
    domains: domainsOf(best),
    slices: named.flatMap(({ name, measured }) =>
      (measured?.slices ?? []).map((slices) => ({ ...slices, model: name })),
    ),
    comparison: named.length > 1 ? comparisonOf(named, label.name) : undefined,
    otherComparisons:
      named.length > 1 ? labelsOfSeveral(named, label.name).map((other) => comparisonOf(named, other)) : [],
    ...(named.length > 1 && { shownModel: best.name }),
    curves: named.map(curvesOf),
    calibration: named.flatMap(calibrationOf),
    scores: named.slice(0, MOST_SCORES).flatMap(scoresOf),
    features: featuresOf(best, spectra, importance),
    importanceMeaning:
      importance.size === 0
        ? undefined
        : `AUC of ${label.name} that ${best.name} loses on the ${best.measured?.split} split when the feature's values are shuffled among rows`,
    importances: [...importances].flatMap(([{ name }, own]) =>
      own.size === 0 ? [] : [{ model: name, byFeature: Object.fromEntries(own) }],
    ),
    differences: named.length > 1 ? differencesOf(named) : undefined,
    spectra,
    config: keysToSnakeCase(best.run.config),
    commands: commandsOf(named),
  };
}

async function gatherRun(
  directory: string,
  { engine, splitsOf = async () => undefined }: RunReportOptions,
): Promise<GatheredRun> {
  const run = openRun(directory);
  const metrics = readRunMetrics(directory);
  const encodingPath = join(directory, runFiles.encoding);
  const encoding = existsSync(encodingPath) ? (readJson(encodingPath) as EncodingReport) : undefined;
  const gathered = { name: metrics.model, run, metrics, encoding };
  const splits = await splitsOf(run);
  const split = splits?.test !== undefined ? "test" : "valid";
  const source = splits?.[split];
  if (source === undefined) return { ...gathered, measured: undefined };
  const predictor = await run.load(engine);
  try {
    const { batchSize } = run.config.training;
    const watch = new SliceWatch(run.map, source.rows);
    const predictions = await predictSplit(watch.watch(predictor), source, { batchSize, schema: run.map });
    const slices = watch.measure(gathered.name, split, predictions);
    const { byLabel, weights } = predictions;
    return { ...gathered, measured: { split, source, byLabel, weights, slices } };
  } finally {
    await predictor.release();
  }
}

/** Permutation importance of a run's features for its first label; empty without data. */
async function importanceOf(
  { run, measured }: GatheredRun,
  engine: Engine,
): Promise<ReadonlyMap<string, number>> {
  const [label] = run.map.labels;
  if (measured === undefined || label.kind !== "binary") return new Map();
  const predictor = await run.load(engine);
  try {
    const features = run.map.features.map(({ name }) => name);
    return await permutationImportance(predictor, measured.source, { label: label.name, features });
  } finally {
    await predictor.release();
  }
}

function bestRun(runs: readonly GatheredRun[]): GatheredRun {
  const aucOf = ({ metrics, run }: GatheredRun): number =>
    (metrics.test ?? metrics.valid)?.metrics[run.map.labels[0].name]?.auc?.value ?? Number.NEGATIVE_INFINITY;
  return runs.reduce((best, run) => (aucOf(run) > aucOf(best) ? run : best));
}

/** What keeps runs from being compared: figures of other rows, or of no such label. */
function comparabilityWarnings(runs: readonly GatheredRun[], label: string): string[] {
  const split = splitOf(runs);
  const without = runs.filter(({ metrics }) => metrics[split]?.metrics[label] === undefined);
  const measured = runs.flatMap(({ name, metrics, encoding }) => {
    const { rows } = metrics[split] ?? {};
    const mean = encoding?.splits[split]?.labelMeans[label];
    return rows === undefined || mean === undefined ? [] : [{ name, rows, mean }];
  });
  const [first] = measured;
  const alike = measured.every(
    ({ rows, mean }) => rows === first.rows && Math.abs(mean - first.mean) <= 1e-9 * Math.abs(first.mean),
  );
  const each = measured
    .map(({ name, rows, mean }) => `${name}: ${formatCount(rows)} rows, mean ${formatSignificant(mean)}`)
    .join("; ");
  return [
    ...(alike
      ? []
      : [
          `The ${split} splits of these runs are not the same rows (${label} of ${each}): the figures of one say nothing beside those of another.`,
        ]),
    ...(runs.length < 2
      ? []
      : without.map(({ name }) => `${name} has no figures of ${label} on the ${split} split.`)),
  ];
}

function warningsOf({ name, metrics, measured, run }: GatheredRun): string[] {
  const warnings: string[] = [];
  if (metrics.valid === undefined && metrics.test === undefined) {
    warnings.push(`${name} was trained without validation and test splits: nothing says how good it is.`);
  } else if (metrics.test === undefined) {
    warnings.push(
      `${name} has no test split: its validation figures also chose the epoch and flatter it a little.`,
    );
  }
  if (measured === undefined) {
    warnings.push(
      `The data of ${name} (${run.directory}) was not at hand: calibration, scores and importance are left out.`,
    );
  }
  return warnings;
}

function factsOf({ name, run, metrics }: GatheredRun): ReportInput["facts"] {
  const { model, training, data } = run.config;
  const files = Object.entries({ train: data.train, valid: data.valid, test: data.test });
  return [
    {
      title: "Model",
      facts: [
        ...Object.entries(model).map(([key, entry]) => ({
          name: toSnakeCase(key),
          value: plainValue(entry),
        })),
        { name: "dense parameters", value: metrics.parameters.dense },
        { name: "embedding parameters", value: metrics.parameters.embedding },
      ],
    },
    {
      title: "Data",
      facts: [
        ...files.flatMap(([split, file]) =>
          file === undefined ? [] : [{ name: split, value: plainValue(file) }],
        ),
        ...Object.entries(metrics.rows).map(([split, rows]) => ({ name: `${split} rows`, value: rows ?? 0 })),
        { name: "features", value: run.map.features.length },
        { name: "labels", value: run.map.labels.map((label) => label.name).join(", ") },
      ],
    },
    {
      title: "Training",
      facts: [
        ...Object.entries(training).flatMap(([key, entry]) =>
          entry === undefined ? [] : [{ name: toSnakeCase(key), value: plainValue(entry) }],
        ),
        { name: "steps", value: metrics.steps },
        { name: "seconds", value: Number(metrics.seconds.toFixed(1)) },
      ],
    },
    machineFacts(run.directory, name),
  ];
}

function evaluationsOf({ metrics, encoding }: GatheredRun): ReportEvaluation[] {
  return (["valid", "test"] as const).flatMap((split) => {
    const evaluation = metrics[split];
    if (evaluation === undefined) return [];
    const means = encoding?.splits[split]?.labelMeans ?? {};
    return Object.entries(evaluation.metrics).map(([label, values]): ReportEvaluation => {
      const mean = means[label];
      return {
        label,
        split,
        rows: evaluation.rows,
        positives:
          mean === undefined || mean < 0 || mean > 1 ? undefined : Math.round(mean * evaluation.rows),
        metrics: values,
        oracle: evaluation.oracle[label],
      };
    });
  });
}

function domainsOf({ metrics: { testDomains = {} }, run }: GatheredRun): ReportDomains[] {
  return run.map.labels.flatMap(({ name: label }) => {
    const domains = Object.entries(testDomains).flatMap(([name, { rows, metrics }]) =>
      metrics[label] === undefined ? [] : [{ name, rows, metrics: metrics[label] }],
    );
    return domains.length === 0 ? [] : [{ label, split: "test", domains }];
  });
}

function comparisonOf(runs: readonly GatheredRun[], label: string): ReportComparison {
  const split = splitOf(runs);
  return {
    label,
    split,
    models: runs.map(({ name, metrics }) => ({
      name,
      metrics: metrics[split]?.metrics[label] ?? {},
      parameters: metrics.parameters.dense + metrics.parameters.embedding,
      trainSeconds: metrics.seconds,
    })),
    // Of other rows it would be another oracle.
    oracle:
      new Set(runs.map(({ metrics }) => metrics[split]?.rows)).size > 1
        ? undefined
        : runs.map(({ metrics }) => metrics[split]?.oracle[label]).find((oracle) => oracle !== undefined),
  };
}

/** The split by which runs are compared: all have it. */
function splitOf(runs: readonly GatheredRun[]): "test" | "valid" {
  return runs.every(({ metrics }) => metrics.test !== undefined) ? "test" : "valid";
}

/** Further labels that more than one run predicts. */
function labelsOfSeveral(runs: readonly GatheredRun[], first: string): string[] {
  const names = runs.flatMap(({ run }) => run.map.labels.map(({ name }) => name));
  return [...new Set(names)].filter(
    (name) => name !== first && names.indexOf(name) !== names.lastIndexOf(name),
  );
}

function curvesOf({ name, run, metrics }: GatheredRun): ReportCurves {
  const { monitor, monitorLabel } = run.config.training;
  const label = monitorLabel ?? run.map.labels[0].name;
  return {
    model: name,
    steps: stepsOf(run.directory),
    epochs: metrics.history.map(({ epoch, steps, trainLoss, valid }) => ({
      epoch: epoch + 1,
      step: steps,
      trainLoss,
      validation: valid?.[label] ?? {},
    })),
    monitor: metrics.valid === undefined ? undefined : monitor,
    bestEpoch: metrics.bestEpoch === null ? undefined : metrics.bestEpoch + 1,
    oracle: metrics.valid?.oracle[label]?.[monitor]?.value ?? undefined,
  };
}

/** Losses from the run's event file; none where it has been removed. */
function stepsOf(directory: string): ReportCurves["steps"] {
  let events: ReturnType<typeof readEvents>;
  try {
    events = readEvents(directory);
  } catch {
    return [];
  }
  return events.flatMap(({ step, values }) => {
    const loss = values.find(({ tag }) => tag === "train/loss");
    if (loss === undefined || !("scalar" in loss) || loss.scalar === undefined) return [];
    const rate = values.find(({ tag }) => tag === "train/learning_rate");
    const learningRate = rate !== undefined && "scalar" in rate ? rate.scalar : undefined;
    return [{ step, loss: loss.scalar, learningRate }];
  });
}

/** Those that the model predicts: one of a single label leaves the others of the data alone. */
function binaryLabels({ run, measured }: GatheredRun): string[] {
  const known = measured?.byLabel ?? {};
  return run.map.labels
    .filter(({ kind, name }) => kind === "binary" && name in known)
    .map(({ name }) => name);
}

function calibrationOf(gathered: GatheredRun): ReportCalibration[] {
  const { name, measured } = gathered;
  if (measured === undefined) return [];
  const { byLabel, split, weights } = measured;
  return binaryLabels(gathered).map((label) => {
    const { predictions, labels } = byLabel[label];
    return { model: name, label, split, bins: calibrationCurve({ predictions, labels, weights }) };
  });
}

function scoresOf(gathered: GatheredRun): ReportScores[] {
  const { name, measured } = gathered;
  if (measured === undefined) return [];
  return binaryLabels(gathered).map((label) => {
    const { predictions, labels } = measured.byLabel[label];
    return { model: name, label, split: measured.split, bins: scoreDistribution({ predictions, labels }) };
  });
}

/** A table's path in the model; in the usual place, the name of its vocabulary. */
function tableName(name: string): string {
  return name.replace(/^table:/, "").replace(/^embedding\.tables\./, "");
}

/** Spectra of all tables wider than one, by path. */
function spectraOf({ tables }: OpenRun): ReportSpectrum[] {
  return tables
    .filter(({ dim, rows }) => dim > 1 && rows > 1)
    .map(({ name, rows, dim, data }) => ({
      table: tableName(name),
      singularValues: Array.from(singularValues({ data, rows, columns: dim })),
    }));
}

function featuresOf(
  { run, encoding }: GatheredRun,
  spectra: readonly ReportSpectrum[],
  importance: ReadonlyMap<string, number>,
): ReportFeature[] {
  return run.map.features.map((feature) => {
    const table = tableOf(run, feature);
    const path = table === undefined ? undefined : tableName(table.name);
    const values = spectra.find((spectrum) => spectrum.table === path)?.singularValues;
    return {
      name: feature.name,
      kind: feature.kind,
      vocabularySize: vocabularySize(run.map, feature),
      rates: ratesOf(feature, encoding),
      table:
        table === undefined || path === undefined
          ? undefined
          : {
              name: path,
              rows: table.rows,
              dim: table.dim,
              bytes: table.data.byteLength,
              informationAbundance: values === undefined ? undefined : informationAbundance(values),
            },
      importance: importance.get(feature.name),
    };
  });
}

/** The widest table over the feature's vocabulary: models may hold a narrow one beside it. */
function tableOf({ tables }: OpenRun, feature: Feature): NamedTable | undefined {
  if (feature.kind === "numeric" || feature.kind === "dense") return undefined;
  const vocabulary = "encoder" in feature ? feature.encoder : feature.name;
  return tables
    .filter(({ name }) => name.endsWith(`.${vocabulary}`))
    .reduce<NamedTable | undefined>(
      (widest, table) => (widest && widest.dim >= table.dim ? widest : table),
      undefined,
    );
}

function vocabularySize({ encoders }: FeatureMap, feature: Feature): number | undefined {
  if (feature.kind === "numeric" || feature.kind === "dense") return undefined;
  if (feature.kind === "bucket") return feature.boundaries.length + 1;
  if (feature.kind === "numeral") return feature.size - FIRST_VALUE_ID;
  const { vocabulary } = encoders[feature.encoder];
  return vocabulary.type === "list" ? vocabulary.values.length : vocabulary.buckets;
}

/** Shares of rows; entries of lists are counted without their number, so lists have none. */
function ratesOf(feature: Feature, encoding: EncodingReport | undefined): ReportFeature["rates"] {
  if (feature.kind === "bag" || feature.kind === "sequence") return {};
  const known = feature.kind === "categorical";
  return Object.fromEntries(
    Object.entries(encoding?.splits ?? {}).flatMap(([split, stored]) => {
      const report = stored?.features[feature.name];
      if (stored === undefined || report === undefined || stored.rows === 0) return [];
      const { missing, outOfVocabulary } = report;
      return [
        [
          split,
          {
            missing: missing / stored.rows,
            outOfVocabulary: known ? outOfVocabulary / stored.rows : undefined,
          },
        ],
      ];
    }),
  );
}

function commandsOf(runs: readonly GatheredRun[]): ReportInput["commands"] {
  const each = runs.map(({ name, run: { directory } }) => ({
    purpose: `train ${name} again`,
    command: `millrace train ${shellWord(join(directory, runFiles.config))} --out ${shellWord(`${directory}-again`)}`,
  }));
  const all = runs.map(({ run }) => shellWord(run.directory)).join(" ");
  return [...each, { purpose: "make this report again", command: `millrace report ${all} -o report.html` }];
}
