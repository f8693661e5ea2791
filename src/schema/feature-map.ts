/**
 * The feature map: what each column of an encoded batch means and how a raw value becomes it. Plain
 * JSON, written to `feature-map.json`, fitted on the training split only; the trainer, the server and
 * the browser read the same file.
 */

import type { DerivedColumn } from "./derived-column.ts";

/** Ids every vocabulary reserves; known values start at `FIRST_VALUE_ID`. */
export const PADDING_ID = 0;
export const MISSING_ID = 1;
export const OUT_OF_VOCABULARY_ID = 2;
export const FIRST_VALUE_ID = 3;

/** What type a raw value has; text that arrives for a numeric type is parsed first. */
export type ValueType = "string" | "int64" | "float64" | "boolean";

export type Vocabulary =
  | {
      readonly type: "list";
      /** Canonical strings; the value at index `k` has id `FIRST_VALUE_ID + k`. By descending count, ties by string. */
      readonly values: readonly string[];
      readonly minCount: number;
    }
  | {
      readonly type: "hash";
      /** Ids are `FIRST_VALUE_ID + hash(canonical) mod buckets`. */
      readonly buckets: number;
      readonly seed: number;
    };

/** Turns one raw scalar into an id. Several features may use one (a history and its candidate's field). */
export interface IdEncoder {
  readonly valueType: ValueType;
  /** Trim white space before the look-up. @default false */
  readonly trim: boolean;
  readonly vocabulary: Vocabulary;
  /** Rows a table for these ids needs, reserved ids included. */
  readonly size: number;
}

interface FeatureBase {
  readonly name: string;
  /** Column of the raw data. */
  readonly column: string;
}

/** One id a row: batch column `<name>`, int32 `[batch]`. */
export interface CategoricalFeature extends FeatureBase {
  readonly kind: "categorical";
  /** Key into `FeatureMap.encoders`. */
  readonly encoder: string;
}

/** How a raw number becomes the batch value. Applied in this order: clip, log, standardise. */
export interface NumericTransform {
  /** Bounds that a raw value is moved into; absent: as it is. */
  readonly clip: readonly [number, number] | undefined;
  /** `sign(x)·ln(1 + |x|)` before standardising. */
  readonly log: boolean;
  /** Subtract, then multiply; mean 0 and scale 1 leave the value alone. */
  readonly mean: number;
  readonly scale: number;
  /** Value (after the transform) used where the raw one is missing. */
  readonly fill: number;
}

/** One number a row: batch columns `<name>` float32 `[batch]` and `<name>.missing` float32 0/1. */
export interface NumericFeature extends FeatureBase {
  readonly kind: "numeric";
  readonly transform: NumericTransform;
}

/** A number cut at quantiles of the training split: batch column `<name>`, int32 `[batch]`. */
export interface BucketFeature extends FeatureBase {
  readonly kind: "bucket";
  /** Ascending; id is `FIRST_VALUE_ID + (number of boundaries ≤ value)`, missing is `MISSING_ID`. */
  readonly boundaries: readonly number[];
  readonly size: number;
}

/** How a raw number becomes the integer 0 … largest whose digits are looked up. */
export type NumeralScale =
  /** `⌊x⌋ - lowest`, moved into the bounds: for ids, floors, codes. */
  | { readonly kind: "integer"; readonly lowest: number; readonly largest: number }
  /** `⌊(x - lowest) / (highest - lowest) · largest⌋`, moved into the bounds. */
  | {
      readonly kind: "linear";
      readonly lowest: number;
      readonly highest: number;
      readonly largest: number;
    }
  /** The number of cuts ≤ x. */
  | { readonly kind: "cuts"; readonly cuts: readonly number[]; readonly largest: number };

/**
 * A number as its digits in several numeral systems (`encode-numeral.ts`): batch column `<name>`, int32
 * `[batch, Σ places]`, ids of one table that belongs to this feature alone.
 */
