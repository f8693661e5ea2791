/**
 * The directory of a retrieval run:
 *
 *     config.json, feature-map.json   as everywhere
 *     user.onnx, item.onnx            encoded columns and tables in, vectors out
 *     scorer.onnx                     vectors of users and items in, scores out
 *     tables/*.safetensors            one embedding table a file
 *     items.safetensors, items.json   every item's vectors, and its raw key
 *     queries.safetensors             some users' vectors, to measure indexes by
 *     retrieval.json                  what belongs together; written last, so a directory that has it is complete
 *     metrics.json, checkpoint/       as everywhere
 *     index/                          indexes, see `index-files.ts`
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../core/index.ts";
import { readChecked, readJson, writeFileAtomic, writeJsonAtomic } from "../core/node/index.ts";
import { createEngine, type Engine, type HostTensor } from "../engine/index.ts";
import type { MetricValue } from "../evaluation/index.ts";
import {
  countParameters,
  type ParameterCounts,
  decodeSafetensors,
  encodeSafetensors,
} from "../module/index.ts";
import {
  checkFiles,
  claimDirectory,
  digestsOf,
  holdRun,
  keysToCamelCase,
  metricValues,
  runBefore,
  runFiles,
  StatusFile,
  storedConfig,
  trainedMetrics,
} from "../run/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { EpochRecord, ModelWeights } from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import { parseRetrievalConfig, type RetrievalConfig } from "./config.ts";
import { encodeItems } from "./encode-items.ts";
import { evaluateRetrieval } from "./evaluate-retrieval.ts";
import type { IndexContent } from "./index-files.ts";
import { retrievalModelNamed } from "./models/catalogue.ts";
import { retrievalObjective } from "./objective.ts";
import { prepareRetrieval, type RetrievalData } from "./prepare-retrieval.ts";
import type { RetrievalModel } from "./retrieval-model.ts";
import { scorerGraph, type Side, towerGraph, VECTORS } from "./tower-graph.ts";
import { type Scorer, SessionScorer, SessionTower, sizeOf, type Tower } from "./towers.ts";
import { type RetrievalEvent, trainRetrieval, type TrainRetrievalResult } from "./train-retrieval.ts";
import { weightSourceOf } from "./weight-source.ts";

/** Files that a retrieval run has beside those of every run. */
export const retrievalFiles = {
  bundle: "retrieval.json",
  user: "user.onnx",
  item: "item.onnx",
  scorer: "scorer.onnx",
  vectors: "items.safetensors",
  keys: "items.json",
  queries: "queries.safetensors",
  index: "index",
} as const;

/** Users whose vectors are kept to measure indexes by. */
const KEPT_QUERIES = 1000;

interface TowerFiles {
  readonly file: string;
  readonly columns: readonly string[];
  readonly tables: readonly string[];
}

interface RetrievalBundle {
  readonly version: 1;
  readonly userShape: readonly number[];
  readonly itemShape: readonly number[];
  readonly scoring: RetrievalModel["scoring"];
  readonly towers: { readonly [S in Side]: TowerFiles };
  readonly tables: readonly {
    readonly path: string;
    readonly file: string;
    readonly rows: number;
    readonly dim: number;
  }[];
  readonly items: number;
  /** Digests by file; runs of earlier versions have none. */
  readonly files?: { readonly [file: string]: string };
}

/** `metrics.json` of a retrieval run. */
export interface RetrievalMetrics {
  readonly version: 1;
  readonly model: string;
  readonly parameters: ParameterCounts;
  readonly counts: RetrievalData["counts"];
  readonly steps: number;
  readonly bestEpoch: number | null;
  readonly seconds: number;
  readonly history: readonly EpochRecord[];
  readonly valid?: { readonly [metric: string]: MetricValue };
  readonly test?: { readonly [metric: string]: MetricValue };
}

/** What `readRetrievalMetrics` relies on; splits hold metrics without labels. */
export const retrievalMetrics = trainedMetrics.extend({
  counts: z.record(z.string(), z.number()),
  valid: metricValues.optional(),
  test: metricValues.optional(),
});

