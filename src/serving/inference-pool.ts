/**
 * Models on worker threads. Requests are cut into pieces and pieces are put together into batches: a large
 * request is spread over threads, small ones share a run. The queue is bounded; a piece that does not fit
 * is refused at once, and one whose request has been given up is never run.
 */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { ConfigError, MillraceError } from "../core/index.ts";
import { startWorker } from "../core/node/index.ts";
import type { EngineName } from "../engine/index.ts";
import type { ColumnData } from "../schema/index.ts";
import { joinBatches, type ServedBatch, sliceBatch } from "./batch-pieces.ts";
import type { InferenceWorkerData, WorkerReply, WorkerRequest } from "./inference-worker.ts";
import type { ModelSource } from "./model-runner.ts";
import type { RowCounts } from "./row-home.ts";

export interface InferencePoolOptions {
  /** @default "auto" */
  readonly engine?: EngineName | "auto";
  /** Threads that run models. @default one a core */
  readonly workers?: number;
  /**
   * Rows of one run; larger requests are cut, smaller ones joined up to this. While threads are idle, requests of
   * fewer rows are cut, too. @default 512
   */
  readonly maxBatchRows?: number;
  /** How long a piece waits for others to fill its batch, while a thread is free. @default 0 */
  readonly maxWaitMs?: number;
  /** Rows that may wait: a bound of memory. @default 20000 */
  readonly maxQueuedRows?: number;
  /**
   * Time that rows may have to wait, by what runs of their models have taken so far: a bound of latency, whatever
   * the model and the machine. @default 40
   */
  readonly maxQueueMs?: number;
  readonly onBatch?: (event: BatchEvent) => void;
  /** Told of every thread that has died, with why, when another has taken its place. */
  readonly onThreadReplaced?: (cause: Error) => void;
}

type Listener = "onBatch" | "onThreadReplaced";

export interface RunOptions {
  /** Whether `admit` has let these rows in already: a request's second batch must not find its first in the way. */
  readonly admitted?: boolean;
  /**
   * Goes before what waits otherwise: a short first step must not take as long as the queue, when what follows it may
   * be refused by that.
   */
  readonly ahead?: boolean;
}

/** One run of a model. */
export interface BatchEvent {
  readonly key: string;
  readonly rows: number;
  /** Pieces of requests in it. */
  readonly pieces: number;
  readonly seconds: number;
  readonly fetched: RowCounts;
}

export type Predictions = { readonly [label: string]: Float32Array };

/** The queue is full. */
export class OverloadError extends MillraceError {}

interface Piece {
  readonly key: string;
  readonly batch: ServedBatch;
  readonly signal: AbortSignal | undefined;
  readonly ahead: boolean;
  readonly queuedAt: number;
  /** Rows that it counts as while it waits. */
  readonly weight: number;
  /** What running it should take of all threads' time. */
  readonly expectedMs: number;
  resolve(predictions: Predictions): void;
  reject(error: Error): void;
}

interface Run {
  readonly pieces: readonly Piece[];
  readonly rows: number;
}

interface Thread {
  worker: Worker;
  /** Threads in its place that died one after another without having ended a run, this one not counted. */
  readonly failures: number;
  /** Whether it has ended a run. */
  proven: boolean;
  /** Until another takes its place, where it has died too soon. */
  pause?: NodeJS.Timeout;
  readonly runs: Map<number, Run>;
  readonly loading: Map<string, { resolve(): void; reject(error: Error): void }>;
}

/** Runs that a thread may have under way while rows of one are being fetched. */
const RUNS_WHILE_WAITING = 4;

/** Fewer rows than these are not worth a thread of their own. */
const WORTH_CUTTING = 64;

/** Light rows that wait count as one for so many, and fewer than their product with the above are not cut. */
const LIGHT_ROWS = 64;

/** Before a thread takes the place of one that ended no run; twice as long each time, up to a most. */
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Time of runs after which a run counts a third in what a model's rows are taken to cost. */
const FADING_MS = 1000;

const STOPPED = "the server has stopped";

interface PoolModel {
  readonly source: ModelSource;
  immediate: boolean;
  /**
   * Time and rows of the runs so far, fading. A row costs their quotient: small runs, which cost more than their
   * rows, do not make large ones seem slow, however many they are.
   */
  ms: number;
  rows: number;
}

/** Keeps the process alive until it is closed. */
export class InferencePool {
  readonly #options: Required<Omit<InferencePoolOptions, Listener>> & Pick<InferencePoolOptions, Listener>;
  readonly #models = new Map<string, PoolModel>();
  readonly #threads: Thread[];
  readonly #queue: Piece[] = [];
  #queuedRows = 0;
  #queuedMs = 0;
  #nextRun = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;

