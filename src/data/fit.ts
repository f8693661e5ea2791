/**
 * Fitting the feature map: vocabularies, moments, quantiles and list lengths, from rows of the training
 * split and nothing else.
 */
import { DataError } from "../core/index.ts";
import {
  type DerivedColumn,
  DOMAIN_ENCODER,
  type Feature,
  type FeatureMap,
  FIRST_VALUE_ID,
  type IdEncoder,
  type Label,
  type NumeralFeature,
  numeralShape,
  type NumeralScale,
  type NumericTransform,
  OUT_OF_VOCABULARY_ID,
  type TimestampUnit,
  transformNumber,
  type ValueType,
} from "../schema/index.ts";
import type { BatchLanes, BatchNeeds, FeatureNeed } from "./batch-needs.ts";
import type { DataConfig, FeatureConfig } from "./config.ts";
import type { KeyIds } from "./encode-columns.ts";
import type { KeyTable, KeyType } from "./key-table.ts";
import type { KeyLane, NumberShape } from "./lanes.ts";
import { fitMoments } from "./moments.ts";
import type { SpooledSource } from "./read-source.ts";
import { positiveTexts } from "./label-sql.ts";
import { selectRanks } from "./select-ranks.ts";
import type { Membership } from "./split.ts";
import { textType } from "./text-type.ts";
import { type CountedKeys, fitVocabulary, idsOfKeys } from "./vocabulary.ts";

/** What fitting an encoder met, for the encoding report. */
export interface EncoderReport {
  readonly type: "list" | "hash";
  /** Ids, the reserved ones included. */
  readonly size: number;
  /** Distinct values in the training split; absent for hashed ones. */
  readonly distinct?: number;
  /** Values below `min_count`, left out. */
  readonly rare?: number;
  /** Values beyond `max_size`, left out. */
  readonly overflow?: number;
  /** Values that an earlier vocabulary did not have, put behind its own. */
  readonly added?: number;
}

export interface FittedMap {
  readonly map: FeatureMap;
  /** Ids of the keys of the source that was fitted on. */
  readonly idsOf: KeyIds;
  readonly encoders: { readonly [encoder: string]: EncoderReport };
}

/** Longest list kept when the config does not say. */
const DEFAULT_LONGEST = 50;

export function columnOf({
  name,
  column = name,
}: {
  readonly name: string;
  readonly column?: string;
}): string {
  return column;
}

/** What the features of a config need of raw data, as far as that is known before fitting. */
export function needsOfConfig(config: DataConfig, timestampUnit: TimestampUnit | undefined): BatchNeeds {
  const { features, weight, group, domain, timestamp, data } = config;
  return {
    features: features.map((feature) => needOf(feature, features)),
    labels: labelsOf(config),
    weight,
    group,
    domain,
    timestamp,
    timestampUnit,
    keep: data.keep,
  };
}

function needOf(feature: FeatureConfig, features: readonly FeatureConfig[]): FeatureNeed {
  const { name, separator, target = name, alignedWith, timesColumn, dim = 0 } = feature;
  const column = columnOf(feature);
  switch (feature.kind) {
    case "categorical":
      return { kind: "key", name, column, encoder: name };
    case "numeric":
      return { kind: "number", name, column, shape: shapeOf(feature) };
    case "dense":
      return { kind: "vector", name, column, separator, dim };
    case "bag":
    case "sequence": {
      const aligned = features.find((other) => other.name === alignedWith);
      const maxLength = feature.maxLength ?? aligned?.maxLength ?? DEFAULT_LONGEST;
      return { kind: "list", name, column, encoder: target, separator, maxLength, timesColumn };
    }
  }
}

function shapeOf({ clip, transform }: FeatureConfig): NumberShape {
  if (transform === "buckets" || transform === "numerals") return { clip: undefined, log: false };
  return { clip, log: transform === "log" || transform === "log_standard" };
}

/** Labels as the feature map has them. */
export function labelsOf({ labels }: DataConfig): Label[] {
  return labels.map(({ name, column = name, threshold, positive, kind, ...weights }) => {
    const { positiveWeight, negativeRate, exposureWeight } = weights;
    return {
      name,
      column,
      threshold,
      positive: positive === undefined ? undefined : positiveTexts(positive),
      kind,
      ...(positiveWeight === 1 ? {} : { positiveWeight }),
      ...(negativeRate === 1 ? {} : { negativeRate }),
      ...(exposureWeight === undefined ? {} : { exposureWeight }),
    };
  });
}

