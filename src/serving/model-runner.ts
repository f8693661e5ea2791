/**
 * One model in the thread that runs it: a session, and the homes of its large tables.
 *
 *     encoded batch -> distinct ids of each table -> their rows -> session -> predictions by label
 */
import type { Engine, HostDType, HostTensor, Session } from "../engine/index.ts";
import type { ColumnData } from "../schema/index.ts";
import { ITEM_ROW, type ServedBatch } from "./batch-pieces.ts";
import { DistinctIds } from "./distinct-ids.ts";
import { FileRows } from "./file-rows.ts";
import { type ItemProducts, ProductRows } from "./item-products.ts";
import { MemoryRows } from "./memory-rows.ts";
import { RedisConnection, RedisRows } from "./redis-rows.ts";
import type { RowLookup } from "./row-graph.ts";
import type { RowCounts, RowHome, RowPlace } from "./row-home.ts";

/** A model as it is sent to threads. */
export interface ModelSource {
  readonly model: Uint8Array;
  readonly lookups: readonly (RowLookup & { readonly place: RowPlace })[];
  /** Output of the graph by label. */
  readonly predictions: { readonly [label: string]: string };
  /** Numbers of each prediction. @default 1 */
  readonly width?: number;
  /** Of a split graph: products of the item table that it takes, for the rows that batches name. */
  readonly takes?: ItemProducts;
  /** Whether a row is an item's number and costs a product of vectors: next to nothing to hold or to compute. */
  readonly lightRows?: boolean;
  /** Of an items' graph: where what it computes is kept, for the rows that batches name. */
  readonly keeps?: ItemProducts;
}

export interface ModelAnswer {
  /** By label, `[size, width]` each. */
  readonly predictions: { readonly [label: string]: Float32Array };
  readonly rows: RowCounts;
}

interface OpenLookup {
  readonly lookup: RowLookup;
  readonly home: RowHome;
  readonly distinct: DistinctIds;
}

export class ModelRunner {
  readonly #session: Session;
  readonly #lookups: readonly OpenLookup[];
  readonly #connections: readonly RedisConnection[];
  readonly #predictions: { readonly [label: string]: string };
  readonly #width: number;
  readonly #taken: ProductRows | undefined;
  readonly #kept: ProductRows | undefined;

  private constructor(
    session: Session,
    lookups: readonly OpenLookup[],
    connections: readonly RedisConnection[],
    { predictions, width = 1, takes, keeps }: ModelSource,
  ) {
    this.#session = session;
    this.#lookups = lookups;
    this.#connections = connections;
    this.#predictions = predictions;
    this.#width = width;
    // Where runs go side by side, the engine reads one's inputs after the next has made its own.
    this.#taken = takes && new ProductRows(takes, { reuse: this.immediate });
    this.#kept = keeps && new ProductRows(keeps);
  }

  /** @param threads of one run; servers run several models side by side on one thread each */
  static async load(engine: Engine, source: ModelSource, threads = 1): Promise<ModelRunner> {
    const { model, lookups } = source;
    const session = await engine.load(model, { threads });
    const connections = new Map<string, RedisConnection>();
    const open: OpenLookup[] = [];
    for (const { place, ...lookup } of lookups) {
      open.push({ lookup, home: await openHome(place, lookup, connections), distinct: new DistinctIds() });
    }
    return new ModelRunner(session, open, [...connections.values()], source);
  }

  /** Whether every row comes at once, so that runs side by side would gain nothing. */
  get immediate(): boolean {
    return this.#lookups.every(({ home }) => home.immediate);
  }

  async run({ size, columns: own, shared }: ServedBatch): Promise<ModelAnswer> {
    const fed: { [name: string]: ColumnData } = { ...own, ...shared };
    const waiting: Promise<void>[] = [];
    for (const { lookup, home, distinct } of this.#lookups) {
      distinct.clear();
      for (const { column, index } of lookup.columns) {
        fed[index] = distinct.indexOf(fed[column] as Int32Array);
      }
      const rows = new Float32Array(distinct.ids.length * lookup.dim);
      const gathered = home.gather(distinct.ids, rows);
      if (gathered !== undefined) waiting.push(gathered);
      fed[lookup.name] = rows;
    }
    if (waiting.length > 0) await Promise.all(waiting);
    const rows = fed[ITEM_ROW] as Int32Array;
    this.#taken?.take(rows, fed);
    const feeds: { [name: string]: HostTensor } = {};
    for (const { name, dtype, shape } of this.#session.inputs) {
      const data = fed[name];
      if (data === undefined) throw new Error(`the batch has no column "${name}"`);
      const width = shape.slice(1).reduce<number>((product, dim) => product * Number(dim), 1);
      const dims = shape.map((dim) => (typeof dim === "number" ? dim : data.length / width));
      feeds[name] = { dtype: dtype as HostDType, dims, data: data as Float32Array };
    }
    const results = await this.#session.run(feeds);
    this.#kept?.keep(rows, results);
    const predictions: { [label: string]: Float32Array } = {};
    for (const [label, output] of Object.entries(this.#predictions)) {
      predictions[label] = (results[output].data as Float32Array).subarray(0, size * this.#width);
    }
    return { predictions, rows: this.#takeCounts() };
  }

  #takeCounts(): RowCounts {
    const sum: RowCounts = { hits: 0, misses: 0, fallbacks: 0 };
    for (const { home } of this.#lookups) {
      const { hits, misses, fallbacks } = home.takeCounts();
      sum.hits += hits;
      sum.misses += misses;
      sum.fallbacks += fallbacks;
    }
    return sum;
  }

  async release(): Promise<void> {
    await this.#session.release();
    for (const { home } of this.#lookups) await home.close();
    for (const connection of this.#connections) connection.close();
  }
}

async function openHome(
  place: RowPlace,
  { rows, dim }: RowLookup,
  connections: Map<string, RedisConnection>,
): Promise<RowHome> {
  switch (place.kind) {
    case "memory":
      return new MemoryRows(place.data, dim);
    case "file":
      return new FileRows({ ...place, rows, dim });
    case "redis": {
      let connection = connections.get(place.url);
      if (connection === undefined) {
        connection = new RedisConnection(place.url);
        connections.set(place.url, connection);
        // A server that is away must not keep the model from loading.
        await Promise.race([connection.connect(), new Promise((done) => setTimeout(done, 2000))]);
      }
      return new RedisRows(connection, { ...place, dim });
    }
  }
}
