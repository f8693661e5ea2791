/**
 * Encoded batches for ranking: one request's features beside many items'. Items of the table are encoded
 * once, at start; a request's own features once a request; both by the row encoder that training data came
 * through, so that a probability served is the probability that `millrace predict` gives.
 *
 * Each feature belongs to one side by the columns it reads:
 *
 *     item      all of them columns of the item table (or its key): copied from the encoded table
 *     request   none of them: encoded once and repeated
 *     mixed     some: encoded row by row from the merged values
 */
import { DataError } from "../core/index.ts";
import {
  batchLayout,
  type BatchColumn,
  type ColumnData,
  createRowEncoder,
  DOMAIN_ENCODER,
  emptyColumn,
  type EncodedBatch,
  type Feature,
  type FeatureMap,
  OUT_OF_VOCABULARY_ID,
  type RawRow,
  type RawScalar,
  type RawValue,
  type RowEncoder,
} from "../schema/index.ts";
import type { ServedBatch } from "./batch-pieces.ts";
import { type Candidate, type RequestFacts, candidateValue } from "./candidate-set.ts";
import type { FeatureTable } from "./feature-table.ts";
import { derivedFor, rawColumnsOf, rawDomainColumns } from "./raw-columns.ts";

export interface AssemblyCounts {
  /** Values that no vocabulary knows, by feature: once a request, or once a candidate for items' features. */
  readonly outOfVocabulary: { [feature: string]: number };
}

export interface AssembledBatch extends AssemblyCounts {
  readonly batch: EncodedBatch;
}

export interface SharedBatch extends AssemblyCounts {
  readonly batch: ServedBatch;
}

type Side = "item" | "request" | "mixed";

/** Rows encoded at a time at start, so that raw rows of a large table are not all made at once. */
const CHUNK = 2048;

export class FeatureAssembly {
  readonly map: FeatureMap;
  /** Columns of the model's features that no table has: requests bring them in their context. */
  readonly contextColumns: readonly string[];
  /** All raw columns that the model reads. */
  readonly columns: readonly string[];
  readonly #items: FeatureTable | undefined;
  readonly #itemKey: string | undefined;
  readonly #parts: { readonly [side in Side]: Part };
  readonly #table: { readonly [column: string]: ColumnData };
  /** Features of the item table that have values which no vocabulary knows. */
  readonly #unknownInTable: readonly string[];