/** @throws DataError naming the file and the field that is missing or of another type */
export function readRetrievalMetrics(directory: string): RetrievalMetrics {
  return readChecked(join(directory, runFiles.metrics), retrievalMetrics) as unknown as RetrievalMetrics;
}

export interface TrainRetrievalRunOptions {
  readonly directory: string;
  /** Go on with what the directory holds. @default false */
  readonly resume?: boolean;
  /** @default native where installed, else WASM */
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RetrievalEvent) => void;
  /** Data that are prepared already; they must come from the same configuration. */
  readonly data?: RetrievalData;
}

/** Trains, measures and writes a retrieval run. */
export async function trainRetrievalRun(
  config: RetrievalConfig,
  options: TrainRetrievalRunOptions,
): Promise<RetrievalMetrics> {
  const letGo = holdRun(options.directory);
  const status = new StatusFile(options.directory);
  try {
    const metrics = await trainAndWrite(config, options, status);
    status.finished();
    return metrics;
  } catch (error) {
    status.failed(error);
    throw error;
  } finally {
    letGo();
  }
}

async function trainAndWrite(
  config: RetrievalConfig,
  options: TrainRetrievalRunOptions,
  status: StatusFile,
): Promise<RetrievalMetrics> {
  const { directory, resume = false, signal, onEvent } = options;
  const takeOver = claimDirectory(directory, {
    stored: storedConfig(config),
    bundle: retrievalFiles.bundle,
    resume,
  });
  const data = options.data ?? (await prepareRetrieval(config));
  const engine = options.engine ?? (await createEngine("auto"));
  const { name, ...modelOptions } = config.model;
  const model = retrievalModelNamed(name).create(data.map, modelOptions);
  const objective = retrievalObjective(config.objective);
  const result = await trainRetrieval({
    model,
    map: data.map,
    catalogue: data.catalogue,
    batches: data.batches(model, objective.negatives),
    objective,
    valid: data.valid,
    engine,
    options: config.training,
    checkpoints: new DirectoryCheckpoints(join(directory, runFiles.checkpoint)),
    resume,
    signal,
    stopAfterEpoch: status.stopAsked,
    onEvent: (event) => {
      // The memory estimate comes before the checkpoint is looked at, everything else behind it.
      if (event.type !== "memory") {
        takeOver();
        status.event(event);
      }
      onEvent?.(event);
    },
  });
  takeOver();
  const { metrics: names, seed } = config.training;
  const test =
    data.test &&
    (await evaluateRetrieval(result.towers, data.catalogue, data.test, { metrics: names, seed }));
  await writeRetrievalBundle(directory, model, data, result);
  const metrics: RetrievalMetrics = {
    version: 1,
    model: name,
    parameters: countParameters(model),
    counts: data.counts,
    steps: result.steps,
    bestEpoch: result.bestEpoch,
    seconds: result.seconds,
    history: result.history,
    ...(result.valid === undefined ? {} : { valid: result.valid }),
    ...(test === undefined ? {} : { test }),
  };
  writeJsonAtomic(join(directory, runFiles.metrics), metrics);
  await result.towers.release();
  await result.learner.release();
  return metrics;
}

/**
 * Trains a configuration into its directory, unless that has been done: a finished run of the same
 * configuration counts, an interrupted one goes on, and one of another configuration is replaced.
 */
export async function finishRetrievalRun(
  config: RetrievalConfig,
  options: Omit<TrainRetrievalRunOptions, "resume">,
): Promise<{ readonly metrics: RetrievalMetrics; readonly before: boolean }> {
  const { directory } = options;
  const state = runBefore(directory, config, parseRetrievalConfig);
  if (state === "finished") {
    return { metrics: readJson(join(directory, runFiles.metrics)) as RetrievalMetrics, before: true };
  }
  return {
    metrics: await trainRetrievalRun(config, { ...options, resume: state === "begun" }),
    before: false,
  };
}

