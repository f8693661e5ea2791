/**
 * Every field of a row as one vector of the same width: ids through tables, numbers times a learned
 * vector (plus another where the number is missing) or as the rows of its digits, lists pooled over their
 * entries, dense vectors through a linear map.
 */
import { Module, Parameter, type Batch, type Initializer, type Table, zerosInit } from "../module/index.ts";
import {
  add,
  concat,
  div,
  expandDims,
  matmul,
  maximum,
  mul,
  reshape,
  slice,
  squeeze,
  sum,
} from "../ops/index.ts";
import {
  type BagFeature,
  type BucketFeature,
  type CategoricalFeature,
  type DenseFeature,
  type FeatureMap,
  type NumeralFeature,
  type NumericFeature,
  numeralWidth,
  type SequenceFeature,
} from "../schema/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { defaultEmbeddingInit, featureNamed, isIdFeature, slotOf, tablesFor } from "./tables.ts";

export interface FieldEmbeddingOptions {
  /** Width of one field's vector. */
  readonly dim: number;
  /** Which features to take, by name. @default all */
  readonly include?: readonly string[];
  /** Features to leave out, by name. */
  readonly exclude?: readonly string[];
  /** Start of tables. @default N(0, 1e-4²) */
  readonly init?: Initializer;
  /** What the tables are for, where features have several. */
  readonly role?: string;
  /** How numbers enter, see `numericFieldsOption`. @default "embedded" */
  readonly numericFields?: "embedded" | "raw";
  /** How a history that has a candidate becomes one vector. @default the mean of its entries */
  readonly pool?: (history: SequenceFeature, dim: number) => HistoryPooling;
  /** Tables of another module to read in place of own ones, by vocabulary. */
  readonly shared?: { readonly [vocabulary: string]: Table };
}

/** A history read by its candidate, in place of the mean of its entries. */
export interface HistoryPooling extends Module {
  forward(events: {
    /** The candidate's value of the same feature, `[batch, dim]`. */
    readonly target: Tensor;
    /** `[batch, length, dim]`, oldest first, padding behind. */
    readonly history: Tensor;
    /** float32 `[batch, length]`, 1 for events. */
    readonly mask: Tensor;
    /** Seconds from each event to the request, `[batch, length]`, where times are known. */
    readonly ages?: Tensor;
  }): Tensor; // [batch, dim]
}

type ListFeature = BagFeature | SequenceFeature;

export class FieldEmbedding extends Module {
  readonly tables: { readonly [vocabulary: string]: Table };
  /** Embedded numbers: one vector a numeric field, and one for its absence: `[numeric fields, dim]`. */
  readonly numeric: Parameter | undefined;
  readonly numericMissing: Parameter | undefined;
  /** Raw numbers: the value that stands for a missing one, `[numeric fields]`. */
  readonly numericFill: Parameter | undefined;
  readonly dense: { readonly [feature: string]: Parameter };
  /** Of histories that are read by their candidate. */
  readonly pools: { readonly [feature: string]: HistoryPooling };
  /** Of numbers as digits whose bases stand side by side: `[bases · dim, dim]`. */
  readonly numerals: { readonly [feature: string]: Parameter };
  readonly dim: number;
  /** Number of fields. */
  readonly fields: number;
  /** Width of all fields side by side, raw numbers included. */
  readonly width: number;
  /** Names of the fields in the order of the output. */
  readonly names: readonly string[];

  readonly #scalars: readonly (CategoricalFeature | BucketFeature)[];
  readonly #lists: readonly ListFeature[];
  readonly #numerals: readonly NumeralFeature[];
  readonly #numbers: readonly NumericFeature[];
  readonly #vectors: readonly DenseFeature[];