/** Fits the map of a config on the rows of a source whose membership is 0. */
export function fitFeatureMap(
  config: DataConfig,
  spooled: SpooledSource,
  needs: BatchNeeds,
  lanes: BatchLanes,
  membership: Membership,
  derived: readonly DerivedColumn[],
  onProgress: (done: number, total: number) => void = () => {},
): FittedMap {
  const train = new TrainingRows(spooled, membership);
  const encoders: Record<string, IdEncoder> = {};
  const reports: Record<string, EncoderReport> = {};
  const ids = new Map<string, ReadonlyMap<KeyTable, Int32Array>>();
  const owners = encoderOwners(config);
  let done = 0;
  for (const [name, users] of owners) {
    const counted = users.map((user) => {
      const lane = user.name === DOMAIN_ENCODER ? lanes.domain! : lanes.features.get(user.name)!.lane;
      return train.countKeys(lane);
    });
    const fitted = fitEncoder(users[0], counted, spooled.source.untyped === true);
    encoders[name] = fitted.encoder;
    reports[name] = fitted.report;
    ids.set(name, fitted.ids);
    onProgress(++done, owners.size);
  }
  const features = config.features.map((feature) => {
    const { lane } = lanes.features.get(feature.name)!;
    return fitFeature(feature, lane, train);
  });
  const { labels, weight, group, domain, timestamp, timestampUnit } = needs;
  const map: FeatureMap = {
    version: 1,
    ...(derived.length > 0 && { derived }),
    features,
    encoders,
    labels,
    weight,
    group,
    domain,
    timestamp,
    timestampUnit,
  };
  return { map, encoders: reports, idsOf: (encoder, table) => ids.get(encoder)!.get(table)! };
}

/** The lanes of the rows that train. */
export class TrainingRows {
  readonly #spooled: SpooledSource;
  readonly #membership: Membership;
  /** Whether all rows train. */
  readonly #all: boolean;

  constructor(spooled: SpooledSource, membership: Membership) {
    this.#spooled = spooled;
    this.#membership = membership;
    this.#all = membership.every((split) => split === 0);
  }

  /** Numbers of a lane, block by block. */
  *numbers(lane: number): Generator<Float64Array> {
    const { spool } = this.#spooled;
    let start = 0;
    for (let block = 0; block < spool.blocks; block++) {
      const values = spool.read(block, lane).values as Float64Array;
      const of = this.#membership.subarray(start, start + values.length);
      start += values.length;
      yield this.#all ? values : values.filter((_, row) => of[row] === 0);
    }
  }

  countKeys(lane: number): CountedKeys {
    const { spool, lanes } = this.#spooled;
    const { table } = lanes[lane] as KeyLane;
    const counts = new Uint32Array(table.size);
    let start = 0;
    for (let block = 0; block < spool.blocks; block++) {
      const { values, lengths } = spool.read(block, lane);
      const rows = spool.rowsOf(block);
      if (this.#all) {
        for (let entry = 0; entry < values.length; entry++) if (values[entry] >= 0) counts[values[entry]]++;
        continue;
      }
      let entry = 0;
      for (let row = 0; row < rows; row++) {
        const end = entry + (lengths === undefined ? 1 : lengths[row]);
        const trains = this.#membership[start + row] === 0;
        for (; entry < end; entry++) if (trains && values[entry] >= 0) counts[values[entry]]++;
      }
      start += rows;
    }
    return { table, counts };
  }

