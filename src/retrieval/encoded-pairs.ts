/**
 * Positive pairs and a catalogue from the data layer's encoded rows: rows whose label is positive are pairs of
 * a user, with all its features as they were then, and an item. An item's features are those of the last row
 * that shows it, shown without a click included: what never was positive can be retrieved too.
 */
import { ConfigError, DataError } from "../core/index.ts";
import { type IdFeature, vocabularyOf } from "../embeddings/index.ts";
import {
  type BatchColumn,
  type BatchSource,
  batchLayout,
  type ColumnData,
  type EncodedBatch,
  type FeatureMap,
  FIRST_VALUE_ID,
} from "../schema/index.ts";
import type { Catalogue } from "./catalogue.ts";
import { ItemLists } from "./item-lists.ts";
import { idFeature } from "./models/mf.ts";
import type { PositivePairs } from "./pairs.ts";

export interface EncodedPairsOptions {
  readonly map: FeatureMap;
  /** Categorical feature that names the user: whose items are known. */
  readonly userFeature: string;
  /** Categorical feature that names the item. */
  readonly itemFeature: string;
  /** Other features of the user's side; the user's own id may be among them. */
  readonly userFeatures: readonly string[];
  /** Features of the item's side; the item's own id may be among them. */
  readonly itemFeatures: readonly string[];
  /** Which label makes a row positive. @default the first */
  readonly label?: string;
}

/** The rows of one split. */
export interface EncodedPairs extends PositivePairs {
  /** Encoded user id of each user number. */
  readonly userIds: readonly number[];
  /** Users' features at their first positive row, before they took what is held out: user numbers in, one row each. */
  readonly userRows: (users: Int32Array) => EncodedBatch;
}

/** Items with a vocabulary entry in any of the splits. */
export async function encodedCatalogue(
  splits: readonly BatchSource[],
  { map, itemFeature, itemFeatures }: EncodedPairsOptions,
): Promise<Catalogue> {
  const item = idFeature(map, itemFeature);
  const layout = sideLayout(map, [...new Set([itemFeature, ...itemFeatures])]);
  const rows = new RowStore(layout);
  const numbers = new Map<number, number>();
  for (const source of splits) {
    for await (const batch of source.batches({ batchSize: 8192 })) {
      const ids = batch.columns[itemFeature];
      for (let r = 0; r < batch.size; r++) {
        if (ids[r] < FIRST_VALUE_ID) continue;
        const number = numbers.get(ids[r]) ?? numbers.size;
        numbers.set(ids[r], number);
        rows.put(number, batch, r);
      }
    }
  }
  if (numbers.size === 0) throw noPositive("item", itemFeature);
  return { keys: Array.from(numbers.keys(), keysOf(map, item)), layout, rows: rows.batch() };
}

/** @throws DataError when no row is positive; ConfigError when a feature or the label is missing */
export async function encodedPairs(
  source: BatchSource,
  catalogue: Catalogue,
  options: EncodedPairsOptions,
): Promise<EncodedPairs> {
  const { map, userFeature, itemFeature, userFeatures } = options;
  idFeature(map, userFeature);
  const label = options.label ?? map.labels[0]?.name;
  if (!map.labels.some(({ name }) => name === label)) {
    throw new ConfigError(`the data have no label ${label}`, {
      details: { label, known: map.labels.map(({ name }) => name) },
      hint: "retrieval learns from rows whose label is positive: name one under `labels`",
    });
  }
  const layout = sideLayout(map, [...new Set([userFeature, ...userFeatures])]);
  const rows = new RowStore(layout);
  const users: number[] = [];
  const items: number[] = [];
  const userNumbers = new Map<number, number>();
  const lists: number[][] = [];
  const first: number[] = [];
  const itemIds = catalogue.rows.columns[itemFeature];
  const itemNumbers = new Map(Array.from(itemIds, (id, number) => [id, number]));
  for await (const batch of source.batches({ batchSize: 8192 })) {
    const { [label]: labels, [userFeature]: userIds, [itemFeature]: ids } = batch.columns;
    for (let r = 0; r < batch.size; r++) {
      const item = itemNumbers.get(ids[r]);
      if (!(labels[r] > 0) || item === undefined) continue;
      const user = userNumbers.get(userIds[r]) ?? userNumbers.size;
      userNumbers.set(userIds[r], user);
      lists[user] ??= [];
      lists[user].push(item);
      first[user] ??= items.length;
      rows.put(items.length, batch, r);
      users.push(user);
      items.push(item);
    }
  }
  if (items.length === 0) throw noPositive("row", label);
  const userColumns = (pairs: Uint32Array | Int32Array): { [name: string]: ColumnData } => rows.gather(pairs);
  return {
    count: items.length,
    users: Int32Array.from(users),
    items: Int32Array.from(items),
    layout,
    known: ItemLists.from(lists),
    userColumns,
    userIds: [...userNumbers.keys()],
    userRows: (numbers) => ({
      size: numbers.length,
      columns: userColumns(numbers.map((user) => first[user])),
    }),
  };
}

