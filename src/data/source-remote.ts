/**
 * Files at http(s) addresses, as local copies. Of a Parquet file only the footer and the columns that are
 * wanted are fetched, by range requests, into a sparse file of the full length that the reader then takes
 * for the whole; everything else, and what a server without ranges gives, is fetched whole. A copy is kept
 * in a folder named after the address, and fetched anew when the server says that the file is another.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DataError, MillraceError } from "../core/index.ts";
import { readJson, removePath, writeJsonAtomic } from "../core/node/index.ts";
import { type ByteRange, mergeRanges, missingRanges } from "./byte-ranges.ts";
import {
  discard,
  type FileResponse,
  request,
  requestRange,
  type Validators,
  validatorsOf,
} from "./http-request.ts";
import { literalPath } from "./source-files.ts";
import { queryRows, sqlText } from "./source-sql.ts";

export const REMOTE = /^https?:\/\//i;

export interface RemoteCopy {
  /** The local copy; of a Parquet file, what is not `columns` may be holes. */
  readonly path: string;
  /** Equal for equal content. */
  readonly identity: string;
  /** Columns that the copy holds; absent: all. */
  readonly columns: readonly string[] | undefined;
}

export interface RemoteOptions {
  /** Folder of the copies. */
  readonly folder: string;
  /** Columns that will be read; absent: all. */
  readonly wanted: readonly string[] | undefined;
  readonly parquet: boolean;
}

/** @throws DataError for an address that cannot be read, or a file that changes meanwhile */
export async function fetchRemote(
  connection: DuckDBConnection,
  url: string,
  { folder, wanted, parquet }: RemoteOptions,
): Promise<RemoteCopy> {
  const directory = join(folder, createHash("sha256").update(url).digest("hex").slice(0, 24));
  mkdirSync(directory, { recursive: true });
  // The end of the name, which tells the format: a name may be longer than file systems take, and it may be `copy.json`.
  const path = join(directory, `of-${basename(new URL(url).pathname).slice(-100) || "data"}`);
  if (!parquet || wanted === undefined) return fetchWhole(url, directory, path, undefined);
  return fetchColumns(connection, url, { directory, path, wanted });
}

/** `copy.json`: what the copy is of, and which bytes of it are there. */
interface CopyRecord {
  readonly url: string;
  readonly validators: Validators;
  readonly length: number;
  readonly identity: string;
  readonly ranges: readonly ByteRange[];
}

function storedRecord(directory: string, path: string): CopyRecord | undefined {
  const file = join(directory, "copy.json");
  return existsSync(file) && existsSync(path) ? (readJson(file) as CopyRecord) : undefined;
}