async function writeRetrievalBundle(
  directory: string,
  model: RetrievalModel,
  { map, catalogue, valid, test }: RetrievalData,
  { learner, towers }: TrainRetrievalResult,
): Promise<void> {
  const weights = weightSourceOf(model, learner.weights);
  const towerFiles = (side: Side): TowerFiles => {
    const graph = towerGraph(model, side, { schema: map, weights });
    writeFileAtomic(join(directory, retrievalFiles[side]), graph.model);
    return { file: retrievalFiles[side], columns: graph.columns, tables: graph.tables };
  };
  const files = { user: towerFiles("user"), item: towerFiles("item") };
  writeFileAtomic(join(directory, retrievalFiles.scorer), scorerGraph(model, weights).model);
  const tables = writeTables(directory, model, learner.weights);
  const vectors = await encodeItems(towers.item, catalogue);
  writeVectors(join(directory, retrievalFiles.vectors), vectors, model.itemShape);
  writeJsonAtomic(join(directory, retrievalFiles.keys), catalogue.keys);
  const task = valid ?? test;
  if (task !== undefined) {
    const users = Int32Array.from({ length: task.positives.rows }, (_, user) => user)
      .filter((user) => task.positives.row(user).length > 0)
      .slice(0, KEPT_QUERIES);
    const queries = await towers.user.encode(task.userRows(users));
    writeVectors(join(directory, retrievalFiles.queries), queries, model.userShape);
  }
  writeJsonAtomic(join(directory, runFiles.featureMap), map);
  const bundle: RetrievalBundle = {
    version: 1,
    userShape: model.userShape,
    itemShape: model.itemShape,
    scoring: model.scoring,
    towers: files,
    tables,
    items: catalogue.keys.length,
    files: digestsOf(directory, [
      runFiles.featureMap,
      files.user.file,
      files.item.file,
      retrievalFiles.scorer,
      retrievalFiles.vectors,
      retrievalFiles.keys,
      ...tables.map(({ file }) => file),
    ]),
  };
  writeJsonAtomic(join(directory, retrievalFiles.bundle), bundle);
}

function writeTables(
  directory: string,
  model: RetrievalModel,
  weights: ModelWeights,
): RetrievalBundle["tables"] {
  return [...model.namedTables()].map(([path, table]) => {
    const file = join(runFiles.tables, `${path.replace(/[^\w.-]/g, "_")}.safetensors`);
    const { rows, dim } = table;
    const data = weights.table(table) as Float32Array<ArrayBuffer>;
    const bytes = encodeSafetensors({ weight: { dtype: "F32", shape: [rows, dim], data } });
    writeFileAtomic(join(directory, file), bytes);
    return { path, file, rows, dim };
  });
}

function writeVectors(path: string, vectors: Float32Array, shape: readonly number[]): void {
  const data = vectors as Float32Array<ArrayBuffer>;
  const count = vectors.length / sizeOf(shape);
  writeFileAtomic(path, encodeSafetensors({ vectors: { dtype: "F32", shape: [count, ...shape], data } }));
}

function readVectors(path: string): Float32Array {
  const { vectors } = decodeSafetensors(readFileSync(path)).tensors;
  if (vectors?.dtype !== "F32")
    throw new DataError(`${path} holds no float32 vectors`, { details: { path } });
  return vectors.data as Float32Array;
}

/** A finished retrieval run, read back. */
export interface OpenRetrievalRun {
  readonly directory: string;
  readonly config: RetrievalConfig;
  readonly map: FeatureMap;
  /** Where its indexes are. */
  readonly indexDirectory: string;
  /** What an index is built from. */
  content(): IndexContent;
  /** Some users' vectors to measure indexes by; empty where the run held nothing out. */
  queries(): Float32Array;
  /** What an encoder is made of, for who runs it by other means. */
  towerParts(side: Side): TowerParts;
  /** Loads an encoder: encoded columns of the feature map in, vectors out. */
  tower(side: Side, engine: Engine): Promise<Tower>;
  /** Loads what scores users against items. */
  scorer(engine: Engine): Promise<Scorer>;
}

