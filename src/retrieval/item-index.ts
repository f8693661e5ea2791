/**
 * What an index is: it holds encoded items and gives the best ones for encoded users, with filters. Exact
 * scan, HNSW and learned hierarchies are all behind this one interface; callers see item numbers and scores.
 */
import { ConfigError } from "../core/index.ts";

export interface SearchOptions {
  /** Items to return at most. */
  readonly k: number;
  /** Only these item numbers may be returned. @default all */
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
   * @throws ConfigError when k is not positive or a filter names an item that does not exist
   */
  search(user: Float32Array, options: SearchOptions): Promise<Candidates>;
  /** Frees what the index holds; searches that run are finished first. */
  close(): Promise<void>;
}

/** Which items may be returned, by number. */
export interface ItemFilter {
  /** How many items pass. */
  readonly passing: number;
  passes(item: number): boolean;
  /** The items that pass where they were listed, else undefined. */
  readonly listed: Int32Array | undefined;
}

/** @throws ConfigError when k is not a positive integer or an item does not exist */
export function itemFilter(items: number, { k, allowed, excluded }: SearchOptions): ItemFilter {
  if (!Number.isInteger(k) || k < 1) {
    throw new ConfigError(`k must be a positive integer, is ${k}`, { details: { k } });
  }
  const out = new Set<number>();
  for (const item of excluded ?? []) out.add(checked(item, items));
  if (allowed === undefined) {
    return { passing: items - out.size, passes: (item) => !out.has(item), listed: undefined };
  }
  const inside = new Set<number>();
  for (const item of allowed) if (!out.has(checked(item, items))) inside.add(item);
  return {
    passing: inside.size,
    passes: (item) => inside.has(item),
    listed: Int32Array.from(inside).sort(),
  };
}

function checked(item: number, items: number): number {
  if (Number.isInteger(item) && item >= 0 && item < items) return item;
  throw new ConfigError(`a filter names item ${item}; the index has items 0 to ${items - 1}`, {
    details: { item, items },
    hint: "filters are item numbers of this index's version: translate keys with its `numberOf`",
  });
}
