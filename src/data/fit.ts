/**
 * Fitting the feature map: vocabularies, moments, quantiles and list lengths, from rows of the training
 * split and nothing else.
 */
import { ConfigError, DataError, nearestName } from "../core/index.ts";
import {
  type CanonicalForm,
  type DenseFeature,
  DOMAIN_ENCODER,
  type Feature,
  type FeatureMap,
  FIRST_VALUE_ID,
  type IdEncoder,
  type Label,
  type NumericTransform,
  type TimestampUnit,
  transformNumber,
  type ValueType,
} from "../schema/index.ts";
import type { DataConfig, FeatureConfig } from "./config.ts";
import { fitBoundaries, fitMoments } from "./fit-numbers.ts";
import { numberSql, timeSql, unscaledSql } from "./number-sql.ts";
import { type KeyType, keyCast } from "./raw-key.ts";
import { keyList, rawList } from "./raw-list.ts";
import { positiveTexts } from "./row-quality.ts";
import type { Session } from "./session.ts";
import { queryRow, sqlName } from "./source-sql.ts";
import { type StagedTable, stagedRows } from "./stage.ts";
import { fitVocabulary, type KeyColumn } from "./vocabulary.ts";

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
}

export interface FittedMap {
  readonly map: FeatureMap;
  /** DuckDB table `(text, id)` of each list vocabulary, by encoder. */
  readonly vocabularies: ReadonlyMap<string, string>;
  readonly encoders: { readonly [encoder: string]: EncoderReport };
}

type Progress = (done: number, total: number) => void;
type ListConfig = FeatureConfig & { readonly kind: "bag" | "sequence" };

const DEFAULT_LONGEST = 50;

/** Fits the map of a config on the rows of `staged` that meet `condition`. */
export async function fitFeatureMap(
  session: Session,
  config: DataConfig,
  staged: StagedTable,
  condition: string | undefined,
  onProgress: Progress = () => {},
): Promise<FittedMap> {
  checkFeatures(config);
  const timestampUnit =
    config.timestamp === undefined
      ? undefined
      : (config.timestampUnit ?? (await guessUnit(session, staged, config.timestamp, condition)));
  const features = new Map<string, Feature>();
  for (const feature of denseFeatures(config)) features.set(feature.name, feature);
  await fitNumbers(session, config.features, staged, condition, features);
  const encoders: Record<string, IdEncoder> = {};
  const reports: Record<string, EncoderReport> = {};
  const vocabularies = new Map<string, string>();
  const owners = encoderOwners(config);
  let done = 0;
  for (const [name, users] of owners) {
    const table = `vocabulary_${done}`;
    const owner = users[0];
    const columns = users.map((user) => keyColumn(user, staged, condition));
    const form: CanonicalForm = { valueType: owner.type ?? naturalType(columns[0].type), trim: owner.trim };
    if (owner.hashBuckets !== undefined) {
      encoders[name] = {
        ...form,
        vocabulary: { type: "hash", buckets: owner.hashBuckets, seed: 0 },
        size: FIRST_VALUE_ID + owner.hashBuckets,
      };
      reports[name] = { type: "hash", size: encoders[name].size };
    } else {
      const { minCount, maxSize } = owner;
      const { values, ...counts } = await fitVocabulary(session, table, columns, form, { minCount, maxSize });
      encoders[name] = {
        ...form,
        vocabulary: { type: "list", values, minCount },
        size: FIRST_VALUE_ID + values.length,
      };
      vocabularies.set(name, table);
      reports[name] = { type: "list", size: encoders[name].size, ...counts };
    }
    onProgress(++done, owners.size);
  }
  for (const feature of config.features) {
    if (feature.kind === "categorical") {
      const { name } = feature;
      features.set(name, { kind: "categorical", name, column: columnOf(feature), encoder: name });
    } else if (feature.kind === "bag" || feature.kind === "sequence") {
      features.set(feature.name, await fitList(session, feature as ListConfig, config, staged, condition));
    }
  }
  const map: FeatureMap = {
    version: 1,
    features: config.features.map(({ name }) => features.get(name)!),
    encoders,
    labels: labelsOf(config),
    weight: config.weight,
    group: config.group,
    domain: config.domain,
    timestamp: config.timestamp,
    timestampUnit,
  };
  return { map, vocabularies, encoders: reports };
}

