/**
 * The record framing of TensorFlow's files (TFRecord):
 *
 *     u64 length, u32 masked CRC-32C of those 8 bytes, data, u32 masked CRC-32C of the data
 *
 * all little-endian. A process killed in the middle of a write leaves a torn last record; reading stops
 * before it and says how far the file is good.
 */
import { maskedCrc32c } from "./crc32c.ts";

const HEAD_BYTES = 12;
const TAIL_BYTES = 4;

export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEAD_BYTES + data.length + TAIL_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, HEAD_BYTES);
  view.setUint32(HEAD_BYTES + data.length, maskedCrc32c(data), true);
  return record;
}

export interface FileRecord {
  readonly data: Uint8Array;
  /** Position of the byte after the record. */
  readonly end: number;
}

/** Records up to the first that is torn or fails a check; views into `bytes`. */
export function decodeRecords(bytes: Uint8Array): FileRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: FileRecord[] = [];
  for (let start = 0; start + HEAD_BYTES <= bytes.length; ) {
    if (view.getUint32(start + 8, true) !== maskedCrc32c(bytes.subarray(start, start + 8))) break;
    const dataEnd = start + HEAD_BYTES + Number(view.getBigUint64(start, true));
    const end = dataEnd + TAIL_BYTES;
    if (end > bytes.length) break;
    const data = bytes.subarray(start + HEAD_BYTES, dataEnd);
    if (view.getUint32(dataEnd, true) !== maskedCrc32c(data)) break;
    records.push({ data, end });
    start = end;
  }
  return records;
}