  longestList(lane: number): number {
    const { spool } = this.#spooled;
    let longest = 0;
    let start = 0;
    for (let block = 0; block < spool.blocks; block++) {
      const { lengths } = spool.read(block, lane);
      for (let row = 0; row < lengths!.length; row++) {
        if (this.#membership[start + row] === 0) longest = Math.max(longest, lengths![row]);
      }
      start += lengths!.length;
    }
    return longest;
  }
}

/**
 * Encoders by name with the features that read them, owner first. A history and its candidate share
 * the candidate's encoder, which is fitted on the values of both: an item that was only ever seen in
 * histories has a row of its own.
 */
function encoderOwners(config: DataConfig): Map<string, FeatureConfig[]> {
  const owners = new Map<string, FeatureConfig[]>();
  const withIds = config.features.filter(({ kind }) => kind !== "numeric" && kind !== "dense");
  for (const feature of withIds) if (feature.target === undefined) owners.set(feature.name, [feature]);
  for (const feature of withIds) if (feature.target !== undefined) owners.get(feature.target)!.push(feature);
  if (config.domain !== undefined) owners.set(DOMAIN_ENCODER, [domainFeature(config.domain)]);
  return owners;
}

/** The domain is encoded as a categorical feature of its column would be. */
function domainFeature(column: string): FeatureConfig {
  return {
    name: DOMAIN_ENCODER,
    kind: "categorical",
    column,
    minCount: 1,
    trim: false,
    transform: "raw",
    buckets: 2,
    bases: [2, 3],
    bits: 12,
    scale: "quantiles",
    combine: "sum",
    fill: "mean",
    pooling: "mean",
  };
}

const NATURAL_TYPES: Readonly<Record<KeyType, ValueType>> = {
  VARCHAR: "string",
  BIGINT: "int64",
  DOUBLE: "float64",
  BOOLEAN: "boolean",
};

/** @throws DataError for values that are all texts, where the config says that they are numbers */
function fitEncoder(
  feature: FeatureConfig,
  counted: readonly CountedKeys[],
  untyped: boolean,
): { encoder: IdEncoder; report: EncoderReport; ids: ReadonlyMap<KeyTable, Int32Array> } {
  const { type, trim, hashBuckets, minCount, maxSize } = feature;
  const [{ table }] = counted;
  const natural = untyped && table.type === "VARCHAR" ? textType(table) : NATURAL_TYPES[table.type];
  const form = { valueType: type ?? natural, trim };
  if (hashBuckets !== undefined) {
    const size = FIRST_VALUE_ID + hashBuckets;
    const encoder: IdEncoder = { ...form, vocabulary: { type: "hash", buckets: hashBuckets, seed: 0 }, size };
    const ids = new Map(counted.map(({ table }) => [table, idsOfKeys(table, encoder)]));
    return { encoder, report: { type: "hash", size }, ids };
  }
  const { values, ids, ...counts } = fitVocabulary(counted, { ...form, minCount, maxSize });
  if (counts.distinct === 0) checkNumbers(feature, counted, ids);
  const size = FIRST_VALUE_ID + values.length;
  const encoder: IdEncoder = { ...form, vocabulary: { type: "list", values, minCount }, size };
  return { encoder, report: { type: "list", size, ...counts }, ids };
}

/** Of a column of numbers texts are out of vocabulary; where all are, the feature would say nothing. */
function checkNumbers(
  feature: FeatureConfig,
  counted: readonly CountedKeys[],
  ids: ReadonlyMap<KeyTable, Int32Array>,
): void {
  for (const { table, counts } of counted) {
    const code = counts.findIndex((count, k) => count > 0 && ids.get(table)![k] === OUT_OF_VOCABULARY_ID);
    if (code < 0) continue;
    const [column, received] = [columnOf(feature), table.raw(code)];
    throw new DataError(
      `column ${column}: the type of ${feature.name} is ${feature.type}, and none of its values is a number, such as ${JSON.stringify(received)}`,
      {
        details: { column, expected: feature.type, received },
        hint: "set its type to string, or leave it out",
      },
    );
  }
}

function fitFeature(feature: FeatureConfig, lane: number, train: TrainingRows): Feature {
  const { name, separator, target, alignedWith, timesColumn, pooling, dim = 0 } = feature;
  const column = columnOf(feature);
  switch (feature.kind) {
    case "categorical":
      return { kind: "categorical", name, column, encoder: name };
    case "dense":
      return { kind: "dense", name, column, dim, separator };
    case "numeric":
      if (feature.transform === "buckets") {
        const boundaries = fitBoundaries(() => train.numbers(lane), feature.buckets);
        return { kind: "bucket", name, column, boundaries, size: FIRST_VALUE_ID + boundaries.length + 1 };
      }
      if (feature.transform === "numerals") return fitNumerals(feature, () => train.numbers(lane));
      return { kind: "numeric", name, column, transform: fitTransform(feature, () => train.numbers(lane)) };
    case "bag":
    case "sequence": {
      const longest = feature.maxLength ?? Math.max(train.longestList(lane), 1);
      const list = { name, column, encoder: target ?? name, separator, maxLength: longest };
      return feature.kind === "bag"
        ? { kind: "bag", ...list, pooling }
        : { kind: "sequence", ...list, target, alignedWith, timesColumn };
    }
  }
}

/** Integers by the feature's scale, then the places that their digits need. */
function fitNumerals(feature: FeatureConfig, pass: () => Iterable<Float64Array>): NumeralFeature {
  const { name, bases, combine } = feature;
  const scale = fitScale(feature, pass);
  const { places, size } = numeralShape(bases, scale.largest);
  return { kind: "numeral", name, column: columnOf(feature), scale, bases, places, combine, size };
}

function fitScale({ scale, bits, clip }: FeatureConfig, pass: () => Iterable<Float64Array>): NumeralScale {
  const largest = 2 ** bits - 1;
  if (scale === "integer") {
    const [lowest, highest] = clip ?? [0, largest];
    const first = Math.floor(lowest);
    return {
      kind: "integer",
      lowest: first,
      largest: clip === undefined ? largest : Math.floor(highest) - first,
    };
  }
  if (scale === "quantiles") {
    const cuts = fitBoundaries(pass, largest + 1);
    return { kind: "cuts", cuts, largest: cuts.length };
  }
  const [lowest, highest] = clip ?? extremesOf(pass);
  if (scale === "linear") return { kind: "linear", lowest, highest, largest };
  // Steps of equal size in sign(x)·ln(1 + |x|), as cuts of the raw number: no logarithm when rows are encoded.
  const [from, to] = [lowest, highest].map((x) => Math.sign(x) * Math.log1p(Math.abs(x)));
  const cuts = Array.from({ length: largest }, (_, k) => {
    const at = from + ((to - from) * (k + 1)) / (largest + 1);
    return Math.sign(at) * Math.expm1(Math.abs(at));
  });
  return { kind: "cuts", cuts: [...new Set(cuts)], largest: new Set(cuts).size };
}

/** Smallest and largest finite number; of none 0 and 0. */
function extremesOf(pass: () => Iterable<Float64Array>): [number, number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of pass()) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
  }
  return lowest <= highest ? [lowest, highest] : [0, 0];
}

