/**
 * Datasets: raw files and a config in, a feature map and batches out. What was encoded once is kept in
 * a folder named by a hash of config and files: `feature-map.json`, `encoding.json` (what was stored
 * and what was met on the way) and a folder of Parquet parts for each split.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, DataError } from "../core/index.ts";
import { readJson, removePath, writeJsonAtomic } from "../core/node/index.ts";
import type { BatchSource, FeatureMap, TimestampUnit } from "../schema/index.ts";
import { needsOfMap, planLanes } from "./batch-needs.ts";
import { checkFeatures } from "./check-features.ts";
import { type DataConfig, type DataConfigInput, type FeatureConfig, parseDataConfig } from "./config.ts";
import { addDerivedColumns } from "./derive-columns.ts";
import type { KeyIds } from "./encode-columns.ts";
import { encodeSplits, type StoredSplit } from "./encode-splits.ts";
import { fingerprint } from "./fingerprint.ts";
import { columnOf, type EncoderReport, type FittedMap, fitFeatureMap, needsOfConfig } from "./fit.ts";
import { type DerivedSource, fitDerived } from "./fit-derived.ts";
import { checkSameFeatures, growFeatureMap, type GrowthRule } from "./grow.ts";
import { findLongTexts } from "./lanes.ts";
import { sampleNegatives } from "./negative-sampling.ts";
import { type PastRows, rowsReadTwice } from "./past-counts.ts";
import { BLOCK_ROWS, readSource } from "./read-source.ts";
import { openSession, type Session } from "./session.ts";
import { openLocal } from "./source.ts";
import { sourceSpecOf } from "./source-config.ts";
import { type LocalSource, SourceResolver } from "./source-local.ts";
import type { RawSource, SourceNote, SourceSpec } from "./source-spec.ts";
import {
  assignSplits,
  type MadeSplit,
  madeSplits,
  planSplit,
  SPLIT_NAMES,
  type SplitName,
  splitTimeColumn,
} from "./split.ts";
import type { ReadableSplit } from "./split-reader.ts";
import { openStoredSplits } from "./stored-source.ts";
import { guessTimeUnit } from "./time-unit.ts";
import { dropUnusable } from "./usable-rows.ts";
import { idsOfKeys } from "./vocabulary.ts";
import { columnsOfConfig, columnsOfMap } from "./wanted-columns.ts";

/** Written datasets of another version are encoded again. */
const FORMAT_VERSION = 3;

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