  /** @throws DataError when a feature of the item table cannot be encoded */
  constructor(
    map: FeatureMap,
    items: FeatureTable | undefined,
    users: FeatureTable | undefined,
    itemKey?: string,
  ) {
    this.map = map;
    this.#items = items;
    this.#itemKey = items?.key ?? itemKey;
    const ofItem = (column: string): boolean => column === this.#itemKey || items?.has(column) === true;
    const sideOf = (columns: readonly string[]): Side =>
      columns.every(ofItem) ? "item" : columns.some(ofItem) ? "mixed" : "request";
    const featuresOf = (side: Side): Feature[] =>
      map.features.filter((feature) => sideOf(rawColumnsOf(feature, map)) === side);
    const domainSide = map.domain === undefined ? undefined : sideOf(rawDomainColumns(map));
    const part = (side: Side): Part => new Part(map, featuresOf(side), domainSide === side);
    this.#parts = { item: part("item"), request: part("request"), mixed: part("mixed") };
    this.columns = [
      ...new Set([
        ...map.features.flatMap((feature) => rawColumnsOf(feature, map)),
        ...rawDomainColumns(map),
      ]),
    ];
    this.contextColumns = this.columns.filter((column) => !ofItem(column) && users?.has(column) !== true);
    this.#table = this.#encodeTable();
    const { featureNames, layout } = this.#parts.item;
    this.#unknownInTable = layout.flatMap(({ name, dtype }) =>
      dtype === "int32" &&
      featureNames.has(name) &&
      this.#table[name]?.includes(OUT_OF_VOCABULARY_ID) === true
        ? [name]
        : [],
    );
  }

  /** @throws DataError for values sent with the request that cannot be encoded */
  assemble(request: RequestFacts, candidates: readonly Candidate[]): AssembledBatch {
    const size = candidates.length;
    const columns: { [name: string]: ColumnData } = {};
    const outOfVocabulary: { [feature: string]: number } = {};
    this.#fillRequest(request, size, columns, outOfVocabulary);
    this.#fillItems(request, candidates, columns, outOfVocabulary);
    this.#fillSent(request, candidates, columns, outOfVocabulary);
    this.#fillMixed(request, candidates, columns, outOfVocabulary);
    return { batch: { size, columns }, outOfVocabulary };
  }

  /** Whole rows of raw values, none of them from a table. */
  assembleRows(rows: readonly RawRow[]): AssembledBatch {
    const key = this.#itemKey;
    return this.assemble(
      { features: {} },
      rows.map((features) => ({
        id: key === undefined ? null : (features[key] as RawScalar),
        row: -1,
        features,
      })),
    );
  }

  /** Encoded columns that are the item table's alone, and those that are the request's alone. */
  get sides(): { readonly item: ReadonlySet<string>; readonly request: ReadonlySet<string> } {
    const names = ({ layout }: Part): Set<string> => new Set(layout.map(({ name }) => name));
    return { item: names(this.#parts.item), request: names(this.#parts.request) };
  }

  /** Rows `begin … end - 1` of the item table, its own features alone. */
  assembleItems(begin: number, end: number): EncodedBatch {
    const columns: { [name: string]: ColumnData } = {};
    for (const { name, width } of this.#parts.item.layout) {
      columns[name] = this.#table[name].slice(begin * width, end * width);
    }
    return { size: end - begin, columns };
  }

  /** The request's own features, one row. */
  assembleRequest(request: RequestFacts): AssembledBatch {
    const columns: { [name: string]: ColumnData } = {};
    const outOfVocabulary: { [feature: string]: number } = {};
    this.#fillRequest(request, 1, columns, outOfVocabulary);
    return { batch: { size: 1, columns }, outOfVocabulary };
  }

  /**
   * The request's own features once, and of the others those columns that are named, a row a candidate. Values that
   * no vocabulary knows are counted for all of them.
   *
   * @param candidates each of which `isPlain`
   */
  assembleShared(
    request: RequestFacts,
    candidates: readonly Candidate[],
    wanted: readonly string[],
  ): SharedBatch {
    const size = candidates.length;
    const shared: { [name: string]: ColumnData } = {};
    const all: { [name: string]: ColumnData } = {};
    const outOfVocabulary: { [feature: string]: number } = {};
    this.#fillRequest(request, 1, shared, outOfVocabulary);
    const { item } = this.#parts;
    if (item.layout.some(({ name }) => wanted.includes(name))) {
      this.#fillItems(request, candidates, all, outOfVocabulary);
    } else this.#countUnknownItems(candidates, outOfVocabulary);
    this.#fillMixed(request, candidates, all, outOfVocabulary);
    const columns = Object.fromEntries(wanted.map((name) => [name, all[name]]));
    return { batch: { size, columns, shared: packed(shared) }, outOfVocabulary };
  }

  /** Whether nothing that the model reads of a candidate was sent with it. */
  isPlain({ features }: Candidate): boolean {
    return features === undefined || !this.columns.some((column) => Object.hasOwn(features, column));
  }

  /** Whether nothing that the model reads of a candidate was sent with it, and the item table knows it. */
  isFromTable(candidate: Candidate): boolean {
    return candidate.row >= 0 && this.isPlain(candidate);
  }

  /** The raw values that the model's features were made of for one candidate. */
  explain(request: RequestFacts, candidate: Candidate): RawRow {
    return this.#rawRow(this.columns, candidate, request);
  }

  #fillRequest(
    { features }: RequestFacts,
    size: number,
    columns: { [name: string]: ColumnData },
    unknown: { [feature: string]: number },
  ): void {
    const { request } = this.#parts;
    if (request.layout.length === 0) return;
    const encoded = request.encode([features], unknown);
    for (const column of request.layout) {
      const { name, width } = column;
      const filled = emptyColumn(column, size);
      const one = encoded[name];
      if (width === 1) filled.fill(one[0]);
      else if (one.some((value) => value !== 0)) {
        for (let k = 0; k < size; k++) filled.set(one, k * width);
      }
      columns[name] = filled;
    }
  }

  #fillItems(
    request: RequestFacts,
    candidates: readonly Candidate[],
    columns: { [name: string]: ColumnData },
    unknown: { [feature: string]: number },
  ): void {
    const { item } = this.#parts;
    const size = candidates.length;
    for (const column of item.layout) {
      const { name, width, dtype } = column;
      const filled = emptyColumn(column, size);
      const table = this.#table[name];
      let unknownHere = 0;
      if (table !== undefined) {
        for (let k = 0; k < size; k++) {
          const { row } = candidates[k];
          if (row < 0) continue;
          if (width === 1) filled[k] = table[row];
          else for (let j = 0; j < width; j++) filled[k * width + j] = table[row * width + j];
        }
        if (dtype === "int32" && item.featureNames.has(name)) {
          for (const id of filled) if (id === OUT_OF_VOCABULARY_ID) unknownHere++;
        }
      }
      if (unknownHere > 0) unknown[name] = (unknown[name] ?? 0) + unknownHere;
      columns[name] = filled;
    }
    const raw = candidates.flatMap(({ row, features }, k) => (row < 0 || features !== undefined ? [k] : []));
    this.#encodeOver("item", raw, request, candidates, columns, unknown);
  }

  /** Features of columns of both sides, which no table can hold. */
  #fillMixed(
    request: RequestFacts,
    candidates: readonly Candidate[],
    columns: { [name: string]: ColumnData },
    unknown: { [feature: string]: number },
  ): void {
    const { mixed } = this.#parts;
    if (mixed.layout.length === 0) return;
    const rows = candidates.map((candidate) => this.#rawRow(mixed.rawColumns, candidate, request));
    Object.assign(columns, mixed.encode(rows, unknown));
  }

  #countUnknownItems(candidates: readonly Candidate[], unknown: { [feature: string]: number }): void {
    const width = new Map(this.#parts.item.layout.map((column) => [column.name, column.width]));
    for (const name of this.#unknownInTable) {
      const table = this.#table[name];
      const each = width.get(name) as number;
      let found = 0;
      for (const { row } of candidates) {
        for (let k = row * each; k < (row + 1) * each; k++) if (table[k] === OUT_OF_VOCABULARY_ID) found++;
      }
      if (found > 0) unknown[name] = (unknown[name] ?? 0) + found;
    }
  }

  /** What was sent with single candidates for features that are the request's otherwise: a position, a price. */
  #fillSent(
    request: RequestFacts,
    candidates: readonly Candidate[],
    columns: { [name: string]: ColumnData },
    unknown: { [feature: string]: number },
  ): void {
    const own = new Set(this.#parts.request.rawColumns);
    const sent = candidates.flatMap(({ features }, k) =>
      features !== undefined && Object.keys(features).some((column) => own.has(column)) ? [k] : [],
    );
    this.#encodeOver("request", sent, request, candidates, columns, unknown);
  }

  /** Encodes one side's features of some candidates from raw values and writes them over. */
  #encodeOver(
    side: "item" | "request",
    which: readonly number[],
    request: RequestFacts,
    candidates: readonly Candidate[],
    columns: { [name: string]: ColumnData },
    unknown: { [feature: string]: number },
  ): void {
    const part = this.#parts[side];
    if (which.length === 0 || part.layout.length === 0) return;
    const rows = which.map((k) => this.#rawRow(part.rawColumns, candidates[k], request));
    const encoded = part.encode(rows, unknown);
    for (const { name, width } of part.layout) {
      which.forEach((k, n) => {
        for (let j = 0; j < width; j++) columns[name][k * width + j] = encoded[name][n * width + j];
      });
    }
  }

  #rawRow(columns: readonly string[], candidate: Candidate, request: RequestFacts): RawRow {
    const row: { [column: string]: RawValue } = {};
    for (const column of columns) {
      row[column] = candidateValue(column, candidate, request, this.#items, this.#itemKey);
    }
    return row;
  }

  #encodeTable(): { [column: string]: ColumnData } {
    const items = this.#items;
    const { item } = this.#parts;
    if (items === undefined || item.layout.length === 0) return {};
    const table: { [column: string]: ColumnData } = {};
    for (const column of item.layout) table[column.name] = emptyColumn(column, items.rows);
    const nothing: RequestFacts = { features: {} };
    for (let first = 0; first < items.rows; first += CHUNK) {
      const rows = Array.from({ length: Math.min(CHUNK, items.rows - first) }, (_, k) => {
        const row = first + k;
        return this.#rawRow(
          item.rawColumns,
          { id: items.value(row, items.key) as string, row, features: undefined },
          nothing,
        );
      });
      let encoded: { readonly [column: string]: ColumnData };
      try {
        encoded = item.encode(rows, {});
      } catch (error) {
        throw error instanceof DataError
          ? new DataError(`item table, rows from ${first + 1}: ${error.message}`, {
              details: error.details,
              cause: error,
            })
          : error;
      }
      for (const { name, width } of item.layout) table[name].set(encoded[name], first * width);
    }
    return table;
  }
}

