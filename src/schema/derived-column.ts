/**
 * Derived columns: columns made from other columns of the same row before any feature is encoded. Plain
 * JSON in the feature map; the trainer, the server and the browser compute them with the same code
 * (`derive.ts`), from the values that a row has.
 */
import type { TimestampUnit, ValueType } from "./feature-map.ts";

/** A column read as a value of a type, in its canonical form. */
export interface DerivedInput {
  readonly column: string;
  readonly valueType: ValueType;
}

/** A column of lists: arrays, or text cut at a separator; any other value is a list of one. */
export interface DerivedList {
  readonly column: string;
  readonly separator: string | undefined;
}

interface DerivedBase {
  readonly name: string;
}

/** The values of several columns as one text; missing where one of them is. */
export interface CrossColumn extends DerivedBase {
  readonly kind: "cross";
  readonly inputs: readonly DerivedInput[];
}

/** What a table says of a value. */
export interface LookupColumn extends DerivedBase {
  readonly kind: "lookup";
  readonly input: DerivedInput;
  /** Whether values that are times are compared as instants, however they are written. Absent: no. */
  readonly instants?: boolean;
  /** Canonical values and what they become: all texts or all numbers. */
  readonly table: readonly (readonly [string, string | number])[];
  /** For values that the table does not have, missing ones included; absent: missing. */
  readonly fallback: string | number | undefined;
}

/** Arithmetic over the numbers of columns: the language of `expression.ts`. */
export interface ExpressionColumn extends DerivedBase {
  readonly kind: "expression";
  readonly expression: string;
}

/** `numerator / denominator`; missing where either is, or the denominator is 0. */
export interface RatioColumn extends DerivedBase {
  readonly kind: "ratio";
  readonly numerator: string;
  readonly denominator: string;
}

export type TimePart =
  | "minute"
  | "hour"
  | "weekday"
  | "hour_of_week"
  | "day"
  | "day_of_year"
  | "month"
  | "year"
  | "is_weekend";

/** A part of a time, as a number. */
export interface TimeColumn extends DerivedBase {
  readonly kind: "time";
  readonly column: string;
  readonly part: TimePart;
  /** Of numbers in the column; dates and ISO texts carry their own. */
  readonly unit: TimestampUnit;
  /** Seconds added to UTC. */
  readonly offsetSeconds: number;
}

/** The words of a text, with n-grams of words and of their letters: a list of texts. */
export interface TokensColumn extends DerivedBase {
  readonly kind: "tokens";
  readonly column: string;
  /** Shortest and longest word n-gram; absent: none. */
  readonly words: readonly [number, number] | undefined;
  /** Shortest and longest character n-gram of each word; absent: none. */
  readonly characters: readonly [number, number] | undefined;
  readonly lowerCase: boolean;
}

/** How much two lists have in common, as sets: the number of shared values, or their share of all values. */
export interface OverlapColumn extends DerivedBase {
  readonly kind: "overlap";
  readonly lists: readonly [DerivedList, DerivedList];
  readonly measure: "size" | "jaccard";
}

/**
 * How alike two vectors are: of a user and an item, say, both from one model that was trained elsewhere.
 * Entries are float32. Missing where a vector is, where lengths differ, and a cosine of zeros.
 */
export interface SimilarityColumn extends DerivedBase {
  readonly kind: "similarity";
  readonly vectors: readonly [DerivedList, DerivedList];
  readonly measure: "cosine" | "inner";
}

/** A content id (`content-id.ts`) of texts, of all their tokens together. */
export interface TextIdColumn extends DerivedBase {
  readonly kind: "text_id";
  readonly columns: readonly string[];
  /** As of tokens. */
  readonly words: readonly [number, number] | undefined;
  readonly characters: readonly [number, number] | undefined;
  readonly lowerCase: boolean;
  /** The id lies in [0, 2^bits). */
  readonly bits: number;
  readonly seed: number;
}

/** A content id (`content-id.ts`) of a vector, whose entries are float32. */
export interface VectorIdColumn extends DerivedBase {
  readonly kind: "vector_id";
  readonly vector: DerivedList;
  readonly bits: number;
  readonly seed: number;
}

/** The first levels of a path such as `sports/ball/tennis`. */
export interface PrefixColumn extends DerivedBase {
  readonly kind: "prefix";
  readonly column: string;
  readonly separator: string;
  readonly depth: number;
}

/**
 * How many rows with the same key came in a window before the row's own time, or the sum of a column
 * over them. Counted when data are encoded; a row that is served brings the number with it, in a column
 * of this name, out of a store of counters.
 */
export interface CountColumn extends DerivedBase {
  readonly kind: "count";
  /** Columns of the key; a row that lacks one counts nothing and is not counted. */
  readonly by: readonly DerivedInput[];
  readonly timestamp: string;
  readonly unit: TimestampUnit;
  /** Seconds that a row is remembered; absent: for ever. */
  readonly windowSeconds: number | undefined;
  /** Seconds until a row is known; at 0 all rows strictly before count. */
  readonly delaySeconds: number;
  /** The column that is summed; absent: rows are counted. */
  readonly sum: string | undefined;
}

export type DerivedColumn =
  | CrossColumn
  | LookupColumn
  | ExpressionColumn
  | RatioColumn
  | TimeColumn
  | TokensColumn
  | OverlapColumn
  | SimilarityColumn
  | TextIdColumn
  | VectorIdColumn
  | PrefixColumn
  | CountColumn;
