/**
 * Datasets: raw files and a config in, a feature map and batches out. What was encoded once is kept in
 * a folder named by a hash of config and files: `feature-map.json`, `encoding.json` (what was stored
 * and what was met on the way) and a folder of Parquet parts for each split.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, DataError } from "../core/index.ts";
import { readJson, removePath, writeJsonAtomic } from "../core/node/index.ts";
import type { BatchSource, FeatureMap, ValueType } from "../schema/index.ts";
import { type DataConfig, type DataConfigInput, type FeatureConfig, parseDataConfig } from "./config.ts";
import { rawColumns } from "./encode-plan.ts";
import { BLOCK_ROWS, encodeSplit, type StoredSplit } from "./encode-split.ts";
import { fingerprint } from "./fingerprint.ts";
import {
  checkFeatures,
  columnOf,
  type EncoderReport,
  denseFeatures,
  fitFeatureMap,
  guessUnit,
  labelsOf,
} from "./fit.ts";
import { type GoodRows, usableRows } from "./row-quality.ts";
import { openSession, type Session } from "./session.ts";
import { expandFiles } from "./source-files.ts";
import { detectFormat } from "./source-format.ts";
import type { SourceFormat, SourceNote, SourceSpec } from "./source-spec.ts";
import { SPLIT_NAMES, type SplitName, splitColumns, splitConditions } from "./split.ts";
import type { ReadableSplit } from "./split-reader.ts";
import { type StagedTable, stageSource } from "./stage.ts";
import { loadVocabulary } from "./vocabulary.ts";
import { openStoredSplits } from "./stored-source.ts";

/** Written datasets of another version are encoded again. */
const FORMAT_VERSION = 1;

/** `encoding.json` */
export interface EncodingReport {
  readonly version: number;
  readonly fingerprint: string;
  /** Raw files by split; splits made out of the training files name these. */
  readonly files: { readonly [split: string]: readonly string[] };
  readonly encoders: { readonly [encoder: string]: EncoderReport };
  readonly splits: { readonly [split in SplitName]?: StoredSplit };
  readonly notes: readonly SourceNote[];
  /** Rows of a block, and of the blocks that are shuffled together. */
  readonly blockRows: number;
  readonly windowRows: number;
}

export interface DataProgress {
  readonly stage: "read" | "fit" | "encode";
  readonly split?: string;
  readonly done: number;
  readonly total: number;
}

export interface PrepareOptions {
  /** Folder of encoded datasets. @default the config's `cacheDir`, else `.millrace/datasets` */
  readonly cacheDir?: string;
  readonly onProgress?: (progress: DataProgress) => void;
  /** MiB that encoding may hold in memory before it spills. @default 768 */
  readonly memory?: number;
}

export interface PreparedDataset {
  readonly map: FeatureMap;
  readonly splits: { readonly train: BatchSource; readonly valid?: BatchSource; readonly test?: BatchSource };
  /** Rows by split. */
  readonly counts: { readonly [split in SplitName]?: number };
  readonly encodingReport: EncodingReport;
  readonly directory: string;
  /** Whether an earlier run's encoding was found. */
  readonly cached: boolean;
  close(): Promise<void>;
}

/**
 * Reads, splits, fits and encodes, or finds all that done before.
 *
 * @throws ConfigError, DataError that name what is wrong with config or files
 */
export async function prepareDataset(
  input: DataConfigInput,
  { cacheDir, onProgress = () => {}, memory }: PrepareOptions = {},
): Promise<PreparedDataset> {
  const config = parseDataConfig(input);
  checkFeatures(config);
  const root = resolve(cacheDir ?? config.data.cacheDir ?? join(".millrace", "datasets"));
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const session = await openSession(workFolder(root), { memory });
  try {
    const sources = await splitSources(session, config);
    const { cache, cacheDir: _, ...data } = config.data;
    const hash = fingerprint(
      { version: FORMAT_VERSION, ...config, data },
      Object.values(sources).flatMap(({ files }) => files),
    );
    const directory = join(root, cache ? hash : `${hash}-${randomUUID().slice(0, 8)}`);
    const found = cache ? storedReport(directory) : undefined;
    if (found !== undefined) return openDataset(directory, found, true, !cache);
    const output = join(session.scratch, "dataset");
    const report = await encodeDataset(session, config, sources, output, hash, onProgress);
    publish(output, directory);
    return openDataset(directory, report, false, !cache);
  } finally {
    session.close();
  }
}

