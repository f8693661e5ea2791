/** Splits of an encoded dataset as batch sources, fed by one worker thread. */
import { once } from "node:events";
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { assert } from "../core/index.ts";
import { startWorker } from "../core/node/index.ts";
import type { BatchOptions, BatchSource, EncodedBatch } from "../schema/index.ts";
import { viewBatch } from "./batch-buffer.ts";
import type { BatchWorkerData, PassMessage, PassRequest } from "./batch-worker.ts";
import { checkBatchOptions } from "./batch-options.ts";
import type { ReadableSplit } from "./split-reader.ts";

/** Batches ready in advance: what one slow step can fall behind. */
const AHEAD = 4;

/** Opens stored splits. The thread starts with the first pass and ends when every split is closed. */
export function openStoredSplits<Name extends string>(
  splits: { readonly [name in Name]: ReadableSplit },
  heldBytes: number,
): { [name in Name]: BatchSource } {
  const names = Object.keys(splits) as Name[];
  const reader = new BatchThread({ splits, heldBytes }, names.length);
  const sources = names.map((name) => [name, storedSource(reader, name, splits[name])] as const);
  return Object.fromEntries(sources) as { [name in Name]: BatchSource };
}

function storedSource(thread: BatchThread, name: string, split: ReadableSplit): BatchSource {
  let open = true;
  return {
    rows: split.parts.reduce((sum, { rows }) => sum + rows, 0),
    layout: split.layout,
    batches(options) {
      checkBatchOptions(options);
      assert(open, "a closed source gives no batches");
      return thread.pass(name, split, options);
    },
    async close() {
      if (open) await thread.release();
      open = false;
    },
  };
}

class BatchThread {
  readonly #data: BatchWorkerData;
  #worker: Worker | undefined;
  #failure: Error | undefined;
  #users: number;

  constructor(data: BatchWorkerData, users: number) {
    this.#data = data;
    this.#users = users;
  }

  async *pass(name: string, split: ReadableSplit, options: BatchOptions): AsyncGenerator<EncodedBatch> {
    const worker = this.#start();
    const { port1, port2 } = new MessageChannel();
    const inbox = new Inbox(port1, worker);
    const { batchSize, shuffle, skip } = options;
    const request = { split: name, options: { batchSize, shuffle, skip }, port: port2, ahead: AHEAD };
    worker.postMessage(request satisfies PassRequest, [port2]);
    try {
      for (;;) {
        const message = await inbox.next(() => this.#failure);
        if (message.type === "end") return;
        if (message.type === "error") throw message.error;
        port1.postMessage(null);
        yield viewBatch(message.buffer, { layout: split.layout, size: message.size });
      }
    } finally {
      inbox.close();
    }
  }

  async release(): Promise<void> {
    if (--this.#users > 0 || this.#worker === undefined) return;
    const worker = this.#worker;
    this.#worker = undefined;
    const exited = once(worker, "exit");
    worker.ref();
    worker.postMessage("close");
    await exited;
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = startWorker(new URL("./batch-worker.ts", import.meta.url), { workerData: this.#data });
    // A source that nobody closes must not keep the process alive; a pass that is waited for does.
    worker.unref();
    worker.on("error", (error: Error) => {
      this.#failure = error;
    });
    worker.on("exit", (code) => {
      this.#failure ??= new Error(`the thread that reads batches ended with code ${code}`);
    });
    this.#worker = worker;
    return worker;
  }
}

/** Messages of one pass, without a turn of the event loop where one is already there. */
class Inbox {
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #queue: PassMessage[] = [];
  #wake = (): void => {};
  readonly #onExit = (): void => this.#wake();

  constructor(port: MessagePort, worker: Worker) {
    this.#port = port;
    this.#worker = worker;
    port.on("message", (message: PassMessage) => {
      this.#queue.push(message);
      this.#wake();
    });
    worker.once("exit", this.#onExit);
    worker.once("error", this.#onExit);
  }

  async next(failure: () => Error | undefined): Promise<PassMessage> {
    for (;;) {
      const queued = this.#queue.shift();
      if (queued !== undefined) return queued;
      const ready = receiveMessageOnPort(this.#port);
      if (ready !== undefined) return ready.message as PassMessage;
      const error = failure();
      if (error !== undefined) throw error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#worker.off("exit", this.#onExit);
    this.#worker.off("error", this.#onExit);
    this.#port.close();
  }
}