  /** @throws ConfigError where nothing could ever run */
  constructor(options: InferencePoolOptions = {}) {
    this.#options = {
      engine: "auto",
      workers: availableParallelism(),
      maxBatchRows: 512,
      maxWaitMs: 0,
      maxQueuedRows: 20_000,
      maxQueueMs: 40,
      ...options,
    };
    for (const name of ["workers", "maxBatchRows"] as const) {
      const received = this.#options[name];
      if (Number.isInteger(received) && received > 0) continue;
      throw new ConfigError(`serve: ${name}: expected a whole number of more than 0; it is ${received}`, {
        details: { key: name, received },
      });
    }
    this.#threads = Array.from({ length: this.#options.workers }, () => this.#startThread());
  }

  /** Which engine its threads run. */
  get engine(): EngineName | "auto" {
    return this.#options.engine;
  }

  get queuedRows(): number {
    return this.#queuedRows;
  }

  /** Whether nothing more may wait now, however small. */
  get full(): boolean {
    const { maxQueuedRows, maxQueueMs } = this.#options;
    return this.#queuedRows >= maxQueuedRows || this.#queuedMs >= maxQueueMs;
  }

  get busyThreads(): number {
    return this.#threads.filter(({ runs }) => runs.size > 0).length;
  }

  /** Loads a model on every thread. @throws EngineError when the engine refuses it */
  async load(key: string, source: ModelSource): Promise<void> {
    this.#checkOpen();
    this.#models.set(key, { source, immediate: true, ms: 0, rows: 0 });
    try {
      await Promise.all(this.#threads.map((thread) => this.#loadOn(thread, key, source)));
    } catch (error) {
      this.release(key);
      throw error;
    }
  }

  /** Frees a model; runs under way end first, since messages keep their order. */
  release(key: string): void {
    this.#models.delete(key);
    for (const thread of this.#threads) post(thread, { type: "release", key });
  }

  /**
   * Whether so many rows may wait now: worth asking before they are made.
   *
   * @param key the model's, where its rows may be light
   * @throws OverloadError when the queue has no room
   */
  admit(rows: number, key?: string): void {
    this.#checkOpen();
    const { maxQueuedRows, maxQueueMs } = this.#options;
    const weight = this.#weightOf(rows, key);
    if (this.#queuedRows === 0 || (this.#queuedRows + weight <= maxQueuedRows && !this.full)) return;
    const waiting = `${this.#queuedRows} rows are waiting, for about ${Math.round(this.#queuedMs)} ms`;
    throw new OverloadError(`${waiting}; ${rows} more do not fit`, {
      details: { queuedRows: this.#queuedRows, queuedMs: this.#queuedMs, rows, maxQueuedRows, maxQueueMs },
    });
  }

  /**
   * Predictions by label for the rows of a batch (so many numbers a row as the model's width), whose arrays are given
   * away to a thread.
   *
   * @param signal gives up: pieces that have not started are dropped
   * @throws OverloadError when the queue has no room
   */
  async run(
    key: string,
    batch: ServedBatch,
    signal?: AbortSignal,
    { admitted = false, ahead = false }: RunOptions = {},
  ): Promise<Predictions> {
    this.#checkOpen();
    const labels = Object.keys(this.#models.get(key)?.source.predictions ?? {});
    if (batch.size === 0) return Object.fromEntries(labels.map((label) => [label, new Float32Array(0)]));
    if (!admitted) this.admit(batch.size, key);
    const count = this.#piecesOf(batch.size, key);
    const pieces = Array.from({ length: count }, (_, k) => {
      const begin = Math.floor((k * batch.size) / count);
      const end = Math.floor(((k + 1) * batch.size) / count);
      return count === 1 ? batch : sliceBatch(batch, begin, end);
    });
    const answers = await Promise.all(
      pieces.map(
        (piece) =>
          new Promise<Predictions>((resolve, reject) => {
            const queuedAt = performance.now();
            const expectedMs = this.#expectedMs(key, piece.size);
            const weight = this.#weightOf(piece.size, key);
            this.#enqueue({
              key,
              batch: piece,
              signal,
              ahead,
              queuedAt,
              weight,
              expectedMs,
              resolve,
              reject,
            });
            this.#dispatch();
          }),
      ),
    );
    return answers.length === 1 ? answers[0] : joinPredictions(answers);
  }

  /** Ends the threads, each after the model that it is loading or running; what waits for them is refused. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    const stopped = new MillraceError(STOPPED);
    while (this.#queue.length > 0) {
      const [piece] = this.#queue;
      this.#unqueue(0);
      piece.reject(stopped);
    }
    await Promise.all(
      this.#threads.map(async (thread) => {
        if (thread.pause !== undefined) return clearTimeout(thread.pause);
        const exit = new Promise((resolve) => thread.worker.once("exit", resolve));
        post(thread, { type: "end" });
        await exit;
        giveUp(thread, stopped);
      }),
    );
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new MillraceError(STOPPED);
  }

  #startThread(failures = 0): Thread {
    const workerData: InferenceWorkerData = { engine: this.#options.engine };
    const worker = startWorker(new URL("./inference-worker.ts", import.meta.url), { workerData });
    const thread: Thread = { worker, failures, proven: false, runs: new Map(), loading: new Map() };
    worker.on("message", (message: WorkerReply) => this.#onReply(thread, message));
    worker.on("error", (error) => this.#onDeath(thread, error));
    worker.on("exit", (code) => {
      if (this.#closed === undefined)
        this.#onDeath(thread, new MillraceError(`an inference thread ended with ${code}`));
    });
    return thread;
  }

  #loadOn(thread: Thread, key: string, source: ModelSource): Promise<void> {
    // What takes its place loads all models there are.
    if (thread.pause !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      thread.loading.set(key, { resolve, reject });
      post(thread, { type: "load", key, source });
    });
  }

  #onReply(thread: Thread, message: WorkerReply): void {
    switch (message.type) {
      case "loaded": {
        const model = this.#models.get(message.key);
        if (model !== undefined) model.immediate = message.immediate;
        thread.loading.get(message.key)?.resolve();
        thread.loading.delete(message.key);
        return;
      }
      case "refused":
        thread.loading.get(message.key)?.reject(message.error);
        thread.loading.delete(message.key);
        return;
      case "done": {
        const run = thread.runs.get(message.id);
        thread.runs.delete(message.id);
        thread.proven = true;
        if (run === undefined) return;
        const { predictions, rows: fetched } = message.answer;
        const { pieces, rows } = run;
        const model = this.#models.get(pieces[0].key);
        if (model !== undefined) {
          const ms = 1e3 * message.seconds;
          const left = Math.exp(-ms / FADING_MS);
          model.ms = left * model.ms + ms;
          model.rows = left * model.rows + rows;
        }
        this.#options.onBatch?.({
          key: pieces[0].key,
          rows,
          pieces: pieces.length,
          seconds: message.seconds,
          fetched,
        });
        let begin = 0;
        for (const piece of pieces) {
          const end = begin + piece.batch.size;
          piece.resolve(
            Object.fromEntries(
              Object.entries(predictions).map(([label, values]) => {
                const width = values.length / rows;
                return [label, values.subarray(begin * width, end * width)];
              }),
            ),
          );
          begin = end;
        }
        this.#dispatch();
        return;
      }
      case "failed": {
        const run = thread.runs.get(message.id);
        thread.runs.delete(message.id);
        for (const piece of run?.pieces ?? []) piece.reject(message.error);
        this.#dispatch();
      }
    }
  }

  /** A dead thread's runs fail, and another takes its place: at once, unless it died before it was of use. */
  #onDeath(thread: Thread, error: Error): void {
    if (!this.#threads.includes(thread) || thread.pause !== undefined || this.#closed !== undefined) return;
    giveUp(thread, error);
    if (thread.proven) {
      this.#replace(thread, 0, error);
      return;
    }
    const ms = Math.min(PAUSE_MS * 2 ** thread.failures, LONGEST_PAUSE_MS);
    thread.pause = setTimeout(() => this.#replace(thread, thread.failures + 1, error), ms);
  }

  #replace(thread: Thread, failures: number, error: Error): void {
    const next = this.#startThread(failures);
    this.#threads[this.#threads.indexOf(thread)] = next;
    for (const [key, { source }] of this.#models) {
      // A model that was loaded before loads again; where it does not, its runs say why.
      this.#loadOn(next, key, source).catch(() => {});
    }
    this.#options.onThreadReplaced?.(error);
    this.#dispatch();
  }

  #dispatch(): void {
    for (;;) {
      this.#dropGivenUp();
      const [first] = this.#queue;
      if (first === undefined) return;
      const thread = this.#freeThread(first.key);
      if (thread === undefined) return;
      const pieces = this.#pieces(first.key);
      const rows = pieces.reduce((sum, { batch }) => sum + batch.size, 0);
      const { maxBatchRows, maxWaitMs } = this.#options;
      const waited = performance.now() - first.queuedAt;
      if (rows < maxBatchRows && waited < maxWaitMs && !first.ahead && first.batch.shared === undefined) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#dispatch(), maxWaitMs - waited);
        return;
      }
      for (const piece of pieces) this.#unqueue(this.#queue.indexOf(piece));
      const id = this.#nextRun++;
      thread.runs.set(id, { pieces, rows });
      const batch = pieces.length === 1 ? pieces[0].batch : joinBatches(pieces.map((piece) => piece.batch));
      post(thread, { type: "run", id, key: first.key, batch }, buffersOf(batch));
    }
  }

  /** Pieces of one model, in order, as many as fit into a batch. */
  #pieces(key: string): Piece[] {
    const pieces: Piece[] = [];
    let rows = 0;
    for (const piece of this.#queue) {
      if (piece.key !== key) continue;
      if (pieces.length > 0 && rows + piece.batch.size > this.#options.maxBatchRows) break;
      pieces.push(piece);
      rows += piece.batch.size;
      // What its rows have in common is no other request's.
      if (piece.batch.shared !== undefined) break;
    }
    return pieces;
  }

  #isLight(key: string | undefined): boolean {
    return key !== undefined && this.#models.get(key)?.source.lightRows === true;
  }

  #weightOf(rows: number, key: string | undefined): number {
    return this.#isLight(key) ? Math.ceil(rows / LIGHT_ROWS) : rows;
  }

  /** As many as threads would stand idle if a request came in one, and as a run's rows make necessary. */
  #piecesOf(rows: number, key: string): number {
    const idle = this.#queue.length > 0 ? 1 : this.#threads.length - this.busyThreads;
    // Each piece does once more what its rows have in common.
    if (this.#isLight(key))
      return Math.max(1, Math.min(idle, Math.floor(rows / (WORTH_CUTTING * LIGHT_ROWS))));
    const worth = Math.min(idle, Math.floor(rows / WORTH_CUTTING));
    return Math.max(Math.ceil(rows / this.#options.maxBatchRows), worth);
  }

  /** Runs of a model that a thread may have under way. */
  #runsAtOnce(key: string): number {
    return this.#models.get(key)?.immediate === false ? RUNS_WHILE_WAITING : 1;
  }

  #expectedMs(key: string, rows: number): number {
    const model = this.#models.get(key);
    if (model === undefined || model.rows === 0) return 0;
    return (rows * model.ms) / model.rows / (this.#threads.length * this.#runsAtOnce(key));
  }

  #enqueue(piece: Piece): void {
    const place = piece.ahead ? this.#queue.findIndex(({ ahead }) => !ahead) : -1;
    this.#queue.splice(place < 0 ? this.#queue.length : place, 0, piece);
    this.#queuedRows += piece.weight;
    this.#queuedMs += piece.expectedMs;
  }

  #unqueue(place: number): void {
    const [piece] = this.#queue.splice(place, 1);
    this.#queuedRows -= piece.weight;
    this.#queuedMs = this.#queue.length === 0 ? 0 : this.#queuedMs - piece.expectedMs;
  }

  #freeThread(key: string): Thread | undefined {
    const limit = this.#runsAtOnce(key);
    let least: Thread | undefined;
    for (const thread of this.#threads) {
      if (thread.pause !== undefined) continue;
      if (thread.runs.size < limit && thread.runs.size < (least?.runs.size ?? limit)) least = thread;
    }
    return least;
  }

  #dropGivenUp(): void {
    for (let k = 0; k < this.#queue.length; k++) {
      const piece = this.#queue[k];
      if (piece.signal?.aborted !== true) continue;
      this.#unqueue(k--);
      piece.reject(new MillraceError("given up"));
    }
  }
}

/** Whatever a thread that has ended had under way fails. */
function giveUp({ loading, runs }: Thread, error: Error): void {
  for (const { reject } of loading.values()) reject(error);
  for (const { pieces } of runs.values()) for (const piece of pieces) piece.reject(error);
  loading.clear();
  runs.clear();
}

function post({ worker }: Thread, request: WorkerRequest, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(request, transfer);
}

function buffersOf({ columns }: ServedBatch): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { buffer, byteLength } of Object.values<ColumnData>(columns)) {
    if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffers.add(buffer);
  }
  return [...buffers];
}

function joinPredictions(answers: readonly Predictions[]): Predictions {
  const joined: { [label: string]: Float32Array } = {};
  for (const label of Object.keys(answers[0])) {
    const values = new Float32Array(answers.reduce((sum, answer) => sum + answer[label].length, 0));
    let at = 0;
    for (const answer of answers) {
      values.set(answer[label], at);
      at += answer[label].length;
    }
    joined[label] = values;
  }
  return joined;
}
