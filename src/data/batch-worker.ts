/** The worker thread that reads splits of a dataset and assembles their batches. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { DuckDBInstance } from "@duckdb/node-api";
import { assert } from "../core/index.ts";
import type { BatchOptions } from "../schema/index.ts";
import { type ReadableSplit, SplitReader } from "./split-reader.ts";

export interface BatchWorkerData {
  readonly splits: { readonly [name: string]: ReadableSplit };
  /** Bytes of whole splits held between passes. */
  readonly heldBytes: number;
}

/** Starts a pass; its batches go to `port`. */
export interface PassRequest {
  readonly split: string;
  readonly options: BatchOptions;
  readonly port: MessagePort;
  /** Batches sent ahead of being asked for. */
  readonly ahead: number;
}

/** What a pass's port carries to the consumer; the consumer answers each batch with any message. */
export type PassMessage =
  | { readonly type: "batch"; readonly size: number; readonly buffer: ArrayBuffer }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: Error };

assert(parentPort !== null, "batches are assembled in a worker thread");
const parent = parentPort;
const { splits, heldBytes } = workerData as BatchWorkerData;
// Training has the processor; one thread reads millions of rows a second.
const instance = await DuckDBInstance.create(":memory:", {
  threads: "1",
  memory_limit: "512MiB",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
});
const readers = new Map<string, SplitReader>();

function readerOf(name: string): SplitReader {
  const known = readers.get(name);
  // The last one used goes to the end.
  readers.delete(name);
  const reader = known ?? new SplitReader(instance, splits[name]);
  readers.set(name, reader);
  return reader;
}

/** Lets go of the splits used longest ago when together they take too much. */
function limitHeld(): void {
  let bytes = [...readers.values()].reduce((sum, reader) => sum + reader.heldBytes, 0);
  for (const reader of readers.values()) {
    if (bytes <= heldBytes) return;
    bytes -= reader.heldBytes;
    reader.release();
  }
}

async function runPass({ split, options, port, ahead }: PassRequest): Promise<void> {
  let credit = ahead;
  let closed = false;
  let wake = (): void => {};
  port.on("message", () => {
    credit++;
    wake();
  });
  port.on("close", () => {
    closed = true;
    wake();
  });
  try {
    for await (const { size, buffer } of readerOf(split).batches(options)) {
      while (credit === 0 && !closed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (closed) return;
      credit--;
      port.postMessage({ type: "batch", size, buffer } satisfies PassMessage, [buffer]);
    }
    port.postMessage({ type: "end" } satisfies PassMessage);
  } catch (error) {
    port.postMessage({ type: "error", error: error as Error } satisfies PassMessage);
  } finally {
    limitHeld();
  }
}

parent.on("message", (message: PassRequest | "close") => {
  if (message === "close") {
    instance.closeSync();
    // Ends the thread, whatever passes were left in the middle.
    process.exit();
  } else {
    void runPass(message);
  }
});
