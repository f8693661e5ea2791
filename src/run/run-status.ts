/**
 * What a run tells whoever looks at its directory while it trains, and the one thing they may ask of it:
 *
 *     status.json        where training stands, about once a second; at the end how it ended
 *     stop-after-epoch   an empty file: end the run cleanly after the epoch in hand
 *
 * A run that was asked to stop is a finished run of fewer epochs: measured, written, and able to go on with
 * `--resume`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InterruptedError } from "../core/index.ts";
import { readJson, removePath, writeFileAtomic, writeJsonAtomic } from "../core/node/index.ts";
import { runFiles } from "./run-files.ts";

export type RunState = "training" | "finished" | "interrupted" | "failed";

/** `status.json`. */
export interface RunStatus {
  readonly version: 1;
  readonly state: RunState;
  /** Of the process that trains. */
  readonly pid: number;
  /** ISO 8601: when this sitting began, and when this was written. */
  readonly startedAt: string;
  readonly updatedAt: string;
  /** From 0. */
  readonly epoch: number;
  readonly epochs: number;
  /** Rows (or batches) of this epoch learned from, and in all. */
  readonly rows: number;
  readonly epochRows: number;
  readonly step: number;
  readonly samplesPerSecond: number;
  /** Of an ending: why. */
  readonly message?: string;
}

/** Of a training event, what the status is made from. */
export interface StatusEvent {
  readonly type: string;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly rows?: number;
  readonly epochRows?: number;
  readonly step?: number;
  readonly samplesPerSecond?: number;
  readonly reason?: string;
}

const WRITE_MS = 1000;

/** Keeps a run's status up to date and listens for the request to stop. */
export class StatusFile {
  readonly #directory: string;
  #status: RunStatus;
  #written = Number.NEGATIVE_INFINITY;
  #begun = false;
  #stop = false;

  constructor(directory: string) {
    this.#directory = directory;
    const now = new Date().toISOString();
    this.#status = {
      version: 1,
      state: "training",
      pid: process.pid,
      startedAt: now,
      updatedAt: now,
      epoch: 0,
      epochs: 0,
      rows: 0,
      epochRows: 0,
      step: 0,
      samplesPerSecond: 0,
    };
  }

  /** Notes a training event; the first one withdraws a request that an earlier sitting has left. */
  event(event: StatusEvent): void {
    if (!this.#begun) {
      this.#begun = true;
      withdrawStop(this.#directory);
    }
    if (event.type === "stopped" && event.reason !== undefined) {
      this.#status = { ...this.#status, message: event.reason };
    }
    if (event.type !== "step") return;
    const { epoch = 0, epochs = 0, rows = 0, epochRows = 0, step = 0, samplesPerSecond = 0 } = event;
    this.#status = { ...this.#status, epoch, epochs, rows, epochRows, step, samplesPerSecond };
    if (performance.now() - this.#written >= WRITE_MS) this.#write();
  }

  /** Whether somebody wants the run to end with this epoch; once true it stays so. */
  readonly stopAsked = (): boolean => {
    this.#stop ||= this.#begun && existsSync(join(this.#directory, runFiles.stopRequest));
    return this.#stop;
  };

  finished(): void {
    this.#end("finished");
  }

  /** A run that was refused before it began is left as it was. */
  failed(error: unknown): void {
    if (!this.#begun) return;
    const state = error instanceof InterruptedError ? "interrupted" : "failed";
    this.#end(state, error instanceof Error ? error.message : String(error));
  }

  #end(state: RunState, message = this.#status.message): void {
    this.#status = { ...this.#status, state, ...(message === undefined ? {} : { message }) };
    withdrawStop(this.#directory);
    this.#write();
  }

  #write(): void {
    this.#written = performance.now();
    this.#status = { ...this.#status, updatedAt: new Date().toISOString() };
    writeJsonAtomic(join(this.#directory, runFiles.status), this.#status);
  }
}

/** Where a run's training stands; undefined for runs that tell nothing. */
export function readStatus(directory: string): RunStatus | undefined {
  const path = join(directory, runFiles.status);
  return existsSync(path) ? (readJson(path) as RunStatus) : undefined;
}

/** Asks a run that trains to end with the epoch in hand. */
export function requestStop(directory: string): void {
  writeFileAtomic(join(directory, runFiles.stopRequest), "");
}

/** Whether a run has been asked to stop and has not done so yet. */
export function stopRequested(directory: string): boolean {
  return existsSync(join(directory, runFiles.stopRequest));
}

export function withdrawStop(directory: string): void {
  removePath(join(directory, runFiles.stopRequest));
}
