/**
 * A scan of a text file from end to end, independent of the reader behind it: gzip integrity (the check
 * sum included), invalid UTF-8, NUL bytes, over-long lines, line ends, blank lines. It works on whole
 * lines and bytes only (a few hundred MB a second); what lies in quotes is not looked into.
 */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { DataError } from "../core/index.ts";
import { readHead } from "./source-format.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;

/** Longest line read; longer ones mean a file without line ends or with a quote never closed. */
export const MAX_LINE_BYTES = 8 << 20;

export interface TextScan {
  /** Physical lines, a last one without a line end included. */
  readonly lines: number;
  /** Lines with nothing at all on them. */
  readonly blankLines: number;
  /** Lines of blanks and tabs alone. */
  readonly whiteLines: number;
  readonly carriageReturnEnds: number;
  readonly lineFeedEnds: number;
  /** First line whose end differs from the first line's. */
  readonly firstMixedEnd: number | undefined;
  readonly quotes: boolean;
  /** Line of the first carriage return that does not stand before a line feed. */
  readonly firstLoneReturn: number | undefined;
  /** Lines that end with the separator (to be counted exactly: an empty last field does so, too). */
  readonly separatorEnds: number;
  /** Most separators on one of these lines, quoted ones included. */
  readonly mostSeparators: number;
}

export interface ScanOptions {
  readonly encoding: "utf-8" | "latin-1";
  readonly separator?: string;
}

/** A file's bytes in pieces, unpacked when it is gzip. @throws DataError for a broken or cut-off gzip file */
export async function* readBytes(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  if (!readHead(path).gzip) {
    yield* file;
    return;
  }
  const unpacked = createGunzip({ chunkSize: 1 << 18 });
  file.on("error", (error) => unpacked.destroy(error));
  try {
    yield* file.pipe(unpacked) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new DataError(`${path}: broken or cut-off gzip file: ${(cause as Error).message}`, {
      details: { file: path, expected: "a complete gzip stream", received: (cause as Error).message },
      hint: "fetch or compress the file again",
      cause,
    });
  } finally {
    file.destroy();
  }
}

/**
 * Pieces of a file that end at line ends, with the number of the first line of each.
 *
 * @throws DataError for a line longer than `MAX_LINE_BYTES` and what `readBytes` throws
 */
export async function* readLineBlocks(path: string): AsyncGenerator<{ block: Buffer; line: number }> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let line = 1;
  for await (const chunk of readBytes(path)) {
    const end = chunk.lastIndexOf(LINE_FEED);
    if (end < 0) {
      pending.push(chunk);
      pendingBytes += chunk.length;
    } else {
      const block = Buffer.concat([...pending, chunk.subarray(0, end + 1)]);
      yield { block, line };
      line += countLineFeeds(block);
      pending = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
      pendingBytes = chunk.length - end - 1;
    }
    if (pendingBytes > MAX_LINE_BYTES) {
      throw new DataError(`${path}: line ${line} is longer than ${MAX_LINE_BYTES} bytes`, {
        details: { file: path, row: line, expected: `lines up to ${MAX_LINE_BYTES} bytes` },
        hint: "is this a text file with one record a line? (line ends must be LF or CRLF)",
      });
    }
  }
  if (pendingBytes > 0) yield { block: Buffer.concat(pending), line };
}

function countLineFeeds(block: Buffer): number {
  let count = 0;
  for (let k = block.indexOf(LINE_FEED); k >= 0; k = block.indexOf(LINE_FEED, k + 1)) count++;
  return count;
}

/**
 * Reads the whole file once.
 *
 * @throws DataError with file and line for broken gzip, NUL bytes, invalid UTF-8 or an endless line
 */
export async function scanText(path: string, { encoding, separator = "" }: ScanOptions): Promise<TextScan> {
  const ending = Buffer.from(separator, "utf8");
  let lines = 0;
  let blankLines = 0;
  let whiteLines = 0;
  let carriageReturnEnds = 0;
  let lineFeedEnds = 0;
  let separatorEnds = 0;
  let mostSeparators = 0;
  let firstMixedEnd: number | undefined;
  let firstLoneReturn: number | undefined;
  let quotes = false;
  for await (const { block, line } of readLineBlocks(path)) {
    checkBytes(path, block, line, encoding);
    quotes ||= block.indexOf(QUOTE) >= 0;
    const returns = block.indexOf(CARRIAGE_RETURN) >= 0;
    for (let start = 0; start < block.length; ) {
      const found = block.indexOf(LINE_FEED, start);
      const last = found < 0;
      let end = last ? block.length : found;
      lines++;
      if (returns && end > start && block[end - 1] === CARRIAGE_RETURN && !last) {
        end--;
        carriageReturnEnds++;
        if (lineFeedEnds > 0) firstMixedEnd ??= lines;
      } else if (!last) {
        lineFeedEnds++;
        if (carriageReturnEnds > 0) firstMixedEnd ??= lines;
      }
      if (end === start) blankLines++;
      else if (block[start] <= SPACE && block.toString("latin1", start, end).trim() === "") whiteLines++;
      else if (ending.length > 0 && endsWith(block, start, end, ending)) {
        separatorEnds++;
        mostSeparators = Math.max(mostSeparators, countIn(block, start, end, ending));
      }
      if (returns && firstLoneReturn === undefined) {
        const lone = block.indexOf(CARRIAGE_RETURN, start);
        if (lone >= 0 && lone < end) firstLoneReturn = lines;
      }
      start = last ? block.length : found + 1;
    }
  }
  return {
    lines,
    blankLines,
    whiteLines,
    carriageReturnEnds,
    lineFeedEnds,
    firstMixedEnd,
    quotes,
    firstLoneReturn,
    separatorEnds,
    mostSeparators,
  };
}

/** How often `part` comes from `start` on, before `end`. */
function countIn(block: Buffer, start: number, end: number, part: Buffer): number {
  if (part.length > 1)
    return block.subarray(start, end).toString("latin1").split(part.toString("latin1")).length - 1;
  const [byte] = part;
  let count = 0;
  for (let k = start; k < end; k++) if (block[k] === byte) count++;
  return count;
}

function endsWith(block: Buffer, start: number, end: number, ending: Buffer): boolean {
  if (end - start < ending.length) return false;
  for (let k = 1; k <= ending.length; k++) {
    if (block[end - k] !== ending[ending.length - k]) return false;
  }
  return true;
}

function checkBytes(path: string, block: Buffer, line: number, encoding: "utf-8" | "latin-1"): void {
  const nul = block.indexOf(0);
  if (nul >= 0) {
    const row = line + countLineFeeds(block.subarray(0, nul));
    throw new DataError(`${path}: line ${row} holds a NUL byte`, {
      details: { file: path, row, expected: "text", received: "a NUL byte" },
      hint: "binary data, UTF-16 text, or a file that was not written to its end",
    });
  }
  if (encoding === "latin-1" || isUtf8(block)) return;
  let row = line;
  for (let start = 0; start < block.length; row++) {
    const found = block.indexOf(LINE_FEED, start);
    const end = found < 0 ? block.length : found;
    const text = block.subarray(start, end);
    if (!isUtf8(text)) {
      throw new DataError(
        `${path}: line ${row} is not valid UTF-8: ${JSON.stringify(clip(text.toString()))}`,
        {
          details: { file: path, row, expected: "UTF-8 text", received: clip(text.toString()) },
          hint: 'if the file is Latin-1, declare encoding: "latin-1"',
        },
      );
    }
    start = end + 1;
  }
}

/** At most 120 characters of a text, for messages. */
export function clip(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