export interface TowerParts {
  /** Its tables are inputs under their names. */
  readonly model: Uint8Array;
  /** Encoded columns that it reads. */
  readonly columns: readonly string[];
  readonly tables: readonly {
    readonly name: string;
    readonly rows: number;
    readonly dim: number;
    readonly data: Float32Array;
  }[];
  /** The graph's vectors, `[batch, ...shape]`. */
  readonly output: string;
  readonly shape: readonly number[];
}

/** Whether a directory is one of a retrieval run, finished or not. */
export function holdsRetrievalRun(directory: string): boolean {
  const path = join(directory, runFiles.config);
  return existsSync(path) && (readJson(path) as { task?: unknown }).task === "retrieval";
}

/** @throws DataError when the directory holds no finished retrieval run */
export function openRetrievalRun(directory: string): OpenRetrievalRun {
  for (const file of [runFiles.config, runFiles.featureMap, retrievalFiles.bundle]) {
    if (existsSync(join(directory, file))) continue;
    throw new DataError(`${directory} holds no finished retrieval run: ${file} is missing`, {
      details: { directory, missing: file },
      hint: "name a directory that a configuration with `task: retrieval` was trained into",
    });
  }
  const bundle = readJson(join(directory, retrievalFiles.bundle)) as RetrievalBundle;
  checkFiles(directory, bundle.files ?? {});
  const { userShape, itemShape, scoring } = bundle;
  const queriesPath = join(directory, retrievalFiles.queries);
  return {
    directory,
    config: parseRetrievalConfig(keysToCamelCase(readJson(join(directory, runFiles.config)))),
    map: readJson(join(directory, runFiles.featureMap)) as FeatureMap,
    indexDirectory: join(directory, retrievalFiles.index),
    content: () => ({
      keys: readJson(join(directory, retrievalFiles.keys)) as string[],
      vectors: readVectors(join(directory, retrievalFiles.vectors)),
      userShape,
      itemShape,
      scoring,
      scorer: readFileSync(join(directory, retrievalFiles.scorer)),
    }),
    queries: () => (existsSync(queriesPath) ? readVectors(queriesPath) : new Float32Array(0)),
    towerParts: (side) => towerParts(directory, bundle, side),
    tower: (side, engine) => openTower(towerParts(directory, bundle, side), engine),
    scorer: async (engine) =>
      new SessionScorer(await engine.load(readFileSync(join(directory, retrievalFiles.scorer))), bundle),
  };
}

function towerParts(
  directory: string,
  { towers, tables, userShape, itemShape }: RetrievalBundle,
  side: Side,
): TowerParts {
  const { file, columns, tables: paths } = towers[side];
  return {
    model: readFileSync(join(directory, file)),
    columns,
    tables: tables
      .filter(({ path }) => paths.includes(path))
      .map(({ path, file: tableFile, rows, dim }) => {
        const { weight } = decodeSafetensors(readFileSync(join(directory, tableFile))).tensors;
        if (weight?.dtype !== "F32" || weight.data.length !== rows * dim) {
          throw new DataError(
            `${join(directory, tableFile)} does not hold the table that the run was saved with`,
            {
              details: { path: tableFile, expected: [rows, dim], received: weight?.shape ?? null },
            },
          );
        }
        return { name: `table:${path}`, rows, dim, data: weight.data as Float32Array };
      }),
    output: VECTORS,
    shape: side === "user" ? userShape : itemShape,
  };
}

async function openTower({ model, columns, tables, shape }: TowerParts, engine: Engine): Promise<Tower> {
  const values: { [name: string]: HostTensor } = {};
  for (const { name, rows, dim, data } of tables) {
    values[name] = { dtype: "float32", dims: [rows, dim], data };
  }
  return new SessionTower(await engine.load(model), shape, columns, () => values);
}