  /** @throws ConfigError when a name is not a feature of the schema */
  constructor(
    schema: FeatureMap,
    {
      dim,
      include,
      exclude = [],
      init = defaultEmbeddingInit,
      role,
      numericFields = "embedded",
      pool,
      shared = {},
    }: FieldEmbeddingOptions,
  ) {
    super();
    for (const name of [...(include ?? []), ...exclude]) featureNamed(schema, name);
    const features = schema.features.filter(
      ({ name }) => (include === undefined || include.includes(name)) && !exclude.includes(name),
    );
    this.#scalars = features.filter((feature) => feature.kind === "categorical" || feature.kind === "bucket");
    this.#lists = features.filter((feature) => feature.kind === "bag" || feature.kind === "sequence");
    this.#numerals = features.filter((feature) => feature.kind === "numeral");
    this.#numbers = features.filter((feature) => feature.kind === "numeric");
    this.#vectors = features.filter((feature) => feature.kind === "dense");
    const own = tablesFor(schema, features.filter(isIdFeature), { dim, init, role });
    this.tables = Object.fromEntries(
      Object.entries(own).map(([name, table]) => [name, Object.hasOwn(shared, name) ? shared[name] : table]),
    );
    const numbers = this.#numbers.length;
    const raw = numericFields === "raw";
    this.numeric = numbers > 0 && !raw ? new Parameter([numbers, dim]) : undefined;
    this.numericMissing = numbers > 0 && !raw ? new Parameter([numbers, dim]) : undefined;
    this.numericFill = numbers > 0 && raw ? new Parameter([numbers], { init: zerosInit }) : undefined;
    this.dense = Object.fromEntries(
      this.#vectors.map((vector) => [vector.name, new Parameter([vector.dim, dim])]),
    );
    this.numerals = Object.fromEntries(
      this.#numerals
        .filter(({ combine }) => combine === "concat")
        .map(({ name, bases }) => [name, new Parameter([bases.length * dim, dim])]),
    );
    this.pools = Object.fromEntries(
      pool === undefined
        ? []
        : this.#lists.filter(isReadByCandidate).map((history) => [history.name, pool(history, dim)]),
    );
    const embedded = raw ? [] : this.#numbers;
    const inOrder = [...this.#scalars, ...this.#lists, ...this.#numerals, ...embedded, ...this.#vectors];
    this.names = inOrder.map(({ name }) => name);
    this.dim = dim;
    this.fields = inOrder.length;
    this.width = inOrder.length * dim + (raw ? numbers : 0);
  }

  /** `[batch, fields, dim]`: ids first, then lists, numbers as digits, embedded numbers and vectors. */
  forward(batch: Batch): Tensor {
    const parts: Tensor[] = [];
    const slots = [...this.#scalars, ...this.#lists, ...this.#numerals].map((feature) =>
      slotOf(feature, this.tables),
    );
    const rows = slots.length > 0 ? batch.lookup(slots) : undefined; // [batch, sum of widths, dim]
    if (rows !== undefined && this.#scalars.length > 0) {
      parts.push(slice(rows, { axis: 1, start: 0, end: this.#scalars.length }));
    }
    let start = this.#scalars.length;
    for (const feature of this.#lists) {
      const entries = slice(rows as Tensor, { axis: 1, start, end: start + feature.maxLength });
      parts.push(expandDims(this.#pooled(entries, feature, batch), 1));
      start += feature.maxLength;
    }
    for (const feature of this.#numerals) {
      const end = start + numeralWidth(feature);
      const digits = slice(rows as Tensor, { axis: 1, start, end }); // [batch, Σ places, dim]
      parts.push(expandDims(this.#numeral(digits, feature), 1));
      start = end;
    }
    if (this.numeric !== undefined && this.numericMissing !== undefined) {
      const names = this.#numbers.map(({ name }) => name);
      const values = expandDims(batch.numbers(names), -1); // [batch, numbers, 1]
      const missing = expandDims(batch.numbers(names.map((name) => `${name}.missing`)), -1);
      parts.push(add(mul(values, this.numeric), mul(missing, this.numericMissing))); // [batch, numbers, dim]
    }
    for (const { name } of this.#vectors) {
      parts.push(expandDims(matmul(batch.vector(name), this.dense[name]), 1));
    }
    return concat(parts, { axis: 1 });
  }

  /** `[batch, length, dim]` to `[batch, dim]`. */
  #pooled(entries: Tensor, feature: ListFeature, batch: Batch): Tensor {
    const mask = batch.mask(feature.name);
    if (feature.kind === "bag" || !Object.hasOwn(this.pools, feature.name)) {
      return poolEntries(entries, mask, pooling(feature));
    }
    const candidate = featureNamed(batch.schema, feature.target as string) as CategoricalFeature;
    const target = squeeze(batch.lookup([slotOf(candidate, this.tables)]), 1);
    const timed = agesOf(feature, batch.schema);
    const ages = timed === undefined ? undefined : batch.vector(timed);
    return this.pools[feature.name].forward({ target, history: entries, mask, ages });
  }

  /** `[batch, Σ places, dim]` to `[batch, dim]`; padding rows are zeros. */
  #numeral(digits: Tensor, { name, places, combine }: NumeralFeature): Tensor {
    if (combine === "sum") return sum(digits, { axis: 1 });
    let start = 0;
    const byBase = places.map((count) => {
      const own = slice(digits, { axis: 1, start, end: start + count });
      start += count;
      return sum(own, { axis: 1 });
    });
    return matmul(concat(byBase), this.numerals[name]);
  }

  /** The same side by side, then raw numbers: `[batch, width]`. */
  forwardFlat(batch: Batch): Tensor {
    return this.flatten(this.forward(batch), batch);
  }

  /** What `forward` gave, side by side with raw numbers. */
  flatten(fields: Tensor, batch: Batch): Tensor {
    const flat = reshape(fields, [fields.shape[0], this.fields * this.dim]);
    return this.numericFill === undefined ? flat : concat([flat, this.rawNumbers(batch)], { axis: 1 });
  }

  /** Raw numbers, a missing one replaced by its learned stand-in: `[batch, numeric fields]`. */
  rawNumbers(batch: Batch): Tensor {
    const names = this.#numbers.map(({ name }) => name);
    const missing = batch.numbers(names.map((name) => `${name}.missing`));
    return add(batch.numbers(names), mul(missing, this.numericFill as Parameter)); // [batch, numbers]
  }
}

function isReadByCandidate(feature: ListFeature): feature is SequenceFeature {
  return feature.kind === "sequence" && feature.target !== undefined;
}

/** The batch column of the ages of a history's events; side sequences have those of the history they belong to. */
export function agesOf(
  { name, alignedWith, timesColumn }: SequenceFeature,
  schema: FeatureMap,
): string | undefined {
  if (timesColumn !== undefined) return `${name}.age`;
  const leader = schema.features.find((feature) => feature.name === alignedWith);
  return leader?.kind === "sequence" && leader.timesColumn !== undefined ? `${leader.name}.age` : undefined;
}

/** Bags say how they are pooled; histories that no attention reads are averaged. */
function pooling(feature: ListFeature): "mean" | "sum" {
  return feature.kind === "bag" ? feature.pooling : "mean";
}

/**
 * The mean or sum of a list's entries, padding left out; an empty list gives zeros.
 *
 * @param entries `[batch, length, dim]`
 * @param mask float32 `[batch, length]`
 * @returns `[batch, dim]`
 */
export function poolEntries(entries: Tensor, mask: Tensor, how: "mean" | "sum"): Tensor {
  const total = sum(mul(entries, expandDims(mask, -1)), { axis: 1 });
  if (how === "sum") return total;
  return div(total, maximum(sum(mask, { axis: 1, keepDims: true }), constant(1)));
}
