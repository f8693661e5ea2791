/**
 * An index in use: searches by raw keys, and goes over to a new version without a restart. A search stays
 * with the version it began with; the old one is closed when its last search has ended.
 */
import type { Engine } from "../engine/index.ts";
import { currentVersion, type OpenedIndex, openIndex } from "./index-files.ts";
import { ItemSubset } from "./item-index.ts";

export interface KeySearchOptions {
  /** Items to return at most. */
  readonly k: number;
  /**
   * Only these keys may be returned; keys that the index does not hold are passed over. `AllowedKeys` where they are
   * the same for many searches. @default all
   */
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

/** Keys that many searches are confined to: item numbers are made of them once a version of the index. */
export class AllowedKeys implements Iterable<string> {
  readonly #keys: ReadonlySet<string>;
  readonly #subsets = new WeakMap<OpenedIndex, ItemSubset>();

  constructor(keys: Iterable<string>) {
    this.#keys = new Set(keys);
  }

  /** The items of a version that have these keys. */
  subsetOf(opened: OpenedIndex): ItemSubset {
    let subset = this.#subsets.get(opened);
    if (subset === undefined) {
      subset = new ItemSubset(opened.index.items, numbersOf(this.#keys, opened));
      this.#subsets.set(opened, subset);
    }
    return subset;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#keys[Symbol.iterator]();
  }
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
    const { index, keys, folder } = held.opened;
    held.searches++;
    try {
      const { items, scores } = await index.search(user, {
        k,
        allowed:
          allowed instanceof AllowedKeys
            ? allowed.subsetOf(held.opened)
            : allowed && numbersOf(allowed, held.opened),
        excluded: excluded && numbersOf(excluded, held.opened),
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

/** Item numbers of the keys that the index holds. */
function numbersOf(keys: Iterable<string>, { numbers }: OpenedIndex): number[] {
  return Array.from(keys, (key) => numbers.get(key)).filter((number) => number !== undefined);
}

async function retire(held: Held): Promise<void> {
  held.retired = true;
  if (held.searches === 0) await held.opened.index.close();
}
