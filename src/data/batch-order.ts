/**
 * In which order the rows of a stored split come, as a function of (seed, epoch) and of what is stored.
 *
 * Rows are stored in blocks. In stored order, blocks come one after another. Shuffled, a split of at
 * most `windowRows` rows is one permutation of all its rows; a larger one is a permutation of its
 * blocks, cut into windows of at most `windowRows` rows, each with a permutation of its own. Every
 * window can be found without reading the ones before, so that a run resumes anywhere.
 */
import { CounterRandom } from "../core/index.ts";
import type { StoredPart } from "./part-writer.ts";

export interface Block {
  /** Index of the part. */
  readonly part: number;
  /** First row within the part. */
  readonly start: number;
  readonly rows: number;
}

export interface Shuffle {
  readonly seed: number;
  readonly epoch: number;
}

/** Blocks that are in memory together, and the order of their rows (absent: as they are). */
export interface Window {
  readonly blocks: readonly Block[];
  readonly rows: number;
  /** Rows of all windows before. */
  readonly start: number;
  order(): Uint32Array | undefined;
}

export function blocksOf(parts: readonly Pick<StoredPart, "rows">[], blockRows: number): Block[] {
  const blocks: Block[] = [];
  for (const [part, { rows }] of parts.entries()) {
    for (let start = 0; start < rows; start += blockRows) {
      blocks.push({ part, start, rows: Math.min(blockRows, rows - start) });
    }
  }
  return blocks;
}

/** The windows of one pass over the blocks. */
export function planWindows(
  blocks: readonly Block[],
  windowRows: number,
  shuffle: Shuffle | undefined,
): Window[] {
  const total = rowsOf(blocks);
  const whole = total <= windowRows;
  let ordered = blocks;
  if (shuffle !== undefined && !whole) {
    const order = new CounterRandom(shuffle.seed, "blocks", shuffle.epoch).permutation(blocks.length);
    ordered = Array.from(order, (k) => blocks[k]);
  }
  // In stored order nothing is gained by more than one block at a time.
  const limit = whole ? total : shuffle === undefined ? 0 : windowRows;
  const windows: Window[] = [];
  let start = 0;
  for (let first = 0; first < ordered.length; ) {
    let next = first + 1;
    let rows = ordered[first].rows;
    while (next < ordered.length && rows + ordered[next].rows <= limit) rows += ordered[next++].rows;
    windows.push(makeWindow(ordered.slice(first, next), rows, start, shuffle, windows.length));
    start += rows;
    first = next;
  }
  return windows;
}

function makeWindow(
  blocks: readonly Block[],
  rows: number,
  start: number,
  shuffle: Shuffle | undefined,
  index: number,
): Window {
  const order = (): Uint32Array | undefined =>
    shuffle === undefined
      ? undefined
      : new CounterRandom(shuffle.seed, "rows", shuffle.epoch, index).permutation(rows);
  return { blocks, rows, start, order };
}

function rowsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { rows }) => sum + rows, 0);
}