/** Labels as the feature map has them. */
export function labelsOf({ labels }: DataConfig): Label[] {
  return labels.map(({ name, column = name, threshold, positive, kind }) => ({
    name,
    column,
    threshold,
    positive: positive === undefined ? undefined : positiveTexts(positive),
    kind,
  }));
}

/** Dense features need no fitting. */
export function denseFeatures({ features }: DataConfig): DenseFeature[] {
  return features
    .filter(({ kind }) => kind === "dense")
    .map((feature) => {
      const { name, dim = 0, separator } = feature;
      return { kind: "dense", name, column: columnOf(feature), dim, separator };
    });
}

export function columnOf({
  name,
  column = name,
}: {
  readonly name: string;
  readonly column?: string;
}): string {
  return column;
}

/** Mistakes that need no data: names used twice, targets that are no categorical feature. */
export function checkFeatures(config: DataConfig): void {
  const seen = new Set<string>();
  const taken = [...config.features, ...config.labels, ...config.data.keep.map((name) => ({ name }))];
  for (const { name } of taken) {
    if (seen.has(name) || name.startsWith("@")) {
      const message = seen.has(name) ? "stands twice" : "starts with @, as only role columns do";
      throw new ConfigError(`config: the name ${name} ${message}`, {
        details: { key: "features", received: name },
        hint: "features, labels and kept columns need names of their own",
      });
    }
    seen.add(name);
  }
  const categorical = config.features.filter(({ kind }) => kind === "categorical").map(({ name }) => name);
  const sequences = config.features.filter(({ kind }) => kind === "sequence").map(({ name }) => name);
  for (const { name, kind, target, alignedWith, timesColumn, dim } of config.features) {
    if (target !== undefined) mustBe(name, "target", target, categorical, "a categorical feature");
    if (alignedWith !== undefined) mustBe(name, "aligned_with", alignedWith, sequences, "a sequence");
    if (timesColumn !== undefined && config.timestamp === undefined) {
      throw new ConfigError(
        `config: feature ${name} has times_column, and no timestamp says what time a row has`,
        {
          details: { key: "timestamp" },
          hint: "set timestamp to the column of the rows' times",
        },
      );
    }
    if (kind === "dense" && dim === undefined) {
      throw new ConfigError(`config: the dense feature ${name} needs dim, the length of its vectors`, {
        details: { key: "dim" },
      });
    }
  }
}

function mustBe(
  feature: string,
  key: string,
  received: string,
  known: readonly string[],
  what: string,
): void {
  if (known.includes(received)) return;
  const near = nearestName(received, known);
  throw new ConfigError(`config: ${key} of feature ${feature} is ${received}, expected ${what}`, {
    details: { key, expected: known, received },
    hint: near === undefined ? `there are: ${known.join(", ") || "none"}` : `did you mean ${near}?`,
  });
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
  if (config.domain !== undefined) {
    owners.set(DOMAIN_ENCODER, [
      {
        name: DOMAIN_ENCODER,
        kind: "categorical",
        column: config.domain,
        minCount: 1,
        trim: false,
        transform: "raw",
        buckets: 2,
        fill: "mean",
        pooling: "mean",
      },
    ]);
  }
  return owners;
}

function keyColumn(feature: FeatureConfig, staged: StagedTable, condition: string | undefined): KeyColumn {
  const column = columnOf(feature);
  const type = staged.types.get(column)!;
  const rows = stagedRows(staged, [column], condition);
  if (feature.kind === "categorical") {
    const cast = keyCast(type, column);
    return { type: cast.type, sql: `SELECT ${cast.sql(sqlName(column))} AS raw FROM ${rows}` };
  }
  const { sql, cast } = keyList(rawList(sqlName(column), type, column, feature.separator), column);
  return { type: cast.type, sql: `SELECT unnest(${sql}) AS raw FROM ${rows}` };
}

function naturalType(key: KeyType): ValueType {
  const types = { VARCHAR: "string", BIGINT: "int64", DOUBLE: "float64", BOOLEAN: "boolean" } as const;
  return types[key];
}

