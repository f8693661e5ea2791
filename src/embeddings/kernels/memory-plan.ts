/**
 * Where the parts of an arena lie in its one WebAssembly memory: byte offsets handed out one after
 * another, each on a 64-byte boundary (a cache line), then as many 64 KiB pages as that needs.
 *
 * The memory is never grown: growing detaches the ArrayBuffer, and with it every view that a graph
 * holds. It is not shared either: ONNX Runtime refuses tensors over a SharedArrayBuffer.
 */
import { ConfigError, MillraceError } from "../../core/index.ts";

const LINE = 64;
const PAGE = 65536;
/** A 32-bit WebAssembly memory ends at 4 GiB. */
const MAX_PAGES = 65536;

export class MemoryPlan {
  /** Bytes handed out so far. The first line stays unused, so that no offset is 0. */
  bytes = LINE;

  /** Offset in bytes of a new part of `count` elements of `width` bytes. */
  take(count: number, width: number): number {
    const offset = this.bytes;
    this.bytes = Math.ceil((offset + count * width) / LINE) * LINE;
    return offset;
  }
}

/** Refuses plans beyond 4 GiB; `what` begins the sentence, `hint` says how to get under. */
export function checkMemoryBytes(bytes: number, what: string, hint: string): void {
  if (bytes <= MAX_PAGES * PAGE) return;
  throw new ConfigError(
    `${what} need ${formatBytes(bytes)}, and one WebAssembly memory holds at most 4 GiB`,
    { details: { bytes, limitBytes: MAX_PAGES * PAGE }, hint },
  );
}

/** A zero-filled memory of at least `bytes`, fixed in size. */
export function allocateMemory(bytes: number, what: string): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    throw new MillraceError(`${what} need ${formatBytes(bytes)}, which this machine would not give`, {
      details: { bytes },
      hint: "free memory, or take a smaller embedding dimension, fewer rows or a smaller batch",
      cause,
    });
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}
