import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeExampleEvents } from "../../test/golden/write-event-file.ts";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import { EventLog, readEvents } from "./event-log.ts";
import { decodeEvent, type EventMessage } from "./event-message.ts";
import { histogramOf } from "./histogram.ts";
import { decodeRecords } from "./record-file.ts";

interface Golden {
  readonly maskedCrc32c: { readonly [text: string]: number };
  readonly theirs: { readonly file: string; readonly events: readonly EventMessage[] };
  readonly ours: { readonly file: string; readonly events: readonly EventMessage[] };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/golden/event_file.json", import.meta.url), "utf8"),
);
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));
const decoded = (bytes: Uint8Array): EventMessage[] =>
  decodeRecords(bytes).map(({ data }) => decodeEvent(data));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-events-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("against TensorBoard", () => {
  test("masked CRC-32C", () => {
    for (const [text, crc] of Object.entries(golden.maskedCrc32c)) {
      expect(maskedCrc32c(new TextEncoder().encode(text))).toBe(crc);
    }
    // RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and 0 … 31.
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  test("its reader gets out of our file what we put in", () => {
    expect(decoded(bytesOf(golden.ours.file))).toEqual(golden.ours.events);
    expect(golden.ours.events.map(({ step }) => step)).toEqual([0, 0, 100, 100, 100, 5_000_000_000]);
  });

  test("our writer still writes the file it read", () => {
    expect(new Uint8Array(readFileSync(writeExampleEvents(directory)))).toEqual(bytesOf(golden.ours.file));
  });

  test("our reader reads its writer's file", () => {
    expect(decoded(bytesOf(golden.theirs.file))).toEqual(golden.theirs.events);
  });
});

describe("a log that is opened again", () => {
  const losses = (): (readonly [number, number])[] =>
    readEvents(directory).flatMap(({ step, values }) =>
      values.map((value) => [step, "scalar" in value ? value.scalar : Number.NaN] as const),
    );
  function write(steps: readonly number[], resumeStep?: number): string {
    const log = new EventLog(directory, {
      ...(resumeStep === undefined ? {} : { resumeStep }),
      now: () => 1e12,
    });
    for (const step of steps) log.scalars(step, { loss: 1 / step });
    log.close();
    return log.path;
  }

  test("goes on in the same file, with one version record", () => {
    expect(write([1, 2])).toBe(write([4]));
    expect(losses()).toEqual([
      [1, 1],
      [2, 0.5],
      [4, 0.25],
    ]);
    expect(readEvents(directory).filter(({ fileVersion }) => fileVersion !== undefined)).toHaveLength(1);
  });

  test("loses exactly the torn record, wherever the write stopped", () => {
    const path = write([1, 2, 4]);
    const whole = readFileSync(path);
    const ends = decodeRecords(whole).map(({ end }) => end);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      write([8]);
      const kept = [
        [1, 1],
        [2, 0.5],
        [4, 0.25],
      ].slice(0, Math.max(0, ends.filter((end) => end <= length).length - 1));
      expect(losses()).toEqual([...kept, [8, 0.125]]);
    }
  });

  test("drops what came after a flipped bit", () => {
    const path = write([1, 2, 4]);
    const bytes = readFileSync(path);
    bytes[bytes.length - 6] ^= 1;
    writeFileSync(path, bytes);
    write([8]);
    expect(losses()).toEqual([
      [1, 1],
      [2, 0.5],
      [8, 0.125],
    ]);
  });

  test("drops steps beyond the checkpoint, so that a resumed run's file equals the uninterrupted one's", () => {
    const path = write([1, 2, 4, 8]);
    const uninterrupted = readFileSync(path);
    appendFileSync(path, "torn");
    write([4, 8], 2);
    expect(readFileSync(path).equals(uninterrupted)).toBe(true);
  });

  test("an emptied file starts anew; a directory without one is an error", () => {
    truncateSync(write([1]), 0);
    write([2]);
    expect(losses()).toEqual([[2, 0.5]]);
    expect(() => readEvents(join(directory, "none"))).toThrow("holds no event file");
  });
});

describe("histogram", () => {
  test("counts every finite value once", () => {
    const histogram = histogramOf([0, 1, 2, 3, 4, 4, Number.NaN, Infinity], { bins: 4 });
    expect(histogram).toEqual({
      min: 0,
      max: 4,
      count: 6,
      sum: 14,
      sumOfSquares: 46,
      limits: [1, 2, 3, 4],
      counts: [1, 1, 1, 3],
    });
  });

  test("of equal values is one bin, of none undefined", () => {
    expect(histogramOf([2, 2])).toMatchObject({ limits: [2], counts: [2] });
    expect(histogramOf([Number.NaN])).toBeUndefined();
  });
});
