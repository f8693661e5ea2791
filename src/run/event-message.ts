/**
 * The part of TensorFlow's `Event` and `Summary` messages (event.proto, summary.proto) that scalars and
 * histograms need, written and read on the protobuf wire. Unknown fields are skipped on reading.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Bucket i counts values between limits[i - 1] and limits[i]; the first starts at `min`. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

export type SummaryValue =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly histogram: Histogram };

export interface EventMessage {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** Only in a file's first event. */
  readonly fileVersion?: string;
  readonly values: readonly SummaryValue[];
}

/** What the first event of every file carries. */
export const FILE_VERSION = "brain.Event:2";

export function encodeEvent({ wallTime, step, fileVersion, values }: EventMessage): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(wallTime);
  if (step !== 0) writer.tag(2, WireType.Varint).int64(step);
  if (fileVersion !== undefined) writer.tag(3, WireType.LengthDelimited).string(fileVersion);
  if (values.length > 0) {
    writer.tag(5, WireType.LengthDelimited).fork();
    for (const value of values) {
      writer.tag(1, WireType.LengthDelimited).fork();
      writer.tag(1, WireType.LengthDelimited).string(value.tag);
      if ("scalar" in value) writer.tag(2, WireType.Bit32).float(Math.fround(value.scalar));
      else writeHistogram(writer.tag(5, WireType.LengthDelimited).fork(), value.histogram).join();
      writer.join();
    }
    writer.join();
  }
  return writer.finish();
}

function writeHistogram(writer: BinaryWriter, histogram: Histogram): BinaryWriter {
  const { min, max, count, sum, sumOfSquares, limits, counts } = histogram;
  [min, max, count, sum, sumOfSquares].forEach((value, i) => {
    writer.tag(i + 1, WireType.Bit64).double(value);
  });
  for (const [field, packed] of [limits, counts].entries()) {
    writer.tag(field + 6, WireType.LengthDelimited).fork();
    for (const value of packed) writer.double(value);
    writer.join();
  }
  return writer;
}

export function decodeEvent(bytes: Uint8Array): EventMessage {
  let wallTime = 0;
  let step = 0;
  let fileVersion: string | undefined;
  const values: SummaryValue[] = [];
  readFields(bytes, (field, reader) => {
    if (field === 1) wallTime = reader.double();
    else if (field === 2) step = Number(reader.int64());
    else if (field === 3) fileVersion = reader.string();
    else if (field === 5) {
      readFields(reader.bytes(), (inner, summary) => {
        if (inner !== 1) return false;
        const value = decodeValue(summary.bytes());
        if (value !== undefined) values.push(value);
        return true;
      });
    } else return false;
    return true;
  });
  return { wallTime, step, ...(fileVersion === undefined ? {} : { fileVersion }), values };
}

function decodeValue(bytes: Uint8Array): SummaryValue | undefined {
  let tag = "";
  let scalar: number | undefined;
  let histogram: Histogram | undefined;
  readFields(bytes, (field, reader) => {
    if (field === 1) tag = reader.string();
    else if (field === 2) scalar = reader.float();
    else if (field === 5) histogram = decodeHistogram(reader.bytes());
    else return false;
    return true;
  });
  if (scalar !== undefined) return { tag, scalar };
  return histogram === undefined ? undefined : { tag, histogram };
}

function decodeHistogram(bytes: Uint8Array): Histogram {
  const numbers = [0, 0, 0, 0, 0];
  const packed: [number[], number[]] = [[], []];
  readFields(bytes, (field, reader) => {
    if (field >= 1 && field <= 5) numbers[field - 1] = reader.double();
    else if (field === 6 || field === 7) {
      const inner = new BinaryReader(reader.bytes());
      while (inner.pos < inner.len) packed[field - 6].push(inner.double());
    } else return false;
    return true;
  });
  const [min, max, count, sum, sumOfSquares] = numbers;
  return { min, max, count, sum, sumOfSquares, limits: packed[0], counts: packed[1] };
}

/** Calls `read` for each field; what it does not read (returns false) is skipped. */
function readFields(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader)) reader.skip(wireType, field);
  }
}