export interface EncodeForMapOptions extends PrepareOptions {
  /** Raw number columns to carry along. */
  readonly keep?: readonly string[];
  /** Whether the labels' columns must be there; otherwise they are taken if they are. @default false */
  readonly labels?: boolean;
  readonly onBadRow?: "fail" | "drop";
}

/** An encoded file, with what was met on the way. */
export interface EncodedSource extends BatchSource {
  readonly report: StoredSplit;
}

/** Encodes other data with a feature map that is already there, in the order of its rows. */
export async function encodeForMap(
  map: FeatureMap,
  spec: SourceSpec,
  {
    cacheDir,
    onProgress = () => {},
    memory,
    keep = [],
    labels = false,
    onBadRow = "fail",
  }: EncodeForMapOptions = {},
): Promise<EncodedSource> {
  const root = resolve(cacheDir ?? join(".millrace", "datasets"));
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const session = await openSession(workFolder(root), { memory });
  const directory = workFolder(root);
  try {
    const wanted = rawColumns(map);
    const optional = new Set<string>(keep);
    for (const { column, name } of map.labels) {
      if (labels) wanted.set(column, `label ${name}`);
      else optional.add(column);
    }
    for (const column of [map.weight, map.group, map.timestamp])
      if (column !== undefined) optional.add(column);
    if (map.domain !== undefined) wanted.set(map.domain, "the domain");
    const timed = map.features.some(
      (feature) => feature.kind === "sequence" && feature.timesColumn !== undefined,
    );
    if (timed && map.timestamp !== undefined) wanted.set(map.timestamp, "the age of history entries");
    onProgress({ stage: "read", done: 0, total: 1 });
    const staged = await stageSource(
      session.connection,
      spec,
      join(session.scratch, "raw.parquet"),
      wanted,
      optional,
    );
    const vocabularies = new Map<string, string>();
    for (const [name, { vocabulary }] of Object.entries(map.encoders)) {
      if (vocabulary.type !== "list") continue;
      vocabularies.set(name, `vocabulary_${vocabularies.size}`);
      await loadVocabulary(session, vocabularies.get(name)!, vocabulary.values);
    }
    const usable = await usableRows(session.connection, staged, map, undefined, onBadRow);
    const report = await encodeSplit(session, {
      map,
      vocabularies,
      staged,
      ...usable,
      keep,
      directory,
      name: "data",
      onProgress: (done, total) => onProgress({ stage: "encode", done, total }),
    });
    // Nothing shuffles it, so that a block at a time is enough.
    const split = { ...readable(report, directory, BLOCK_ROWS), windowRows: BLOCK_ROWS };
    const { data } = openStoredSplits({ data: split }, 0);
    return {
      ...data,
      report,
      async close() {
        await data.close();
        removePath(directory);
      },
    };
  } catch (error) {
    removePath(directory);
    throw error;
  } finally {
    session.close();
  }
}

/** Opens a dataset's folder. @throws DataError when it is none */
export function openDataset(
  directory: string,
  report: EncodingReport = readReport(directory),
  cached = true,
  temporary = false,
): PreparedDataset {
  const map = readJson(join(directory, "feature-map.json")) as FeatureMap;
  const splits: Partial<Record<SplitName, ReadableSplit>> = {};
  const counts: Partial<Record<SplitName, number>> = {};
  let rowBytes = 1;
  for (const name of SPLIT_NAMES) {
    const split = report.splits[name];
    if (split === undefined) continue;
    rowBytes = Math.max(rowBytes, split.rowBytes);
    splits[name] = readable(split, directory, report.windowRows);
    counts[name] = split.rows;
  }
  const sources = openStoredSplits(
    splits as Record<SplitName, ReadableSplit>,
    report.windowRows * rowBytes * 2,
  );
  return {
    map,
    splits: sources,
    counts,
    encodingReport: report,
    directory,
    cached,
    async close() {
      for (const source of Object.values(sources)) await source.close();
      if (temporary) removePath(directory);
    },
  };
}