function fitTransform(feature: FeatureConfig, pass: () => Iterable<Float64Array>): NumericTransform {
  const { count, mean, variance } = fitMoments(pass);
  if (!Number.isFinite(mean) || !Number.isFinite(variance)) {
    throw new DataError(`column ${columnOf(feature)}: its numbers are too large to be averaged`, {
      details: { column: columnOf(feature), expected: "magnitudes below 1e150" },
      hint: "set clip, or transform: log",
    });
  }
  const standard = feature.transform === "standard" || feature.transform === "log_standard";
  // A constant column stays at 0 instead of being divided by its rounding error.
  const spread = count > 0 && Math.sqrt(variance) > 1e-9 * Math.abs(mean) ? Math.sqrt(variance) : 0;
  const transform = {
    ...shapeOf(feature),
    mean: standard ? mean : 0,
    scale: standard && spread > 0 ? 1 / spread : 1,
    fill: 0,
  };
  const fill = fillValue(feature, transform, standard ? 0 : mean);
  if (!Number.isFinite(fill)) {
    throw new DataError(`column ${columnOf(feature)}: its mean, which fills gaps, is beyond float32`, {
      details: { column: columnOf(feature), expected: "a mean below 3.4e38", received: mean },
      hint: "set clip, or transform: log or standard",
    });
  }
  return { ...transform, fill };
}

function fillValue({ fill }: FeatureConfig, transform: NumericTransform, mean: number): number {
  if (fill === "mean") return mean;
  return fill === "zero" ? 0 : transformNumber(fill, transform);
}

/**
 * Cuts at the quantiles 1/n … (n-1)/n: the smallest value with at least that share of values at or
 * below it. Equal cuts are one, and none is the minimum, so that every bucket has training rows.
 */
function fitBoundaries(pass: () => Iterable<Float64Array>, buckets: number): number[] {
  let count = 0;
  for (const values of pass()) for (const value of values) if (Number.isFinite(value)) count++;
  if (count === 0) return [];
  const ranks = Array.from({ length: buckets - 1 }, (_, k) => Math.ceil(((k + 1) * count) / buckets) - 1);
  const [smallest, ...cuts] = selectRanks(pass, [0, ...ranks]);
  return [...new Set(cuts)].filter((cut) => cut > smallest);
}