async function fitNumbers(
  session: Session,
  features: readonly FeatureConfig[],
  staged: StagedTable,
  condition: string | undefined,
  fitted: Map<string, Feature>,
): Promise<void> {
  const numbers = features.filter(({ kind }) => kind === "numeric");
  const rows = stagedRows(staged, numbers.map(columnOf), condition);
  const sqlOf = (feature: FeatureConfig): string => {
    const column = columnOf(feature);
    return `(${numberSql(sqlName(column), staged.types.get(column)!, column)})`;
  };
  const scalars = numbers.filter(({ transform }) => transform !== "buckets");
  const shapes = scalars.map(({ clip, transform }) => ({
    clip,
    log: transform === "log" || transform === "log_standard",
  }));
  const values = scalars.map((feature, k) => unscaledSql(sqlOf(feature), shapes[k]));
  const moments = await fitMoments(session.connection, rows, values);
  for (const [k, feature] of scalars.entries()) {
    const { count, mean, variance } = moments[k];
    if (!Number.isFinite(variance)) {
      throw new DataError(`column ${columnOf(feature)}: its numbers are too large to be averaged`, {
        details: { column: columnOf(feature), expected: "magnitudes below 1e150" },
        hint: "set clip, or transform: log",
      });
    }
    const standard = feature.transform === "standard" || feature.transform === "log_standard";
    // A constant column stays at 0 instead of being divided by its rounding error.
    const spread = count > 0 && Math.sqrt(variance) > 1e-9 * Math.abs(mean) ? Math.sqrt(variance) : 0;
    const transform = {
      ...shapes[k],
      mean: standard ? mean : 0,
      scale: standard && spread > 0 ? 1 / spread : 1,
    };
    const fill = fillValue(feature, transform, standard ? 0 : mean);
    const { name } = feature;
    fitted.set(name, { kind: "numeric", name, column: columnOf(feature), transform: { ...transform, fill } });
  }
  for (const feature of numbers) {
    if (feature.transform !== "buckets") continue;
    const { name } = feature;
    const boundaries = await fitBoundaries(session.connection, rows, sqlOf(feature), feature.buckets);
    const size = FIRST_VALUE_ID + boundaries.length + 1;
    fitted.set(name, { kind: "bucket", name, column: columnOf(feature), boundaries, size });
  }
}

function fillValue({ fill }: FeatureConfig, transform: Omit<NumericTransform, "fill">, mean: number): number {
  if (fill === "mean") return mean;
  if (fill === "zero") return 0;
  return transformNumber(fill, { ...transform, fill: 0 });
}

async function fitList(
  session: Session,
  feature: ListConfig,
  config: DataConfig,
  staged: StagedTable,
  condition: string | undefined,
): Promise<Feature> {
  const { name, kind, separator, target, alignedWith, timesColumn, pooling } = feature;
  const column = columnOf(feature);
  let { maxLength } = feature;
  maxLength ??= config.features.find((other) => other.name === alignedWith)?.maxLength;
  if (maxLength === undefined) {
    const list = rawList(sqlName(column), staged.types.get(column)!, column, separator);
    const { longest } = await queryRow(
      session.connection,
      `SELECT max(len(${list.sql})) AS longest FROM ${stagedRows(staged, [column], condition)}`,
    );
    maxLength = Math.min(Math.max(Number(longest ?? 1), 1), DEFAULT_LONGEST);
  }
  const list = { name, column, encoder: target ?? name, separator, maxLength };
  return kind === "bag" ? { kind, ...list, pooling } : { kind, ...list, target, alignedWith, timesColumn };
}

/** Seconds, milliseconds or microseconds, by the largest time: 5138 AD in one is 1973 in the next. */
export async function guessUnit(
  session: Session,
  staged: StagedTable,
  column: string,
  condition: string | undefined,
): Promise<TimestampUnit> {
  const time = timeSql(sqlName(column), staged.types.get(column)!, "s", column);
  const { largest } = await queryRow(
    session.connection,
    `SELECT max(abs(${time})) AS largest FROM ${stagedRows(staged, [column], condition)}`,
  );
  const size = Number(largest ?? 0);
  if (size > 1e14) return "us";
  return size > 1e11 ? "ms" : "s";
}
