/** A split cut at the borders of time windows: batches that lie within one window each, in stored order. */
import { ConfigError, DataError } from "../../core/index.ts";
import type { BatchSource, EncodedBatch } from "../../schema/index.ts";

export interface WindowPiece {
  /** Whole windows between 1970 and this one. */
  readonly window: number;
  readonly batch: EncodedBatch;
  /** Rows of the split up to the end of this piece. */
  readonly end: number;
}

export interface WindowPiecesOptions {
  readonly batchSize: number;
  readonly windowSeconds: number;
  /** Rows to leave out at the start: the end of an earlier piece. @default 0 */
  readonly from?: number;
}

/**
 * Where batches are cut depends on batch size and times alone, so that a stream that is entered in the middle
 * has the pieces it would have had.
 *
 * @throws ConfigError when the data have no timestamp, DataError when a row has none or comes after a later
 *   window's
 */
export async function* windowPieces(
  source: BatchSource,
  { batchSize, windowSeconds, from = 0 }: WindowPiecesOptions,
): AsyncGenerator<WindowPiece> {
  if (!source.layout.some(({ name }) => name === "@timestamp")) {
    throw new ConfigError("streaming: the data have no timestamp", {
      hint: "name the column of the rows' times as `timestamp` in the configuration",
    });
  }
  const skip = Math.floor(from / batchSize);
  let at = skip * batchSize;
  let last = Number.NEGATIVE_INFINITY;
  for await (const batch of source.batches({ batchSize, skip })) {
    const times = batch.columns["@timestamp"];
    for (let start = 0; start < batch.size; ) {
      const window = windowOf(times[start], windowSeconds, at);
      if (window < last) throw outOfOrder(at, times[start]);
      let end = start + 1;
      while (end < batch.size && windowOf(times[end], windowSeconds, at + end - start) === window) end++;
      at += end - start;
      if (at > from) yield { window, batch: sliceBatch(source, batch, start, end), end: at };
      last = window;
      start = end;
    }
  }
}

/** `2026-01-31`, or with the time of day where windows are shorter than a day. */
export function windowName(window: number, windowSeconds: number): string {
  const text = new Date(window * windowSeconds * 1000).toISOString();
  if (windowSeconds % 86_400 === 0) return text.slice(0, 10);
  return `${text.slice(0, 10)} ${text.slice(11, windowSeconds % 60 === 0 ? 16 : 19)}`;
}

function windowOf(time: number, windowSeconds: number, row: number): number {
  if (Number.isFinite(time)) return Math.floor(time / windowSeconds);
  throw new DataError(`streaming: row ${row} of the split has no time`, {
    details: { row },
    hint: "leave rows without a time out of the file",
  });
}

function outOfOrder(row: number, time: number): DataError {
  return new DataError(
    `streaming: row ${row} of the split, of ${new Date(time * 1000).toISOString()}, comes after rows of later windows`,
    {
      details: { row, time },
      hint: "store the rows in order of their time: `split.by: time` does not reorder them",
    },
  );
}

function sliceBatch({ layout }: BatchSource, batch: EncodedBatch, start: number, end: number): EncodedBatch {
  if (start === 0 && end === batch.size) return batch;
  const columns = Object.fromEntries(
    layout.map(({ name, width }) => [name, batch.columns[name].subarray(start * width, end * width)]),
  );
  return { size: end - start, columns };
}
