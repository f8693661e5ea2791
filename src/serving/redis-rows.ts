/**
 * Rows in Redis, one value a row (float32, little-endian), with a cache of recent rows in the thread.
 *
 * Redis being slow or away never fails a request: rows then come from the cache, or are the table's row
 * for values out of vocabulary, and both are counted. The client reconnects by itself.
 */
import { createClient } from "@redis/client";
import { ConfigError, MillraceError } from "../core/index.ts";
import { RowCache } from "./row-cache.ts";
import type { RowCounts, RowHome } from "./row-home.ts";

export interface RedisRowsOptions {
  readonly prefix: string;
  readonly dim: number;
  readonly cacheBytes: number;
  /** How long a look-up may take before rows fall back. */
  readonly timeoutMs: number;
  readonly fallback: Float32Array;
}

/** What a home asks of a connection; several homes share one. */
export interface RedisReader {
  /** Values of keys; rejects when the server does not answer. */
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>;
}

/** Reads without an answer, far more than run at once. While a server hangs, more would only take memory. */
const MOST_UNANSWERED = 16;

export class RedisRows implements RowHome {
  readonly immediate = false;
  readonly #reader: RedisReader;
  readonly #options: RedisRowsOptions;
  readonly #cache: RowCache;
  #unanswered = 0;
  #counts: RowCounts = { hits: 0, misses: 0, fallbacks: 0 };

  constructor(reader: RedisReader, options: RedisRowsOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#cache = new RowCache(options.dim, options.cacheBytes);
  }

  async gather(ids: Int32Array, into: Float32Array): Promise<void> {
    const { dim, fallback } = this.#options;
    // The ids are a view that the caller uses again once this has returned a promise.
    const wanted = Int32Array.from(ids);
    const absent: number[] = [];
    wanted.forEach((id, k) => {
      const row = this.#cache.get(id);
      if (row === undefined) absent.push(k);
      else into.set(row, k * dim);
    });
    this.#counts.hits += wanted.length - absent.length;
    if (absent.length === 0) return;
    this.#counts.misses += absent.length;
    const values =
      this.#unanswered < MOST_UNANSWERED
        ? await this.#inTime(this.#fetch(absent.map((k) => wanted[k])))
        : undefined;
    absent.forEach((k, n) => {
      const row = values?.[n];
      if (row === undefined) this.#counts.fallbacks++;
      into.set(row ?? fallback, k * dim);
    });
  }

  /** Rows by id as far as Redis has them. They are kept even when nobody waits any more: the next request will. */
  async #fetch(ids: readonly number[]): Promise<readonly (Float32Array | undefined)[]> {
    const { dim, prefix } = this.#options;
    this.#unanswered++;
    const values = await this.#reader
      .read(ids.map((id) => `${prefix}${id}`))
      .finally(() => this.#unanswered--);
    return ids.map((id, k) => {
      const bytes = values[k];
      if (bytes?.length !== dim * 4) return undefined;
      // Bytes of a reply stand anywhere in its buffer; floats need an aligned start.
      const row = new Float32Array(Uint8Array.from(bytes).buffer);
      if (this.#cache.get(id) === undefined) this.#cache.add(id).set(row);
      return row;
    });
  }

  async #inTime<T>(reply: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      // A run of the model holds this thread up. Timers come before sockets then: what has arrived is read first.
      timer = setTimeout(() => setImmediate(() => resolve(undefined)), this.#options.timeoutMs);
    });
    try {
      return await Promise.race([reply.catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  takeCounts(): RowCounts {
    const counts = this.#counts;
    this.#counts = { hits: 0, misses: 0, fallbacks: 0 };
    return counts;
  }

  async close(): Promise<void> {}
}

/** A connection that answers reads with buffers and fails them at once while the server is away. */
export class RedisConnection implements RedisReader {
  readonly #client;

  constructor(url: string) {
    this.#client = createClient({
      url,
      disableOfflineQueue: true,
      commandOptions: { typeMapping: { 36: Buffer } },
      socket: { reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2000), connectTimeout: 2000 },
    });
    // Without a listener an error of the socket ends the process; reads fail by themselves.
    this.#client.on("error", () => {});
  }

  /** Connects; while the server is away this goes on in the background. */
  connect(): Promise<void> {
    return this.#client.connect().then(
      () => {},
      () => {},
    );
  }

  async read(keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
    if (!this.#client.isReady) throw new Error("Redis is not connected");
    return (await this.#client.mGet([...keys])) as unknown as (Buffer | null)[];
  }

  close(): void {
    this.#client.destroy();
  }
}

function publisher(url: string) {
  try {
    return createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2000 } });
  } catch (cause) {
    // The address itself may hold a password.
    throw new ConfigError(`rows: the address of a Redis server was expected: ${(cause as Error).message}`, {
      hint: "redis://[[user]:password@]host[:port][/database number]",
      cause,
    });
  }
}

/** Rows sent to Redis in one command. */
const ROWS_A_COMMAND = 512;

/**
 * Writes a table's rows under their keys, unless a marker says that they are there already.
 *
 * @param check throws when the rows are not what their keys say; they are not marked as complete then
 * @returns whether rows were written
 * @throws ConfigError for an address that is none, MillraceError when the server cannot be reached
 */
export async function publishRows(
  url: string,
  tables: readonly { readonly prefix: string; readonly data: Float32Array; readonly dim: number }[],
  check: () => void = () => {},
): Promise<boolean> {
  const client = publisher(url);
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (cause) {
    const { host } = new URL(url);
    throw new MillraceError(`Redis at ${host} cannot be reached: ${(cause as Error).message}`, {
      details: { host },
      hint: "a model whose rows live in Redis can only be loaded while Redis answers",
      cause,
    });
  }
  let wrote = false;
  try {
    for (const { prefix, data, dim } of tables) {
      const marker = `${prefix}complete`;
      if ((await client.exists(marker)) === 1) continue;
      wrote = true;
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const rows = data.length / dim;
      for (let first = 0; first < rows; first += ROWS_A_COMMAND) {
        const last = Math.min(first + ROWS_A_COMMAND, rows);
        const pairs: [string, Buffer][] = [];
        for (let row = first; row < last; row++) {
          pairs.push([`${prefix}${row}`, bytes.subarray(row * dim * 4, (row + 1) * dim * 4)]);
        }
        await client.mSet(pairs);
      }
      check();
      // Last: a half-written table is written again.
      await client.set(marker, String(rows));
    }
  } finally {
    client.destroy();
  }
  return wrote;
}
