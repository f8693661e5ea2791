/**
 * What an index is: it holds encoded items and gives the best ones for encoded users, with filters. Exact
 * scan, HNSW and learned hierarchies are all behind this one interface; callers see item numbers and scores.
 */
import { ConfigError } from "../core/index.ts";

export interface SearchOptions {
  /** Items to return at most. */
  readonly k: number;
  /** Only these item numbers may be returned; an `ItemSubset` where they are the same for many searches. @default all */
  readonly allowed?: Iterable<number>;
  /** These item numbers are left out: already seen, out of stock. @default none */
  readonly excluded?: Iterable<number>;
}

/** The best items of one user, best first; fewer than k when filters leave fewer. */
export interface Candidates {
  /** Item numbers. */
  readonly items: Int32Array;
  /** The model's scores, descending. */
  readonly scores: Float32Array;
}

export interface ItemIndex {
  /** How it was built, such as `exact` or `hnsw`. */
  readonly kind: string;
  /** Items held. */
  readonly items: number;
  /** Shape of one encoded user. */
  readonly userShape: readonly number[];
  /**
   * @param user one encoded user, `[...userShape]`
   * @throws ConfigError when it is not one user, k is not positive or a filter names an item that does not exist
   */
  search(user: Float32Array, options: SearchOptions): Promise<Candidates>;
  /** Frees what the index holds; searches that run are finished first. */
  close(): Promise<void>;
}

/**
 * A search is for one user: a batch of them would be scored as rows of items that are not there.
 *
 * @throws ConfigError when the values are not those of one encoded user
 */
export function checkUser(user: Float32Array, userShape: readonly number[]): void {
  const expected = userShape.reduce((product, size) => product * size, 1);
  if (user.length === expected) return;
  throw new ConfigError(`a search takes one encoded user, ${expected} values, not ${user.length}`, {
    details: { expected, received: user.length },
    hint: "of a batch of users, search for one after the other",
  });
}

/** Some items of an index, checked and put in order once for all searches that are confined to them. */
export class ItemSubset implements Iterable<number> {
  /** Ascending, each once. */
  readonly listed: Int32Array;
  readonly #mask: Uint8Array;

  /**
   * @param items that the index has
   * @throws ConfigError when one of the chosen does not exist
   */
  constructor(items: number, chosen: Iterable<number>) {
    this.#mask = new Uint8Array(items);
    const listed: number[] = [];
    for (const item of chosen) {
      if (this.#mask[checked(item, items)] === 1) continue;
      this.#mask[item] = 1;
      listed.push(item);
    }
    this.listed = Int32Array.from(listed).sort();
  }

  /** How many items the index has from which they are taken. */
  get items(): number {
    return this.#mask.length;
  }

  has(item: number): boolean {
    return this.#mask[item] === 1;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.listed[Symbol.iterator]();
  }
}

/** Which items may be returned, by number. */
export interface ItemFilter {
  /** How many items pass. */
  readonly passing: number;
  passes(item: number): boolean;
  /** The items that pass, ascending. */
  listed(): Int32Array;
  /** Items that are allowed, excluded ones too; undefined where all are. */
  readonly allowed: number | undefined;
  /** Items left out by name. */
  readonly excluded: number;
}

/** @throws ConfigError when k is not a positive integer or an item does not exist */
export function itemFilter(items: number, { k, allowed, excluded }: SearchOptions): ItemFilter {
  if (!Number.isInteger(k) || k < 1) {
    throw new ConfigError(`k must be a positive integer, is ${k}`, { details: { k } });
  }
  const out = new Set<number>();
  for (const item of excluded ?? []) out.add(checked(item, items));
  if (allowed === undefined) {
    const passes = (item: number): boolean => !out.has(item);
    return {
      passing: items - out.size,
      passes,
      listed: () => Int32Array.from({ length: items }, (_, item) => item).filter(passes),
      allowed: undefined,
      excluded: out.size,
    };
  }
  // One of another version is checked anew, item by item.
  const prepared = allowed instanceof ItemSubset && allowed.items === items;
  const subset = prepared ? allowed : new ItemSubset(items, allowed);
  const passes = (item: number): boolean => subset.has(item) && !out.has(item);
  let inside = 0;
  for (const item of out) inside += Number(subset.has(item));
  return {
    passing: subset.listed.length - inside,
    passes,
    listed: () => (inside === 0 ? subset.listed : subset.listed.filter(passes)),
    allowed: subset.listed.length,
    excluded: out.size,
  };
}

function checked(item: number, items: number): number {
  if (Number.isInteger(item) && item >= 0 && item < items) return item;
  throw new ConfigError(`a filter names item ${item}; the index has items 0 to ${items - 1}`, {
    details: { item, items },
    hint: "filters are item numbers of this index's version: translate keys with its `numberOf`",
  });
}