function sideLayout(map: FeatureMap, features: readonly string[]): BatchColumn[] {
  const own = new Set(features.flatMap((name) => [name, `${name}.missing`, `${name}.length`, `${name}.age`]));
  return batchLayout(map).filter(({ name, role }) => role === "feature" && own.has(name));
}

/** Raw keys of encoded ids; hashed ids have no key and stand for themselves. */
function keysOf(map: FeatureMap, feature: IdFeature): (id: number) => string {
  const encoder = map.encoders[vocabularyOf(feature)];
  const vocabulary = encoder?.vocabulary;
  return (id) => (vocabulary?.type === "list" ? vocabulary.values[id - FIRST_VALUE_ID] : String(id));
}

function noPositive(what: string, name: string): DataError {
  return new DataError(
    `the data hold no ${what === "item" ? `value of ${name}` : `row with ${name} above 0`}`,
    {
      details: { [what]: name },
      hint: "retrieval learns from positive rows with known items",
    },
  );
}

/** Rows of some columns, written one by one and read in any order. */
class RowStore {
  readonly #layout: readonly BatchColumn[];
  readonly #columns: { [name: string]: Int32Array | Float32Array } = {};
  #rows = 0;
  #room = 1024;

  constructor(layout: readonly BatchColumn[]) {
    this.#layout = layout;
    for (const { name, dtype, width } of layout) {
      const ArrayType = dtype === "int32" ? Int32Array : Float32Array;
      this.#columns[name] = new ArrayType(this.#room * width);
    }
  }

  put(row: number, { columns }: EncodedBatch, from: number): void {
    if (row >= this.#room) this.#grow();
    this.#rows = Math.max(this.#rows, row + 1);
    for (const { name, width } of this.#layout) {
      const to = this.#columns[name];
      const data = columns[name];
      for (let k = 0; k < width; k++) to[row * width + k] = data[from * width + k];
    }
  }

  gather(rows: ArrayLike<number>): { [name: string]: ColumnData } {
    const gathered: { [name: string]: ColumnData } = {};
    for (const { name, width, dtype } of this.#layout) {
      const to = new (dtype === "int32" ? Int32Array : Float32Array)(rows.length * width);
      const data = this.#columns[name];
      for (let r = 0; r < rows.length; r++) {
        for (let k = 0; k < width; k++) to[r * width + k] = data[rows[r] * width + k];
      }
      gathered[name] = to;
    }
    return gathered;
  }

  batch(): EncodedBatch {
    const columns: { [name: string]: ColumnData } = {};
    for (const { name, width } of this.#layout)
      columns[name] = this.#columns[name].slice(0, this.#rows * width);
    return { size: this.#rows, columns };
  }

  #grow(): void {
    this.#room *= 2;
    for (const { name, width, dtype } of this.#layout) {
      const larger = new (dtype === "int32" ? Int32Array : Float32Array)(this.#room * width);
      larger.set(this.#columns[name]);
      this.#columns[name] = larger;
    }
  }
}
