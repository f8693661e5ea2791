/**
 * An index in use: searches by raw keys, and goes over to a new version without a restart. A search stays
 * with the version it began with; the old one is closed when its last search has ended.
 */
import type { Engine } from "../engine/index.ts";
import { currentVersion, type OpenedIndex, openIndex } from "./index-files.ts";

export interface KeySearchOptions {
  /** Items to return at most. */
  readonly k: number;
  /** Only these keys may be returned; keys that the index does not hold are passed over. @default all */
  readonly allowed?: Iterable<string>;
  /** These keys are left out: already seen, out of stock. @default none */
  readonly excluded?: Iterable<string>;
}

export interface KeyCandidates {
  /** The version that answered. */
  readonly version: string;
  /** Raw keys, best first. */
  readonly keys: readonly string[];
  readonly scores: Float32Array;
}

interface Held {
  readonly opened: OpenedIndex;
  searches: number;
  retired: boolean;
}

export class LiveIndex {
  readonly #directory: string;
  readonly #engine: Engine;
  #held: Held;
  #refreshing: Promise<boolean> | undefined;

  private constructor(directory: string, engine: Engine, opened: OpenedIndex) {
    this.#directory = directory;
    this.#engine = engine;
    this.#held = { opened, searches: 0, retired: false };
  }

  /** @throws DataError when the directory holds no index */
  static async open(directory: string, { engine }: { engine: Engine }): Promise<LiveIndex> {
    return new LiveIndex(directory, engine, await openIndex(directory, { engine }));
  }

  /** Folder of the version in use. */
  get version(): string {
    return this.#held.opened.folder;
  }

  get items(): number {
    return this.#held.opened.index.items;
  }

  get kind(): string {
    return this.#held.opened.index.kind;
  }

  /**
   * Takes up the version that the directory names now. Concurrent calls share one opening; where opening
   * fails, the version in use stays.
   *
   * @returns whether there was a new one
   */
  async refresh(): Promise<boolean> {
    this.#refreshing ??= this.#takeUp().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #takeUp(): Promise<boolean> {
    const folder = currentVersion(this.#directory);
    if (folder === this.version) return false;
    const opened = await openIndex(this.#directory, { engine: this.#engine, folder });
    const old = this.#held;
    this.#held = { opened, searches: 0, retired: false };
    await retire(old);
    return true;
  }

  /**
   * The best items of an encoded user.
   *
   * @throws ConfigError when k is not positive
   */
  async search(user: Float32Array, { k, allowed, excluded }: KeySearchOptions): Promise<KeyCandidates> {
    const held = this.#held;
    const { index, keys, numbers, folder } = held.opened;
    const known = (given: Iterable<string> | undefined): number[] | undefined =>
      given && Array.from(given, (key) => numbers.get(key)).filter((number) => number !== undefined);
    held.searches++;
    try {
      const { items, scores } = await index.search(user, {
        k,
        allowed: known(allowed),
        excluded: known(excluded),
      });
      return { version: folder, keys: Array.from(items, (item) => keys[item]), scores };
    } finally {
      held.searches--;
      if (held.retired && held.searches === 0) await index.close();
    }
  }

  async close(): Promise<void> {
    await retire(this.#held);
  }
}

async function retire(held: Held): Promise<void> {
  held.retired = true;
  if (held.searches === 0) await held.opened.index.close();
}