function readable({ parts, layout }: StoredSplit, directory: string, windowRows: number): ReadableSplit {
  return { directory, parts, layout, blockRows: BLOCK_ROWS, windowRows };
}

function readReport(directory: string): EncodingReport {
  const report = storedReport(directory);
  if (report !== undefined) return report;
  throw new DataError(`${directory} is no encoded dataset`, {
    details: { path: directory, expected: "encoding.json and feature-map.json" },
  });
}

function storedReport(directory: string): EncodingReport | undefined {
  const path = join(directory, "encoding.json");
  if (!existsSync(path)) return undefined;
  const report = readJson(path) as EncodingReport;
  return report.version === FORMAT_VERSION ? report : undefined;
}

/** A folder appears under its name only when it is whole; another process may have been first. */
function publish(output: string, directory: string): void {
  try {
    renameSync(output, directory);
  } catch (error) {
    if (storedReport(directory) === undefined) throw error;
  }
}

const WORK = /^\.work-(\d+)-/;

function workFolder(root: string): string {
  return join(root, `.work-${process.pid}-${randomUUID().slice(0, 8)}`);
}

/** Removes work folders whose process is gone. */
function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) {
    const pid = Number(WORK.exec(name)?.[1]);
    if (!Number.isInteger(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") removePath(join(root, name));
    }
  }
}

/** Files of each split that has files of its own, as specs with every glob resolved. */
async function splitSources(
  session: Session,
  { data, features }: DataConfig,
): Promise<{ readonly [split in SplitName]?: SourceSpec }> {
  const types: Record<string, ValueType> = { ...data.types };
  const made: SplitName[] =
    data.split === undefined || data.split.by === "files" ? [] : madeSplits(data.split);
  const sources: { [split in SplitName]?: SourceSpec } = {};
  for (const name of SPLIT_NAMES) {
    const files = data[name];
    if (files === undefined) continue;
    if (made.includes(name) && name !== "train") {
      throw new ConfigError(`config data: ${name} has files of its own and is made by data.split too`, {
        details: { key: `data.${name}` },
        hint: `leave ${name} out of the split, or take its files away`,
      });
    }
    const patterns = typeof files === "string" ? [files] : files;
    const { format, columns, header, separator, nullText, encoding } = data;
    const spec = { format, columns, header, separator, nullText, encoding };
    const found = await expandFiles(session.connection, patterns);
    sources[name] = {
      ...spec,
      types: { ...textTypes(features, format ?? detectFormat(found[0])), ...types },
      files: found,
    };
  }
  return sources;
}

/**
 * In delimited text a value is what is written: a feature of type `string` keeps `1.0` as it stands.
 * Elsewhere values have types, and the encoder brings them into the feature's.
 */
function textTypes(features: readonly FeatureConfig[], format: SourceFormat): Record<string, ValueType> {
  const delimited = format === "csv" || format === "tsv";
  const texts = features.filter(({ kind, type }) => delimited && kind === "categorical" && type === "string");
  return Object.fromEntries(texts.map((feature) => [columnOf(feature), "string"]));
}

function madeSplits(split: Exclude<NonNullable<DataConfig["data"]["split"]>, { by: "files" }>): SplitName[] {
  switch (split.by) {
    case "ratio":
      return SPLIT_NAMES.filter((name) => split[name] > 0);
    case "time":
      return SPLIT_NAMES.filter(
        (name) =>
          name === "train" ||
          (split[name] ?? 0) > 0 ||
          (name === "valid" ? split.validFrom : split.testFrom) !== undefined,
      );
    case "column":
      return SPLIT_NAMES.filter((name) => split[name].length > 0);
  }
}