/** @param begun an answer that is there already; absent: it is asked for */
async function fetchWhole(
  url: string,
  directory: string,
  path: string,
  begun: FileResponse | undefined,
): Promise<RemoteCopy> {
  const known = storedRecord(directory, path);
  const whole = known !== undefined && missingRanges(known.ranges, [[0, known.length]]).length === 0;
  const response = begun ?? (await request(url, whole ? conditional(known.validators) : {}));
  const { etag } = validatorsOf(response.headers);
  if (whole && (response.status === 304 || (etag !== undefined && etag === known.validators.etag))) {
    await discard(response);
    return { path, identity: known.identity, columns: undefined };
  }
  const hash = createHash("sha256");
  const partial = join(directory, `.${process.pid}.partial`);
  const file = openSync(partial, "w");
  let length = 0;
  try {
    for await (const bytes of response.body) {
      writeAll(file, bytes, length);
      hash.update(bytes);
      length += bytes.byteLength;
    }
    const promised = Number(response.headers.get("content-length") ?? length);
    if (promised !== length && response.headers.get("content-encoding") === null) {
      throw new DataError(`${url}: ${length} of ${promised} bytes came`, {
        details: { file: url, expected: promised, received: length },
      });
    }
  } catch (error) {
    removePath(partial);
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
  const identity = hash.digest("hex");
  const record: CopyRecord = {
    url,
    validators: validatorsOf(response.headers),
    length,
    identity,
    ranges: [[0, length]],
  };
  writeJsonAtomic(join(directory, "copy.json"), record);
  return { path, identity, columns: undefined };
}

function conditional({ etag, lastModified }: Validators): Record<string, string> {
  if (etag !== undefined) return { "if-none-match": etag };
  return lastModified === undefined ? {} : { "if-modified-since": lastModified };
}

/** Bytes at the end that hold most footers. */
const TAIL = 1 << 16;
const MAGIC = "PAR1";

async function fetchColumns(
  connection: DuckDBConnection,
  url: string,
  { directory, path, wanted }: { directory: string; path: string; wanted: readonly string[] },
): Promise<RemoteCopy> {
  const end = await requestRange(url, `-${TAIL}`, {});
  if (end === undefined) throw changed(url);
  if (!("bytes" in end)) return fetchWhole(url, directory, path, end);
  const { validators, total: length } = end;
  const footer = await wholeFooter(url, end.bytes, length, validators);
  // A server may tell nothing of a file's version; its footer says where everything stands and how large it is.
  const identity = createHash("sha256")
    .update(`${length} ${validators.etag ?? validators.lastModified ?? ""} `)
    .update(footer)
    .digest("hex");
  let known = storedRecord(directory, path);
  if (known?.identity !== identity) {
    const file = openSync(path, "w");
    ftruncateSync(file, length);
    writeAll(file, Buffer.from(MAGIC), 0);
    writeAll(file, footer, length - footer.byteLength);
    closeSync(file);
    const ranges: ByteRange[] = [[length - footer.byteLength, length]];
    known = { url, validators, length, identity, ranges };
    writeJsonAtomic(join(directory, "copy.json"), known);
  }
  const ranges = await columnRanges(connection, url, path, wanted);
  await fetchRanges(directory, path, known, ranges);
  return { path, identity, columns: wanted };
}

/** The footer with its length and the magic number behind it. */
async function wholeFooter(
  url: string,
  tail: Buffer,
  length: number,
  validators: Validators,
): Promise<Buffer> {
  const magic = tail.subarray(-4).toString("latin1");
  const size = tail.byteLength < 12 ? Number.POSITIVE_INFINITY : tail.readUInt32LE(tail.byteLength - 8) + 8;
  if (magic !== MAGIC || size > length) {
    throw new DataError(`${url} is no Parquet file`, {
      details: { file: url, expected: "PAR1 at its end", received: JSON.stringify(magic) },
      hint: "encrypted Parquet is not read; of another format, set data.format",
    });
  }
  if (size <= tail.byteLength) return tail.subarray(tail.byteLength - size);
  const more = await requestRange(url, `${length - size}-${length - 1}`, validators);
  if (more === undefined || !("bytes" in more)) throw changed(url);
  return more.bytes;
}

/** Where the wanted columns stand. */
async function columnRanges(
  connection: DuckDBConnection,
  url: string,
  path: string,
  wanted: readonly string[],
): Promise<ByteRange[]> {
  try {
    const chunks = await queryRows(
      connection,
      `SELECT path_in_schema AS path, data_page_offset AS data, dictionary_page_offset AS dictionary,
              total_compressed_size AS size FROM parquet_metadata(${sqlText(literalPath(path))})`,
    );
    const ranges: ByteRange[] = [];
    for (const chunk of chunks) {
      const name = String(chunk.path);
      // Nested columns name their parts, too.
      if (!wanted.some((column) => name === column || name.startsWith(`${column}, `))) continue;
      const data = Number(chunk.data);
      const dictionary = Number(chunk.dictionary ?? 0);
      const start = dictionary > 0 && dictionary < data ? dictionary : data;
      ranges.push([start, start + Number(chunk.size)]);
    }
    return ranges;
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new DataError(`${url}: its footer cannot be read: ${(cause as Error).message.split("\n")[0]}`, {
      details: { file: url },
      cause,
    });
  }
}

/** Gaps up to this many bytes are fetched along: a request costs more. */
const GAP = 1 << 18;
/** Bytes of a request at most. */
const PIECE = 1 << 23;
/** Requests at a time. */
const TOGETHER = 4;

async function fetchRanges(
  directory: string,
  path: string,
  { url, validators, length, identity, ranges: held }: CopyRecord,
  wanted: readonly ByteRange[],
): Promise<void> {
  const missing = missingRanges(held, mergeRanges(wanted, GAP));
  if (missing.length === 0) return;
  const pieces = missing.flatMap(([start, end]): ByteRange[] =>
    Array.from({ length: Math.ceil((end - start) / PIECE) }, (_, k) => [
      start + k * PIECE,
      Math.min(start + (k + 1) * PIECE, end),
    ]),
  );
  const file = openSync(path, "r+");
  let got: readonly ByteRange[] = held;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < pieces.length) {
      const [start, end] = pieces[next++];
      const part = await requestRange(url, `${start}-${end - 1}`, validators);
      if (
        part === undefined ||
        !("bytes" in part) ||
        part.total !== length ||
        part.bytes.byteLength !== end - start
      ) {
        throw changed(url);
      }
      writeAll(file, part.bytes, start);
      got = mergeRanges([...got, [start, end]], 0);
    }
  };
  try {
    await Promise.all(Array.from({ length: TOGETHER }, work));
  } finally {
    closeSync(file);
    // What came is kept, even when a later piece failed.
    writeJsonAtomic(join(directory, "copy.json"), { url, validators, length, identity, ranges: got });
  }
}

function changed(url: string): DataError {
  return new DataError(`${url} changed while it was read`, {
    details: { file: url },
    hint: "start again when it is not being written to",
  });
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    done += writeSync(file, bytes, done, bytes.byteLength - done, at + done);
  }
}