/** The same columns in one piece of memory: threads are sent many small arrays at the cost of as many large ones. */
function packed(columns: { readonly [name: string]: ColumnData }): { readonly [name: string]: ColumnData } {
  const length = Object.values(columns).reduce(
    (sum, { byteLength }) => sum + 8 * Math.ceil(byteLength / 8),
    0,
  );
  const buffer = new ArrayBuffer(length);
  let at = 0;
  return Object.fromEntries(
    Object.entries(columns).map(([name, data]) => {
      const view =
        data instanceof Int32Array
          ? new Int32Array(buffer, at, data.length)
          : data instanceof Float32Array
            ? new Float32Array(buffer, at, data.length)
            : new Float64Array(buffer, at, data.length);
      view.set(data);
      at += 8 * Math.ceil(data.byteLength / 8);
      return [name, view];
    }),
  );
}

/** The features of one side with an encoder of their own. */
class Part {
  readonly layout: readonly BatchColumn[];
  readonly rawColumns: readonly string[];
  readonly featureNames: ReadonlySet<string>;
  readonly #encoder: RowEncoder;

  constructor(map: FeatureMap, features: readonly Feature[], domain: boolean) {
    const used = new Set(features.flatMap((feature) => ("encoder" in feature ? [feature.encoder] : [])));
    if (domain) used.add(DOMAIN_ENCODER);
    const part: FeatureMap = {
      ...map,
      derived: derivedFor(features, domain, map),
      features,
      encoders: Object.fromEntries(Object.entries(map.encoders).filter(([name]) => used.has(name))),
      domain: domain ? map.domain : undefined,
    };
    this.layout = batchLayout(part).filter(({ role }) => role === "feature" || role === "domain");
    this.featureNames = new Set(features.map(({ name }) => name));
    this.rawColumns = [
      ...new Set([
        ...features.flatMap((feature) => rawColumnsOf(feature, map)),
        ...(domain ? rawDomainColumns(map) : []),
      ]),
    ];
    this.#encoder = createRowEncoder(part);
  }

  /** Adds what no vocabulary knew to `unknown`. */
  encode(
    rows: readonly RawRow[],
    unknown: { [feature: string]: number },
  ): { readonly [column: string]: ColumnData } {
    const { counts } = this.#encoder;
    const before = [...this.featureNames].map((name) => counts[name].outOfVocabulary);
    const { columns } = this.#encoder.encode(rows);
    let k = 0;
    for (const name of this.featureNames) {
      const found = counts[name].outOfVocabulary - before[k++];
      if (found > 0) unknown[name] = (unknown[name] ?? 0) + found;
    }
    return columns;
  }
}
