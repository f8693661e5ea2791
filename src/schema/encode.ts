/**
 * Rows of raw values to an encoded batch, in the process that serves: the browser, the server, a test.
 * The ids are those of the training data's encoding, since both rest on `canonical` and the map.
 */
import { DataError } from "../core/index.ts";
import { type BatchColumn, batchLayout, type ColumnData, type EncodedBatch } from "./batch.ts";
import { canonical } from "./canonical.ts";
import { type CanonicalLookup, canonicalLookup } from "./encode-id.ts";
import { createDeriver } from "./derive.ts";
import { numeralIds, numeralWidth } from "./encode-numeral.ts";
import { bucketId, fitsFloat, toFloat, transformNumber } from "./encode-number.ts";
import {
  type BagFeature,
  DOMAIN_ENCODER,
  type Feature,
  type FeatureMap,
  type Label,
  MISSING_ID,
  OUT_OF_VOCABULARY_ID,
  type SequenceFeature,
} from "./feature-map.ts";
import { listEntries } from "./list-entries.ts";
import { parseNumber, parseTime, type RawRow, type RawValue } from "./raw-value.ts";

export interface FeatureCounts {
  /** Values (entries, for lists) that no vocabulary knows. */
  outOfVocabulary: number;
  /** Rows (entries, for lists) without a value. */
  missing: number;
}

export interface RowEncoderOptions {
  /** Whether rows carry labels, to be encoded and checked. @default false */
  readonly labels?: boolean;
  /** Whether weight, group, domain and timestamp are encoded. @default false, the domain always */
  readonly roles?: boolean;
}

export interface RowEncoder {
  readonly layout: readonly BatchColumn[];
  /** Encodes rows in order. @throws DataError for a label or a vector that cannot be used */
  encode(rows: readonly RawRow[]): EncodedBatch;
  /** Counts since the encoder was made, by feature. */
  readonly counts: { readonly [feature: string]: Readonly<FeatureCounts> };
}

type IdOf = (value: RawValue, counts: FeatureCounts) => number;
type Write = (rows: readonly RawRow[], columns: Record<string, ColumnData>) => void;

/** An encoder of rows of raw JSON values for a feature map; derived columns are computed first. */
export function createRowEncoder(
  map: FeatureMap,
  { labels = false, roles = false }: RowEncoderOptions = {},
): RowEncoder {
  const layout = batchLayout(map).filter(
    ({ role }) => role === "feature" || role === "domain" || (role === "label" ? labels : roles),
  );
  const counts: Record<string, FeatureCounts> = {};
  const encoders = new Map<string, IdOf>();
  for (const [name, encoder] of Object.entries(map.encoders)) {
    const lookup: CanonicalLookup = canonicalLookup(encoder);
    encoders.set(name, (value, count) => {
      const text = canonical(value, encoder);
      const id = text === undefined ? MISSING_ID : lookup(text);
      if (id === MISSING_ID) count.missing++;
      else if (id === OUT_OF_VOCABULARY_ID) count.outOfVocabulary++;
      return id;
    });
  }
  const writers: Write[] = map.features.map((feature) => {
    counts[feature.name] = { outOfVocabulary: 0, missing: 0 };
    return featureWriter(feature, map, encoders, counts[feature.name]);
  });
  if (labels) for (const label of map.labels) writers.push(labelWriter(label));
  writers.push(...roleWriters(map, encoders, roles));
  const derive = map.derived === undefined ? undefined : createDeriver(map.derived);
  return {
    layout,
    counts,
    encode(given) {
      const rows = derive === undefined ? given : given.map(derive);
      const columns: Record<string, ColumnData> = {};
      for (const column of layout) columns[column.name] = emptyColumn(column, rows.length);
      for (const write of writers) write(rows, columns);
      return { size: rows.length, columns };
    },
  };
}

/** A zeroed column for so many rows. */
export function emptyColumn({ dtype, width }: BatchColumn, rows: number): ColumnData {
  switch (dtype) {
    case "int32":
      return new Int32Array(rows * width);
    case "float32":
      return new Float32Array(rows * width);
    case "float64":
      return new Float64Array(rows * width);
  }
}

function featureWriter(
  feature: Feature,
  map: FeatureMap,
  encoders: ReadonlyMap<string, IdOf>,
  counts: FeatureCounts,
): Write {
  const { name, column } = feature;
  switch (feature.kind) {
    case "categorical": {
      const idOf = encoders.get(feature.encoder)!;
      return (rows, columns) => {
        for (let i = 0; i < rows.length; i++) columns[name][i] = idOf(rows[i][column], counts);
      };
    }
    case "bucket":
      return (rows, columns) => {
        for (let i = 0; i < rows.length; i++) {
          columns[name][i] = bucketId(parseNumber(rows[i][column]), feature);
          if (columns[name][i] === MISSING_ID) counts.missing++;
        }
      };
    case "numeral": {
      const width = numeralWidth(feature);
      return (rows, columns) => {
        for (let i = 0; i < rows.length; i++) {
          const value = parseNumber(rows[i][column]);
          columns[name].set(numeralIds(value, feature), i * width);
          if (value === undefined) counts.missing++;
        }
      };
    }
    case "numeric":
      return (rows, columns) => {
        for (let i = 0; i < rows.length; i++) {
          const value = parseNumber(rows[i][column]);
          const scaled = value === undefined ? undefined : transformNumber(value, feature.transform);
          const usable = scaled !== undefined && Number.isFinite(scaled);
          columns[name][i] = usable ? scaled : feature.transform.fill;
          if (usable) continue;
          columns[`${name}.missing`][i] = 1;
          counts.missing++;
        }
      };
    case "dense":
      return (rows, columns) => {
        for (let i = 0; i < rows.length; i++) {
          const vector = denseVector(rows[i][column], feature.separator);
          if (vector !== undefined && vector.length !== feature.dim) {
            throw new DataError(
              `row ${i + 1}, column ${column}: a vector of ${vector.length} numbers, expected ${feature.dim}`,
              { details: { row: i + 1, column, expected: feature.dim, received: vector.length } },
            );
          }
          if (vector?.every((x) => x !== undefined && fitsFloat(x))) {
            columns[name].set((vector as number[]).map(toFloat), i * feature.dim);
          } else {
            columns[`${name}.missing`][i] = 1;
            counts.missing++;
          }
        }
      };
    case "bag":
    case "sequence":
      return listWriter(feature, map, encoders.get(feature.encoder)!, counts);
  }
}

