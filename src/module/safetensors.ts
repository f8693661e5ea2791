/**
 * The safetensors format (Hugging Face): weights as plain bytes with a JSON header, no code to run.
 *
 *     8 bytes   little-endian u64: length N of the header
 *     N bytes   UTF-8 JSON { "name": { "dtype", "shape", "data_offsets": [begin, end] }, "__metadata__": { … } },
 *               padded with spaces to a multiple of 8
 *     rest      the tensors' bytes, row-major and little-endian, without gaps; offsets count from here
 *
 * Tensors are ordered as the reference implementation orders them (wide dtypes first, then by name), so
 * every tensor is aligned and the same weights give the same bytes as in Python. Reading is strict:
 * whatever does not add up is an error, since a silently different table would be worse.
 */
import { DataError } from "../core/index.ts";

/** How a dtype is held in memory. F16 and BF16 are raw 16-bit words. */
const dtypes = {
  // In the order in which the reference implementation writes them.
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  BF16: Uint16Array,
  F16: Uint16Array,
  U16: Uint16Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type SafetensorsDtype = keyof typeof dtypes;
export type SafetensorsData = InstanceType<(typeof dtypes)[SafetensorsDtype]>;

export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  /** Row-major; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** The array type of the dtype; BOOL holds 0 and 1. */
  readonly data: SafetensorsData;
}

/** A tensor's place in a file. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte and the one after the last, counted from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsLayout {
  /** In file order. */
  readonly tensors: readonly SafetensorsEntry[];
  readonly metadata: { readonly [key: string]: string };
}

const METADATA = "__metadata__";
const MAX_HEADER_BYTES = 100_000_000; // the reference implementation's limit
const dtypeOrder = Object.keys(dtypes);

/**
 * The head of a file and the place of every tensor in it: write `header`, then each tensor's bytes in
 * the order of `tensors`, and files larger than memory can be streamed.
 *
 * @throws DataError when a name is reserved or comes twice, or a shape is not one
 */
export function safetensorsHeader(
  tensors: Iterable<{
    readonly name: string;
    readonly dtype: SafetensorsDtype;
    readonly shape: readonly number[];
  }>,
  metadata: { readonly [key: string]: string } = {},
): SafetensorsLayout & { readonly header: Uint8Array; readonly fileBytes: number } {
  const sorted = [...tensors].sort(
    (a, b) => dtypeOrder.indexOf(a.dtype) - dtypeOrder.indexOf(b.dtype) || (a.name < b.name ? -1 : 1),
  );
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${METADATA}":${JSON.stringify(metadata)}`);
  const names = new Set<string>([METADATA]);
  const relative = [];
  let end = 0;
  for (const { name, dtype, shape } of sorted) {
    if (names.has(name)) {
      throw new DataError(
        `safetensors: the name ${JSON.stringify(name)} is ${name === METADATA ? "reserved" : "given twice"}`,
        {
          details: { name },
        },
      );
    }
    names.add(name);
    const begin = end;
    end += byteLength(dtype, shape, `tensor ${JSON.stringify(name)}`);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    relative.push({ name, dtype, shape, begin, end });
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  const start = header.length;
  return {
    header,
    metadata,
    tensors: relative.map((entry) => ({ ...entry, begin: entry.begin + start, end: entry.end + start })),
    fileBytes: start + end,
  };
}

/**
 * A whole file in memory.
 *
 * @throws DataError when a tensor's data do not fit its dtype and shape
 */
export function encodeSafetensors(
  tensors: { readonly [name: string]: SafetensorsTensor },
  metadata: { readonly [key: string]: string } = {},
): Uint8Array {
  const named = Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
  const layout = safetensorsHeader(named, metadata);
  const file = new Uint8Array(layout.fileBytes);
  file.set(layout.header);
  for (const { name, dtype, shape, begin, end } of layout.tensors) {
    const { data } = tensors[name];
    if (!(data instanceof dtypes[dtype]) || data.byteLength !== end - begin) {
      throw new DataError(
        `safetensors: tensor ${JSON.stringify(name)} is ${dtype} [${shape.join(", ")}], which takes ${end - begin} bytes in a ${dtypes[dtype].name}; it has ${data.byteLength} in a ${data.constructor.name}`,
        { details: { name, dtype, shape, bytes: data.byteLength } },
      );
    }
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), begin);
  }
  return file;
}

/**
 * Reads and checks the header, of which `bytes` must hold at least all (`8 + N` bytes).
 *
 * @param options.fileBytes size of the whole file @default bytes.length
 * @param options.source name of the file, for messages
 * @throws DataError when the file is truncated, has bytes to spare, or its header does not add up
 */