export interface PrepareDatasetOptions extends PrepareOptions {
  /** A fitted map to encode with instead of fitting one: an earlier run's, for data that came since. */
  readonly map?: FeatureMap;
  /**
   * With `map`: vocabularies take up values of the training split that they do not have, behind the ones
   * they have, so that old ids keep their rows. Absent: such values are out of vocabulary.
   */
  readonly grow?: GrowthRule;
  /** With `map`: rows that came before, which counts over the past see: the earlier run's training data. */
  readonly history?: readonly SourceSpec[];
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
  { cacheDir, onProgress = () => {}, memory, map: known, grow, history = [] }: PrepareDatasetOptions = {},
): Promise<PreparedDataset> {
  const config = parseDataConfig(input);
  checkFeatures(config);
  if (known !== undefined) checkSameFeatures(config, known);
  const root = resolve(cacheDir ?? config.data.cacheDir ?? join(".millrace", "datasets"));
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const session = await openSession(workFolder(root), { memory });
  try {
    const sources = await splitSources(session, config, root);
    const { cache, cacheDir: _, ...data } = config.data;
    const earlier =
      known === undefined ? [] : await earlierSources(session, known, history, Object.values(sources), root);
    const tables = await tablesOf(session, config, root);
    const parts = [...Object.values(sources), ...tables, ...earlier].flatMap(withJoins);
    const copies = parts.flatMap(({ identities }) => identities);
    const hash = fingerprint(
      {
        version: FORMAT_VERSION,
        ...config,
        data,
        ...(copies.length > 0 && { copies }),
        ...(known !== undefined && { known, grow }),
        ...(earlier.length > 0 && { history }),
      },
      parts.flatMap(({ own }) => own),
    );
    const directory = join(root, cache ? hash : `${hash}-${randomUUID().slice(0, 8)}`);
    const found = cache ? storedReport(directory) : undefined;
    if (found !== undefined)
      return open(directory, found, storedMap(directory), { cached: true, temporary: false });
    const output = join(session.scratch, "dataset");
    const { report, map } = await encodeDataset(session, config, sources, {
      output,
      hash,
      onProgress,
      known,
      grow,
      earlier,
      cacheDir: root,
    });
    publish(output, directory);
    return open(directory, report, map, { cached: false, temporary: !cache });
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
  /** Rows that came before, which counts over the past see: the training data, usually. */
  readonly history?: readonly SourceSpec[];
}

/** An encoded file, with what was met on the way. */
export interface EncodedSource extends BatchSource {
  readonly report: StoredSplit;
  /** Rows that the history has too, by the keys and times of counts over the past: those are counted twice. */
  readonly alsoInHistory: number;
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
    history = [],
  }: EncodeForMapOptions = {},
): Promise<EncodedSource> {
  const root = resolve(cacheDir ?? join(".millrace", "datasets"));
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const session = await openSession(workFolder(root), { memory });
  const directory = workFolder(root);
  try {
    const wanted = columnsOfMap(map, keep);
    const resolver = new SourceResolver(session.connection, {
      scratch: session.scratch,
      cacheDir: root,
      wanted,
    });
    const local = await resolver.resolve(spec);
    const past: PastRows = new Map();
    const earlier = await earlierSources(session, map, history, [local], root, wanted);
    await readPast(session, map, earlier, past);
    const raw = await openUntyped(session, local);
    const source = await withDerived(session, raw, map, past);
    const alsoInHistory = await rowsReadTwice(session.connection, past);
    const stored = await encodeWithMap(session, source, map, {
      name: "data",
      keep,
      required: labels,
      roles: false,
      onBadRow,
      directory,
      onRows: (stage, done) => onProgress({ stage, done, total: source.rows }),
    }).finally(() => source.close());
    const report = stored.get("data")!;
    // Nothing shuffles it, so that a block at a time is enough.
    const split = { ...readable(report, directory, BLOCK_ROWS), windowRows: BLOCK_ROWS };
    const { data } = openStoredSplits({ data: split }, 0);
    return {
      ...data,
      report,
      alsoInHistory,
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
export function openDataset(directory: string): PreparedDataset {
  return open(directory, readReport(directory), storedMap(directory), { cached: true, temporary: false });
}

function storedMap(directory: string): FeatureMap {
  return readJson(join(directory, "feature-map.json")) as FeatureMap;
}

function open(
  directory: string,
  report: EncodingReport,
  map: FeatureMap,
  { cached, temporary }: { readonly cached: boolean; readonly temporary: boolean },
): PreparedDataset {
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

type SplitSources = { readonly [split in SplitName]?: LocalSource };

/** Sources of each split that has its own, where they can be read. */
async function splitSources(session: Session, config: DataConfig, cacheDir: string): Promise<SplitSources> {
  const { data, features } = config;
  const made: SplitName[] =
    data.split === undefined || data.split.by === "files" ? [] : madeSplits(data.split);
  const wanted = columnsOfConfig(config);
  const resolver = new SourceResolver(session.connection, { scratch: session.scratch, cacheDir, wanted });
  const sources: { [split in SplitName]?: LocalSource } = {};
  for (const name of SPLIT_NAMES) {
    const files = data[name];
    if (files === undefined) continue;
    if (made.includes(name) && name !== "train") {
      throw new ConfigError(`config data: ${name} has files of its own and is made by data.split too`, {
        details: { key: `data.${name}` },
        hint: `leave ${name} out of the split, or take its files away`,
      });
    }
    const spec = { ...sourceSpecOf(files, data, data.joins), textColumns: textColumns(features) };
    sources[name] = await resolver.resolve(spec);
  }
  return sources;
}

/** Files that tables of derived columns are read from. */
async function tablesOf(
  { connection, scratch }: Session,
  { derived = [] }: DataConfig,
  cacheDir: string,
): Promise<LocalSource[]> {
  const resolver = new SourceResolver(connection, { scratch, cacheDir });
  const files = derived.flatMap((each) => (each.kind === "lookup" ? (each.file ?? []) : []));
  return Promise.all(files.map((file) => resolver.resolve(sourceSpecOf(file, {}))));
}

/** Sources of the rows that counts over the past go on from; none where a map has no counts. */
async function earlierSources(
  { connection, scratch }: Session,
  map: FeatureMap,
  history: readonly SourceSpec[],
  encoded: readonly LocalSource[],
  cacheDir: string,
  wanted = columnsOfMap(map, []),
): Promise<LocalSource[]> {
  if (!(map.derived?.some(({ kind }) => kind === "count") ?? false)) return [];
  const resolver = new SourceResolver(connection, { scratch, cacheDir, wanted });
  const own = new Set(encoded.flatMap(({ spec }) => spec.files.map((file) => resolve(file))));
  const found: LocalSource[] = [];
  for (const spec of history) {
    const before = await resolver.resolve(spec);
    // A file that is encoded itself is not its own past.
    const files = before.spec.files.filter((file) => !own.has(resolve(file)));
    if (files.length > 0) found.push({ ...before, spec: { ...before.spec, files } });
  }
  return found;
}

/** Lets counts see the rows of earlier sources. */
async function readPast(
  session: Session,
  map: FeatureMap,
  earlier: readonly LocalSource[],
  past: PastRows,
): Promise<void> {
  for (const local of earlier) {
    const source = await withDerived(session, await openUntyped(session, local), map, past);
    await source.close();
  }
}

function withJoins(local: LocalSource): LocalSource[] {
  return [local, ...local.joins];
}

/**
 * In delimited text a value is what is written: a feature of type `string` keeps `1.0` as it stands.
 * Elsewhere values have types, and the encoder brings them into the feature's.
 */
function textColumns(features: readonly FeatureConfig[]): string[] {
  return features
    .filter(({ kind, type }) => kind === "categorical" && type === "string")
    .map((feature) => columnOf(feature));
}

function openUntyped({ connection, scratch }: Session, local: LocalSource): Promise<RawSource> {
  return openLocal(connection, local, { untyped: true, scratch });
}

/** The source with the derived columns of a map; it is closed when that fails. */
async function withDerived(
  { connection, scratch }: Session,
  source: RawSource,
  { derived = [] }: FeatureMap,
  past: PastRows,
): Promise<RawSource> {
  try {
    return await addDerivedColumns(connection, source, derived, { scratch, past });
  } catch (error) {
    await source.close();
    throw error;
  }
}

interface EncodeDatasetOptions {
  readonly output: string;
  readonly hash: string;
  readonly onProgress: (progress: DataProgress) => void;
  readonly known: FeatureMap | undefined;
  readonly grow: GrowthRule | undefined;
  readonly earlier: readonly LocalSource[];
  readonly cacheDir: string;
}

async function encodeDataset(
  session: Session,
  config: DataConfig,
  sources: SplitSources,
  { output, hash, onProgress, known, grow, earlier, cacheDir }: EncodeDatasetOptions,
): Promise<{ report: EncodingReport; map: FeatureMap }> {
  const { split, shuffleMemory, onBadRow } = config.data;
  const made = split === undefined || split.by === "files" ? undefined : split;
  const stored: { [name in SplitName]?: StoredSplit } = {};
  const notes: SourceNote[] = [];
  const files: { [split: string]: readonly string[] } = {};
  const past: PastRows = new Map();
  if (known !== undefined) await readPast(session, known, earlier, past);
  const encode = async (
    name: SplitName,
    work: (source: RawSource) => Promise<Map<string, StoredSplit>>,
  ): Promise<void> => {
    onProgress({ stage: "read", split: name, done: 0, total: 1 });
    const source = await openUntyped(session, sources[name]!);
    notes.push(...source.notes);
    files[name] = source.files;
    try {
      for (const [each, result] of await work(source)) {
        if (result.rows === 0) throw emptySplit(each, source.files, result.dropped);
        stored[each as SplitName] = result;
      }
    } finally {
      await source.close();
    }
  };
  const onRows = (stage: "read" | "encode", name: SplitName, total: number) => (done: number) =>
    onProgress({ stage, split: name, done, total });
  let fitted: FittedMap | undefined;
  await encode("train", async (raw) => {
    const { source, derived } = await deriveTraining(session, config, raw, { known, past, cacheDir });
    const unit = known?.timestampUnit ?? (await timeUnit(session, config, made, source));
    const needs =
      known === undefined
        ? needsOfConfig(config, config.timestamp === undefined ? undefined : unit)
        : needsOfMap(known, config.data.keep);
    const longTexts = await longTextsOf(session, source);
    const lanes = planLanes(source, needs, { labels: true, roles: true }, longTexts);
    const splitLane = made === undefined ? undefined : planSplit(lanes.plan, made, config.timestamp, unit);
    const spooled = await readSource(session.connection, source, lanes.plan.lanes, {
      ...spoolOptions(session),
      onRows: onRows("read", "train", source.rows),
    });
    const names = made === undefined ? (["train"] as const) : madeSplits(made);
    const membership =
      made === undefined ? new Uint8Array(spooled.rows) : assignSplits(spooled, made, splitLane, unit);
    const dropped = await dropUnusable(spooled, needs, lanes, membership, onBadRow);
    if (!membership.includes(0)) throw emptySplit("train", source.files, dropped.get(0) ?? 0);
    const onFit = (done: number, total: number): void => onProgress({ stage: "fit", done, total });
    fitted =
      known === undefined
        ? fitFeatureMap(config, spooled, needs, lanes, membership, derived, onFit)
        : growFeatureMap(known, spooled, lanes, membership, grow);
    // After fitting: what encoders know does not depend on it.
    sampleNegatives(spooled, needs.labels, lanes, membership);
    const encoded = await encodeSplits(session, spooled, {
      map: fitted.map,
      lanes,
      idsOf: fitted.idsOf,
      membership,
      names: new Map(names.map((each) => [SPLIT_NAMES.indexOf(each), each])),
      dropped,
      directory: output,
      onRows: onRows("encode", "train", spooled.rows),
    });
    spooled.spool.close();
    return encoded;
  });
  const { map, encoders } = fitted!;
  for (const name of ["valid", "test"] as const) {
    if (sources[name] === undefined) continue;
    await encode(name, async (raw) => {
      const source = await addDerivedColumns(session.connection, raw, map.derived ?? [], {
        scratch: session.scratch,
        past,
      });
      return encodeWithMap(session, source, map, {
        name,
        keep: config.data.keep,
        required: true,
        onBadRow,
        directory: output,
        onRows: (stage, done) => onProgress({ stage, split: name, done, total: source.rows }),
      });
    });
  }
  const rowBytes = stored.train!.rowBytes;
  const report: EncodingReport = {
    version: FORMAT_VERSION,
    fingerprint: hash,
    files: Object.fromEntries(
      SPLIT_NAMES.filter((name) => stored[name] !== undefined).map((name) => [
        name,
        files[name] ?? files.train,
      ]),
    ),
    encoders,
    splits: stored,
    notes,
    blockRows: BLOCK_ROWS,
    windowRows: Math.max(BLOCK_ROWS, Math.floor((shuffleMemory * 2 ** 20) / rowBytes)),
  };
  writeFeatureMap(join(output, "feature-map.json"), map);
  writeJsonAtomic(join(output, "encoding.json"), report);
  return { report, map };
}

/** The training source with its derived columns: those of a map that is known, else fitted to it. */
async function deriveTraining(
  { connection, scratch }: Session,
  { derived = [], timestamp, timestampUnit }: DataConfig,
  source: RawSource,
  { known, past, cacheDir }: { known: FeatureMap | undefined; past: PastRows; cacheDir: string },
): Promise<DerivedSource> {
  const options = { scratch, past };
  if (known === undefined) {
    return fitDerived(connection, source, derived, { ...options, timestamp, timestampUnit, cacheDir });
  }
  const columns = known.derived ?? [];
  return { source: await addDerivedColumns(connection, source, columns, options), derived: columns };
}

/** Indented for people, unless nobody would read it. */
function writeFeatureMap(path: string, map: FeatureMap): void {
  const sizes = Object.values(map.encoders).map(({ size }) => size);
  const indent = sizes.reduce((sum, size) => sum + size, 0) <= 100_000 ? 2 : undefined;
  // The folder has no name yet: nobody can see half a file.
  writeFileSync(path, `${JSON.stringify(map, null, indent)}\n`);
}

/** MiB of lanes kept in memory between passes; the rest goes to a file. */
const SPOOL_MEMORY = 384;

function spoolOptions(session: Session): { path: string; memory: number } {
  return { path: join(session.scratch, `${randomUUID()}.spool`), memory: SPOOL_MEMORY * 2 ** 20 };
}

async function timeUnit(
  session: Session,
  { timestamp, timestampUnit }: DataConfig,
  split: MadeSplit | undefined,
  source: RawSource,
): Promise<TimestampUnit> {
  if (timestampUnit !== undefined) return timestampUnit;
  const column = timestamp ?? (split?.by === "time" ? splitTimeColumn(split, timestamp) : undefined);
  const type = source.columns.find(({ name }) => name === column)?.type;
  // A column that is not there is an error soon.
  if (column === undefined || type === undefined) return "s";
  return guessTimeUnit(session.connection, source.sql, column, type);
}

/** A broken file has no first rows to look at; reading it says what is wrong. */
async function longTextsOf(
  { connection }: Session,
  source: RawSource,
): Promise<ReadonlySet<string> | undefined> {
  try {
    return await findLongTexts(connection, source);
  } catch {
    return undefined;
  }
}

/** Encodes all rows of a source with a map that is already fitted, as one split. */
async function encodeWithMap(
  session: Session,
  source: RawSource,
  map: FeatureMap,
  options: {
    readonly name: string;
    readonly keep: readonly string[];
    /** Whether labels must be there; other roles are required with `roles`. */
    readonly required: boolean;
    readonly roles?: boolean;
    readonly onBadRow: "fail" | "drop";
    readonly directory: string;
    readonly onRows: (stage: "read" | "encode", rows: number) => void;
  },
): Promise<Map<string, StoredSplit>> {
  const { name, keep, required, roles = required, onBadRow, directory, onRows } = options;
  const needs = needsOfMap(map, keep);
  const lanes = planLanes(source, needs, { labels: required, roles }, await longTextsOf(session, source));
  const spooled = await readSource(session.connection, source, lanes.plan.lanes, {
    ...spoolOptions(session),
    onRows: (rows) => onRows("read", rows),
  });
  const membership = new Uint8Array(spooled.rows);
  const dropped = await dropUnusable(spooled, needs, lanes, membership, onBadRow);
  const ids = new Map<string, Int32Array>();
  const idsOf: KeyIds = (encoder, table) => {
    const key = `${encoder} ${spooled.lanes.findIndex((lane) => "table" in lane && lane.table === table)}`;
    const known = ids.get(key) ?? idsOfKeys(table, map.encoders[encoder]);
    ids.set(key, known);
    return known;
  };
  const encoded = await encodeSplits(session, spooled, {
    map,
    lanes,
    idsOf,
    membership,
    names: new Map([[0, name]]),
    dropped,
    directory,
    onRows: (rows) => onRows("encode", rows),
  });
  spooled.spool.close();
  return encoded;
}

function emptySplit(name: string, files: readonly string[], dropped: number): DataError {
  const left = dropped > 0 ? ` (${dropped} rows were left out)` : "";
  return new DataError(`the ${name} split has no rows${left}`, {
    details: { split: name, files, dropped },
    hint: "change data.split, or name files with rows",
  });
}