function listWriter(
  feature: BagFeature | SequenceFeature,
  map: FeatureMap,
  idOf: IdOf,
  counts: FeatureCounts,
): Write {
  const { name, column, maxLength, kind } = feature;
  const timesColumn = kind === "sequence" ? feature.timesColumn : undefined;
  return (rows, columns) => {
    const ids = columns[name];
    for (let i = 0; i < rows.length; i++) {
      const kept = listEntries(rows[i][column], feature).slice(-maxLength);
      const times =
        timesColumn === undefined ? undefined : listEntries(rows[i][timesColumn], feature).slice(-maxLength);
      const now = map.timestamp === undefined ? undefined : timeOf(map, rows[i][map.timestamp]);
      let length = 0;
      for (let k = 0; k < kept.length; k++) {
        const id = idOf(kept[k], counts);
        // A bag has no positions to keep, so that an entry without a value is nothing.
        if (id === MISSING_ID && kind === "bag") continue;
        ids[i * maxLength + length] = id;
        if (times !== undefined) {
          // Aligned at the end, where the most recent entries are.
          const then = timeOf(map, times[k - kept.length + times.length]);
          const age = now === undefined || then === undefined ? 0 : now - then;
          columns[`${name}.age`][i * maxLength + length] = age;
        }
        length++;
      }
      columns[`${name}.length`][i] = length;
    }
  };
}

function timeOf(map: FeatureMap, value: RawValue): number | undefined {
  return parseTime(value, map.timestampUnit ?? "s");
}

function denseVector(value: RawValue, separator: string | undefined): (number | undefined)[] | undefined {
  const entries = listEntries(value, { separator });
  return entries.length === 0 ? undefined : entries.map((entry) => parseNumber(entry));
}

/** The number of a label, or undefined for a raw value that is none. */
export function labelValue(value: RawValue, { positive, threshold, kind }: Label): number | undefined {
  if (positive !== undefined) {
    const text = canonical(value, { valueType: "string", trim: true });
    return text === undefined ? undefined : Number(positive.includes(text));
  }
  const number = parseNumber(value);
  if (number === undefined) return undefined;
  if (threshold !== undefined) return Number(number > threshold);
  return kind === "real" || number === 0 || number === 1 ? number : undefined;
}

function labelWriter(label: Label): Write {
  const { name, column } = label;
  return (rows, columns) => {
    for (let i = 0; i < rows.length; i++) {
      const value = labelValue(rows[i][column], label);
      if (value === undefined) {
        const expected = label.kind === "binary" ? "0 or 1" : "a finite number";
        throw new DataError(
          `row ${i + 1}, column ${column}: the label is ${JSON.stringify(rows[i][column] ?? null)}, expected ${expected}`,
          { details: { row: i + 1, column, expected, received: rows[i][column] } },
        );
      }
      columns[name][i] = value;
    }
  };
}

function roleWriters(map: FeatureMap, encoders: ReadonlyMap<string, IdOf>, roles: boolean): Write[] {
  const writers: Write[] = [];
  const each = (name: string, column: string, numberOf: (value: RawValue) => number): void => {
    writers.push((rows, columns) => {
      for (let i = 0; i < rows.length; i++) columns[name][i] = numberOf(rows[i][column]);
    });
  };
  if (map.domain !== undefined) {
    const idOf = encoders.get(DOMAIN_ENCODER)!;
    const unused: FeatureCounts = { outOfVocabulary: 0, missing: 0 };
    each("@domain", map.domain, (value) => idOf(value, unused));
  }
  if (!roles) return writers;
  if (map.weight !== undefined) each("@weight", map.weight, (value) => parseNumber(value) ?? 1);
  if (map.group !== undefined) {
    const numbers = new Map<string | undefined, number>();
    each("@group", map.group, (value) => {
      // Equal raw values are a group; nobody needs to find it again by its name.
      const text = value === null || value === undefined ? undefined : String(value);
      if (!numbers.has(text)) numbers.set(text, numbers.size);
      return numbers.get(text)!;
    });
  }
  if (map.timestamp !== undefined) {
    each("@timestamp", map.timestamp, (value) => timeOf(map, value) ?? Number.NaN);
  }
  return writers;
}