export function decodeSafetensorsHeader(
  bytes: Uint8Array,
  {
    fileBytes = bytes.length,
    source = "safetensors",
  }: { readonly fileBytes?: number; readonly source?: string } = {},
): SafetensorsLayout {
  const fail = (problem: string, details: { readonly [key: string]: unknown } = {}): DataError =>
    new DataError(`${source}: ${problem}`, { details: { source, ...details } });
  if (bytes.length < 8) throw fail(`truncated: ${bytes.length} bytes, but the header's length alone takes 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) {
    throw fail(
      `not a safetensors file: it claims a header of ${headerBytes} bytes (limit ${MAX_HEADER_BYTES})`,
    );
  }
  const start = 8 + headerBytes;
  if (start > bytes.length)
    throw fail(`truncated: the header ends at byte ${start}, the data at ${bytes.length}`);

  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start));
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${source}: the header is not JSON: ${(cause as Error).message}`, {
      details: { source },
      cause,
    });
  }
  if (!isObject(parsed)) throw fail("the header is not a JSON object");
  const repeated = repeatedKey(text);
  if (repeated !== undefined)
    throw fail(`the name ${JSON.stringify(repeated)} comes twice`, { name: repeated });

  const { [METADATA]: metadata = {}, ...entries } = parsed;
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw fail(`${METADATA} must map names to strings`);
  }
  const tensors = Object.entries(entries)
    .map(([name, entry]) => readEntry(name, entry, start, fail))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = start;
  for (const { name, begin, end } of tensors) {
    if (begin !== position) {
      const problem = begin < position ? "overlaps the tensor before it" : "leaves a gap before it";
      throw fail(
        `tensor ${JSON.stringify(name)} begins at byte ${begin}, expected ${position}: it ${problem}`,
        { name },
      );
    }
    position = end;
  }
  if (position !== fileBytes) {
    const problem = position > fileBytes ? "truncated" : "bytes to spare";
    throw fail(`${problem}: the tensors end at byte ${position}, the file at ${fileBytes}`);
  }
  return { tensors, metadata: metadata as { [key: string]: string } };
}

/**
 * All tensors of a file in memory. Data are views into `bytes` where alignment allows (files written by
 * this module or the reference, in a buffer of their own), copies otherwise.
 *
 * @param options.source name of the file, for messages
 * @throws DataError as `decodeSafetensorsHeader`
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  { source = "safetensors" }: { readonly source?: string } = {},
): {
  readonly tensors: { [name: string]: SafetensorsTensor };
  readonly metadata: { readonly [key: string]: string };
} {
  const { tensors, metadata } = decodeSafetensorsHeader(bytes, { source });
  const decoded = tensors.map(({ name, dtype, shape, begin, end }): [string, SafetensorsTensor] => {
    const array = dtypes[dtype];
    const isAligned = (bytes.byteOffset + begin) % array.BYTES_PER_ELEMENT === 0;
    const { buffer, byteOffset } = isAligned
      ? { buffer: bytes.buffer, byteOffset: bytes.byteOffset + begin }
      : // Not `bytes.slice`: of a Node Buffer that is a view into the same memory.
        { buffer: Uint8Array.from(bytes.subarray(begin, end)).buffer, byteOffset: 0 };
    return [
      name,
      {
        dtype,
        shape,
        data: new array(buffer as ArrayBuffer, byteOffset, (end - begin) / array.BYTES_PER_ELEMENT),
      },
    ];
  });
  return { tensors: Object.fromEntries(decoded), metadata };
}

function readEntry(
  name: string,
  entry: unknown,
  start: number,
  fail: (problem: string, details?: { readonly [key: string]: unknown }) => DataError,
): SafetensorsEntry {
  const what = `tensor ${JSON.stringify(name)}`;
  if (!isObject(entry)) throw fail(`${what} has no description`, { name });
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(dtypes, dtype)) {
    throw fail(`${what} has dtype ${JSON.stringify(dtype)}; known: ${dtypeOrder.join(", ")}`, {
      name,
      dtype,
    });
  }
  if (!isCounts(shape))
    throw fail(`${what} has shape ${JSON.stringify(shape)}, not a list of sizes`, { name, shape });
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw fail(`${what} has data_offsets ${JSON.stringify(offsets)}, not [begin, end]`, { name, offsets });
  }
  const known = dtype as SafetensorsDtype;
  const expected = byteLength(known, shape, what);
  if (offsets[1] - offsets[0] !== expected) {
    throw fail(
      `${what} is ${dtype} [${shape.join(", ")}], which takes ${expected} bytes; it has ${offsets[1] - offsets[0]}`,
      { name, dtype, shape, offsets },
    );
  }
  return { name, dtype: known, shape, begin: start + offsets[0], end: start + offsets[1] };
}

function byteLength(dtype: SafetensorsDtype, shape: readonly number[], what: string): number {
  const bytes = shape.reduce((product, size) => product * size, dtypes[dtype].BYTES_PER_ELEMENT);
  if (!isCounts(shape) || !Number.isSafeInteger(bytes)) {
    throw new DataError(`safetensors: ${what} has shape [${shape.join(", ")}], which is no size`, {
      details: { shape },
    });
  }
  return bytes;
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

/** The first key of a JSON object that comes twice, which `JSON.parse` would hide. */
function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const { 0: token, index } of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && /^\s*:/.test(json.slice(index + token.length, index + token.length + 64))) {
      const key: string = JSON.parse(token);
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}