export interface NumeralFeature extends FeatureBase {
  readonly kind: "numeral";
  readonly scale: NumeralScale;
  readonly bases: readonly number[];
  /** Places of each base. */
  readonly places: readonly number[];
  /** How the sums over each base's rows become one vector: added, or side by side through a linear map. */
  readonly combine: "sum" | "concat";
  /** Rows of the table, reserved ids included: `3 + Σ_b b·L_b`. */
  readonly size: number;
}

/** Where a list comes from in raw data: an array value, or text cut at a separator. */
export interface ListSource {
  readonly separator: string | undefined;
  /** Longest list kept; of longer ones the last (most recent) entries stay. */
  readonly maxLength: number;
}

/** A multi-valued field without order: `<name>` int32 `[batch, maxLength]` padded with 0, `<name>.length` int32 `[batch]`. */
export interface BagFeature extends FeatureBase, ListSource {
  readonly kind: "bag";
  readonly encoder: string;
  readonly pooling: "mean" | "sum";
}

/**
 * An ordered history, most recent entry last: entries fill positions
 * 0 … length-1 and padding follows. `<name>` int32 `[batch, maxLength]`, `<name>.length` int32 `[batch]`.
 * With times: `<name>.age` float32 `[batch, maxLength]`, seconds from the entry to the row's timestamp.
 */
export interface SequenceFeature extends FeatureBase, ListSource {
  readonly kind: "sequence";
  readonly encoder: string;
  /** The categorical feature that the entries are values of (its table is shared). */
  readonly target: string | undefined;
  /** Another sequence whose positions these entries belong to (side ids); lengths are then equal. */
  readonly alignedWith: string | undefined;
  /** Raw column with the entries' times. */
  readonly timesColumn: string | undefined;
}

/** A vector of fixed length: `<name>` float32 `[batch, dim]`; a missing one is zeros, with `<name>.missing`. */
export interface DenseFeature extends FeatureBase {
  readonly kind: "dense";
  readonly dim: number;
  readonly separator: string | undefined;
}

export type Feature =
  | CategoricalFeature
  | NumericFeature
  | BucketFeature
  | NumeralFeature
  | BagFeature
  | SequenceFeature
  | DenseFeature;

export interface Label {
  readonly name: string;
  readonly column: string;
  /** A numeric label counts as positive above this; absent: used as it is (0/1 or a real target). */
  readonly threshold: number | undefined;
  /** Canonical raw values that mean 1, all others 0 (text labels); absent: parse as number. */
  readonly positive: readonly string[] | undefined;
  /** A binary label is 0 or 1 after threshold and positive values; a real one any finite number. */
  readonly kind: "binary" | "real";
  /** Weight of positive rows in the loss. @default 1 */
  readonly positiveWeight?: number;
  /** Share of the training split's negative rows that was kept. @default 1 */
  readonly negativeRate?: number;
  /** Weights of rows whose item was shown before. @default none */
  readonly exposureWeight?: ExposureWeight;
}

/** Rows weigh `1 + kappa · ln(1 + n)` in the loss, n being the value of a numeric feature. */
export interface ExposureWeight {
  readonly feature: string;
  readonly kappa: number;
  /** Weights of negatives alone are taken back in predictions. */
  readonly rows: "all" | "negatives";
}

/** Key of the domain column's encoder in `FeatureMap.encoders`; no feature can have this name. */
export const DOMAIN_ENCODER = "@domain";

/** Unit of a numeric timestamp column; dates and ISO texts need none. */
export type TimestampUnit = "s" | "ms" | "us";

export interface FeatureMap {
  readonly version: 1;
  /** Columns made from others before anything is encoded, in this order; absent: none. */
  readonly derived?: readonly DerivedColumn[];
  readonly features: readonly Feature[];
  readonly encoders: { readonly [name: string]: IdEncoder };
  readonly labels: readonly Label[];
  /** Raw columns of the other roles. */
  readonly weight: string | undefined;
  readonly group: string | undefined;
  /** Encoded like a categorical feature, by the encoder `DOMAIN_ENCODER`. */
  readonly domain: string | undefined;
  readonly timestamp: string | undefined;
  /** Absent when there is no timestamp. */
  readonly timestampUnit: TimestampUnit | undefined;
}
