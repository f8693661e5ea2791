/** The first bytes of a file, and which format they and the file's name speak for. */
import { closeSync, openSync, readSync } from "node:fs";
import { constants, gunzipSync } from "node:zlib";
import { ConfigError, DataError } from "../core/index.ts";
import type { SourceFormat } from "./source-spec.ts";

/** Bytes at the start of a file that decide on its format, separator and header. */
const HEAD_BYTES = 1 << 18;

const FORMAT_BY_EXTENSION: Readonly<Record<string, SourceFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  json: "jsonl",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
  pq: "parquet",
  libsvm: "libsvm",
  svm: "libsvm",
  svmlight: "libsvm",
  libfm: "libfm",
};

/** Magic numbers of what is often met and not read. */
const FOREIGN: readonly {
  readonly magic: readonly number[];
  readonly name: string;
  readonly hint: string;
}[] = [
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: "Zstandard-compressed", hint: "unpack it with zstd -d" },
  { magic: [0x42, 0x5a, 0x68], name: "bzip2-compressed", hint: "unpack it with bunzip2" },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], name: "xz-compressed", hint: "unpack it with unxz" },
  {
    magic: [0x50, 0x4b, 0x03, 0x04],
    name: "a zip archive",
    hint: "unpack it; of a workbook, save the sheet as CSV",
  },
  { magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], name: "an Arrow file", hint: "write it as Parquet" },
  { magic: [0x4f, 0x52, 0x43], name: "an ORC file", hint: "write it as Parquet" },
  { magic: [0x4f, 0x62, 0x6a, 0x01], name: "an Avro file", hint: "write it as Parquet" },
  { magic: [0xff, 0xfe], name: "UTF-16 text", hint: "convert it: iconv -f UTF-16 -t UTF-8" },
  { magic: [0xfe, 0xff], name: "UTF-16 text", hint: "convert it: iconv -f UTF-16 -t UTF-8" },
];

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The start of a file, unpacked when it is gzip, and whether that is the whole of it.
 *
 * @throws DataError when a gzip file does not even start well
 */
export function readHead(path: string): { bytes: Buffer; whole: boolean; gzip: boolean } {
  const buffer = Buffer.alloc(HEAD_BYTES);
  const file = openSync(path, "r");
  let length = 0;
  try {
    length = readSync(file, buffer, 0, HEAD_BYTES, 0);
  } finally {
    closeSync(file);
  }
  const raw = buffer.subarray(0, length);
  if (!isGzip(raw)) return { bytes: raw, whole: length < HEAD_BYTES, gzip: false };
  try {
    // A cut-off stream gives what it has; whether it should have ended there, the full scan tells.
    const bytes = gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH });
    return { bytes, whole: length < HEAD_BYTES, gzip: true };
  } catch (cause) {
    throw new DataError(`${path}: broken gzip file: ${(cause as Error).message}`, {
      details: { file: path },
      hint: "fetch or compress the file again",
      cause,
    });
  }
}

/**
 * The format of a file by its name, else by its first bytes.
 *
 * @throws DataError for an empty file or one in a format that is not read
 */
export function detectFormat(path: string): SourceFormat {
  const { bytes } = readHead(path);
  if (startsWith(bytes, "PAR1")) return "parquet";
  refuseForeign(path, bytes);
  const [, extension = ""] = /\.([a-z0-9]+)(?:\.gz)?$/i.exec(path) ?? [];
  const named = FORMAT_BY_EXTENSION[extension.toLowerCase()];
  if (named !== undefined) return named;
  if (/^\.?(zst|bz2|xz|zip|7z|lz4)$/i.test(extension)) {
    throw new ConfigError(`${path}: .${extension} files are not read`, {
      details: { file: path },
      hint: "unpack the file, or compress it with gzip",
    });
  }
  const text = bytes.toString("latin1").replace(/^\u00ef\u00bb\u00bf/, "");
  if (/^\s*\{/.test(text)) return "jsonl";
  const lines = text.split(/\r?\n/, 20).filter((line) => line.trim() !== "");
  const svm = /^[+-]?[\d.]+(?:e[+-]?\d+)?(?:\s+\d+:\S+)+\s*(?:#.*)?$/i;
  if (lines.length > 0 && lines.slice(0, -1).every((line) => svm.test(line)) && svm.test(lines[0])) {
    return "libsvm";
  }
  return "csv";
}

/** @throws DataError when the bytes are those of a format that is known and not read */
export function refuseForeign(path: string, bytes: Uint8Array): void {
  for (const { magic, name, hint } of FOREIGN) {
    if (magic.every((byte, k) => bytes[k] === byte)) {
      throw new DataError(`${path} is ${name}`, {
        details: { file: path, expected: "CSV, TSV, JSON lines, Parquet, libsvm or libfm", received: name },
        hint,
      });
    }
  }
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((letter, k) => bytes[k] === letter.charCodeAt(0));
}
