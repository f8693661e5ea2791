/**
 * A file that grows at its end and outlives its writer: whoever opens it again finds what was written,
 * possibly with a torn end, which the format's reader detects and `truncate` cuts off.
 */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export class AppendFile {
  readonly path: string;
  readonly #file: number;

  /** Opens or creates; folders on the way are made. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.path = path;
    this.#file = openSync(path, "a");
  }

  /** Keeps the first `bytes` bytes. */
  truncate(bytes: number): void {
    ftruncateSync(this.#file, bytes);
  }

  append(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(this.#file, bytes, offset);
  }

  /** Waits until the bytes are on the disk. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
