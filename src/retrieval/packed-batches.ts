/**
 * Batches of sequences for next-item models. Most histories are short, so several stand in one row, one
 * after the other; `@segment` tells them apart (0 is padding) and models neither attend nor carry state
 * across. On Amazon Beauty this makes an epoch seven times shorter than one padded user a row.
 *
 *     items of a segment   i₁ … i_n      inputs i₁ … i_{n-1}, positives i₂ … i_n
 *
 * A sequence longer than a row is cut into windows from its end, so nothing is thrown away.
 */
import { CounterRandom, hashKey } from "../core/index.ts";
import { type BatchColumn, type EncodedBatch, FIRST_VALUE_ID } from "../schema/index.ts";
import type { Catalogue } from "./catalogue.ts";
import type { ItemLists } from "./item-lists.ts";
import { type EpochOptions, ItemDraw, type NegativePlan, type TrainingBatches } from "./training-batches.ts";

/** Columns of a packed row, each `length` wide. */
export const packedColumns = {
  /** Encoded ids of the inputs. */
  items: "@items",
  /** float32: which sequence of the row a position belongs to, from 1; 0 is padding. */
  segment: "@segment",
  /** int32: place within the sequence, from 0. */
  position: "@position",
} as const;

export interface PackedBatchesOptions {
  /** Training sequences in time order. */
  readonly lists: ItemLists;
  readonly catalogue: Catalogue;
  readonly negatives: NegativePlan;
  /** Inputs of one row; longer sequences are cut. */
  readonly length: number;
  /** Rows of one step; all batches are full, the last one by padding. */
  readonly batchSize: number;
  /** Whether all windows of a long sequence are learned from, or the most recent alone. @default "all" */
  readonly windows?: "all" | "last";
}

/** A stretch of one user's items: `inputs` of them, and each one's next. */
interface Window {
  readonly user: number;
  /** First input, an index into the lists' items. */
  readonly first: number;
  readonly inputs: number;
}

export function packedBatches(options: PackedBatchesOptions): TrainingBatches {
  const { lists, catalogue, negatives, length, batchSize, windows = "all" } = options;
  const all = windowsOf(lists, length, windows);
  const filled = all.reduce((sum, { inputs }) => sum + inputs, 0);
  const draw = new ItemDraw({
    catalogue,
    known: lists,
    plan: negatives,
    batchSize,
    positivesPerRow: length,
    positivesPerBatch: (filled / packRows(all, length).length) * batchSize,
  });
  const { items, segment, position } = packedColumns;
  const column = (name: string, dtype: BatchColumn["dtype"]): BatchColumn => ({
    name,
    role: "feature",
    dtype,
    width: length,
  });
  const layout = [column(items, "int32"), column(segment, "float32"), column(position, "int32")];
  return {
    layout: [...layout, ...draw.layout],
    batchSize,
    positivesPerRow: length,
    negativesPerRow: draw.negativesPerRow,
    own: draw.own,
    takenPlaces: draw.takenPlaces,
    fingerprint: JSON.stringify(["packed", lists.total, length, windows, negatives, batchSize]),
    epoch({ seed, epoch, skip = 0 }: EpochOptions) {
      const order = new CounterRandom(seed, "sequences", epoch).permutation(all.length);
      const rows = packRows(
        Array.from(order, (k) => all[k]),
        length,
      );
      const batches = Math.ceil(rows.length / batchSize);
      return {
        batches,
        *[Symbol.iterator](): Iterator<EncodedBatch> {
          for (let b = skip; b < batches; b++) {
            const chosen = rows.slice(b * batchSize, (b + 1) * batchSize);
            const packed = fillRows(lists, chosen, { length, size: batchSize });
            const drawn = draw.columns(packed.positives, packed.users, hashKey(seed, "batch", epoch, b));
            yield { size: batchSize, columns: { ...packed.columns, ...drawn } };
          }
        },
      };
    },
  };
}

/** Windows of `length` inputs from each sequence's end; one item alone has nothing next. */
function windowsOf(lists: ItemLists, length: number, which: "all" | "last"): Window[] {
  const windows: Window[] = [];
  for (let user = 0; user < lists.rows; user++) {
    const begin = lists.offsets[user];
    // `end` is the last target; a window's inputs come before their targets.
    for (let end = lists.offsets[user + 1] - 1; end > begin; end -= length) {
      const first = Math.max(begin, end - length);
      windows.push({ user, first, inputs: end - first });
      if (which === "last") break;
    }
  }
  return windows;
}

/** How many unfinished rows a sequence may still go into. */
const OPEN_ROWS = 32;

/** First fit among the rows that are still open. */
function packRows(windows: readonly Window[], length: number): Window[][] {
  const rows: Window[][] = [];
  const open: { row: Window[]; free: number }[] = [];
  for (const window of windows) {
    let slot = open.find(({ free }) => free >= window.inputs);
    if (slot === undefined) {
      const row: Window[] = [];
      rows.push(row);
      slot = { row, free: length };
      open.push(slot);
      if (open.length > OPEN_ROWS) open.splice(open.indexOf(fullest(open)), 1);
    }
    slot.row.push(window);
    slot.free -= window.inputs;
    if (slot.free === 0 && open.includes(slot)) open.splice(open.indexOf(slot), 1);
  }
  return rows;
}

function fullest<T extends { readonly free: number }>(open: readonly T[]): T {
  // Never the row that was opened just now, which is last.
  return open.slice(0, -1).reduce((best, slot) => (slot.free < best.free ? slot : best));
}

function fillRows(
  lists: ItemLists,
  rows: readonly (readonly Window[])[],
  { length, size }: { length: number; size: number },
): { columns: EncodedBatch["columns"]; positives: Int32Array; users: Int32Array } {
  const ids = new Int32Array(size * length);
  const segments = new Float32Array(size * length);
  const positions = new Int32Array(size * length);
  const positives = new Int32Array(size * length);
  const users = new Int32Array(size * length).fill(-1);
  for (const [r, row] of rows.entries()) {
    let at = r * length;
    for (const [s, { user, first, inputs }] of row.entries()) {
      for (let k = 0; k < inputs; k++, at++) {
        ids[at] = FIRST_VALUE_ID + lists.items[first + k];
        segments[at] = s + 1;
        positions[at] = k;
        positives[at] = lists.items[first + k + 1];
        users[at] = user;
      }
    }
  }
  const { items, segment, position } = packedColumns;
  return { columns: { [items]: ids, [segment]: segments, [position]: positions }, positives, users };
}