async function encodeDataset(
  session: Session,
  config: DataConfig,
  sources: { readonly [split in SplitName]?: SourceSpec },
  output: string,
  hash: string,
  onProgress: (progress: DataProgress) => void,
): Promise<EncodingReport> {
  const { split, keep, onBadRow, shuffleMemory } = config.data;
  const tables = new Map<SplitName, StagedTable>();
  for (const name of SPLIT_NAMES) {
    const spec = sources[name];
    if (spec === undefined) continue;
    onProgress({ stage: "read", split: name, done: 0, total: 1 });
    const wanted = wantedColumns(config, name === "train");
    const path = join(session.scratch, `${name}.parquet`);
    tables.set(name, await stageSource(session.connection, spec, path, wanted));
    onProgress({ stage: "read", split: name, done: 1, total: 1 });
  }
  const train = tables.get("train")!;
  const pieces = new Map<SplitName, { staged: StagedTable; condition: string | undefined }>();
  for (const [name, staged] of tables) pieces.set(name, { staged, condition: undefined });
  if (split !== undefined && split.by !== "files") {
    const column = config.timestamp ?? (split.by === "time" ? split.column : undefined);
    const unit =
      config.timestampUnit ??
      (column === undefined ? "s" : await guessUnit(session, train, column, undefined));
    const conditions = await splitConditions(session.connection, train, split, {
      column: config.timestamp,
      unit,
    });
    for (const name of SPLIT_NAMES) {
      const condition = conditions[name];
      if (condition !== undefined) pieces.set(name, { staged: train, condition });
    }
  }
  const needs = { features: denseFeatures(config), labels: labelsOf(config), weight: config.weight };
  const usable = new Map<SplitName, GoodRows>();
  for (const [name, { staged, condition }] of pieces) {
    usable.set(name, await usableRows(session.connection, staged, needs, condition, onBadRow));
  }
  const fitted = await fitFeatureMap(session, config, train, usable.get("train")!.condition, (done, total) =>
    onProgress({ stage: "fit", done, total }),
  );
  const splits: { [name in SplitName]?: StoredSplit } = {};
  for (const name of SPLIT_NAMES) {
    const piece = pieces.get(name);
    if (piece === undefined) continue;
    const stored = await encodeSplit(session, {
      map: fitted.map,
      vocabularies: fitted.vocabularies,
      staged: piece.staged,
      ...usable.get(name)!,
      keep,
      directory: output,
      name,
      onProgress: (done, total) => onProgress({ stage: "encode", split: name, done, total }),
    });
    if (stored.rows === 0) throw emptySplit(name, piece.staged, stored.dropped);
    splits[name] = stored;
  }
  const rowBytes = splits.train?.rowBytes ?? 1;
  const report: EncodingReport = {
    version: FORMAT_VERSION,
    fingerprint: hash,
    files: Object.fromEntries([...pieces].map(([name, { staged }]) => [name, staged.files])),
    encoders: fitted.encoders,
    splits,
    notes: [...tables.values()].flatMap(({ notes }) => notes),
    blockRows: BLOCK_ROWS,
    windowRows: Math.max(BLOCK_ROWS, Math.floor((shuffleMemory * 2 ** 20) / rowBytes)),
  };
  writeJsonAtomic(join(output, "feature-map.json"), fitted.map);
  writeJsonAtomic(join(output, "encoding.json"), report);
  return report;
}

function emptySplit(name: SplitName, { files }: StagedTable, dropped: number): DataError {
  const left = dropped > 0 ? ` (${dropped} rows were left out)` : "";
  return new DataError(`the ${name} split has no rows${left}`, {
    details: { split: name, files, dropped },
    hint: "change data.split, or name files with rows",
  });
}

function wantedColumns(config: DataConfig, isTrain: boolean): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const feature of config.features) {
    wanted.set(columnOf(feature), `feature ${feature.name}`);
    if (feature.timesColumn !== undefined) wanted.set(feature.timesColumn, `feature ${feature.name}`);
  }
  for (const label of config.labels) wanted.set(columnOf(label), `label ${label.name}`);
  for (const role of ["weight", "group", "domain", "timestamp"] as const) {
    const column = config[role];
    if (column !== undefined) wanted.set(column, role);
  }
  for (const column of config.data.keep) wanted.set(column, "data.keep");
  if (isTrain)
    for (const column of splitColumns(config.data.split, config.timestamp)) wanted.set(column, "data.split");
  return wanted;
}
