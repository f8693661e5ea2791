/**
 * TensorBoard event files of a run: scalars (loss, metrics, learning rate, samples a second) and
 * histograms by step. A run that is killed and resumed goes on in the same file: a torn last record is
 * cut off, and events after the checkpoint's step, which the resumed run will write again, too.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../core/index.ts";
import { AppendFile, listDirectory, readBytes } from "../core/node/index.ts";
import {
  decodeEvent,
  type EventMessage,
  encodeEvent,
  FILE_VERSION,
  type SummaryValue,
} from "./event-message.ts";
import { histogramOf } from "./histogram.ts";
import { decodeRecords, encodeRecord } from "./record-file.ts";

export interface EventLogOptions {
  /** Drop events with a larger step than this one, as a resumed run does. @default keep all */
  readonly resumeStep?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

export class EventLog {
  readonly #file: AppendFile;
  readonly #now: () => number;

  /** Opens the newest event file of a directory, or creates one. */
  constructor(directory: string, { resumeStep, now = Date.now }: EventLogOptions = {}) {
    this.#now = now;
    const existing = eventFiles(directory).at(-1);
    const seconds = String(Math.floor(now() / 1000)).padStart(10, "0");
    const path = join(directory, existing ?? `events.out.tfevents.${seconds}.millrace`);
    this.#file = new AppendFile(path);
    let end = 0;
    for (const record of decodeRecords(readBytes(path))) {
      if (resumeStep !== undefined && decodeEvent(record.data).step > resumeStep) break;
      end = record.end;
    }
    this.#file.truncate(end);
    if (end === 0) this.#write({ wallTime: now() / 1000, step: 0, fileVersion: FILE_VERSION, values: [] });
  }

  get path(): string {
    return this.#file.path;
  }

  /** One event with several scalars; tags with slashes are grouped (`validation/auc`). */
  scalars(step: number, values: { readonly [tag: string]: number }): void {
    this.#event(
      step,
      Object.entries(values).map(([tag, scalar]) => ({ tag, scalar })),
    );
  }

  /** The distribution of finite numbers; none gives no event. */
  histogram(step: number, tag: string, values: ArrayLike<number>): void {
    const histogram = histogramOf(values);
    if (histogram !== undefined) this.#event(step, [{ tag, histogram }]);
  }

  /** Puts the events on the disk. */
  flush(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  #event(step: number, values: readonly SummaryValue[]): void {
    this.#write({ wallTime: this.#now() / 1000, step, values });
  }

  #write(event: EventMessage): void {
    this.#file.append(encodeRecord(encodeEvent(event)));
  }
}

/**
 * Every event of a run's files, in the order written; a torn end is left out.
 *
 * @throws DataError when the directory holds no event file
 */
export function readEvents(directory: string): EventMessage[] {
  const names = eventFiles(directory);
  if (names.length === 0) throw new DataError(`${directory} holds no event file`, { details: { directory } });
  return names.flatMap((name) =>
    decodeRecords(readBytes(join(directory, name))).map(({ data }) => decodeEvent(data)),
  );
}

/**
 * Events of one file from a position on, for readers that follow a run: what was read and where to go on. A
 * torn end is left for the next call.
 */
export function readEventsFrom(
  path: string,
  start: number,
): { readonly events: readonly EventMessage[]; readonly end: number } {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(Math.max(0, fstatSync(file).size - start));
    const read = readSync(file, bytes, 0, bytes.length, start);
    const records = decodeRecords(bytes.subarray(0, read));
    return { events: records.map(({ data }) => decodeEvent(data)), end: start + (records.at(-1)?.end ?? 0) };
  } finally {
    closeSync(file);
  }
}

/** Names carry the time of creation, so sorting puts the newest last. */
export function eventFiles(directory: string): string[] {
  return listDirectory(directory).filter((name) => name.startsWith("events.out.tfevents."));
}
