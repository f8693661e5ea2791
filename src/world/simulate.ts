/**
 * Lives through a world: all users' timelines on several threads, brought together in an order that does not
 * depend on which thread did what.
 */
import { setImmediate } from "node:timers/promises";
import { startWorker } from "../core/node/index.ts";
import { type BlockResult, type BlockTask, runBlocks, usersPerBlock } from "./block.ts";
import { type CandidateBatch, joinCandidates } from "./candidates.ts";
import {
  allocateRequests,
  allocateRows,
  type RequestColumns,
  type RowColumns,
  viewRequests,
  viewRows,
} from "./columns.ts";
import { slateSize } from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";

export interface Simulation {
  readonly rows: RowColumns;
  readonly requests: RequestColumns;
  /** Clicks of user u are entries `clickStart[u]` … `clickStart[u + 1] - 1`, in time order. */
  readonly clickStart: Int32Array;
  readonly clickItems: Int32Array;
  readonly clickTimes: Int32Array;
  readonly candidates: CandidateBatch;
}

export interface SimulateOptions {
  readonly threads: number;
  /** Called with the share of users done. */
  readonly onProgress?: (done: number) => void;
}

export async function simulate(
  options: ResolvedWorldOptions,
  { threads, onProgress }: SimulateOptions,
): Promise<Simulation> {
  const requestCount = options.impressions / slateSize;
  const task: BlockTask = {
    options,
    rows: allocateRows(options.impressions),
    requests: allocateRequests(requestCount),
    nextBlock: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  };
  const blockCount = Math.ceil(options.users / usersPerBlock);
  const results = new Array<BlockResult>(blockCount);
  let done = 0;
  const collect = (result: BlockResult) => {
    results[result.block] = result;
    onProgress?.(++done / blockCount);
  };
  if (threads === 1) {
    for (const result of runBlocks(task)) {
      collect(result);
      await setImmediate();
    }
  } else {
    const count = Math.min(threads, blockCount);
    await Promise.all(Array.from({ length: count }, () => runWorker(task, collect)));
  }
  return {
    rows: viewRows(task.rows),
    requests: viewRequests(task.requests),
    ...joinBlocks(options, results),
  };
}

function runWorker(task: BlockTask, collect: (result: BlockResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = startWorker(new URL("./worker.ts", import.meta.url), { workerData: task });
    worker.on("message", collect);
    worker.on("error", reject);
    worker.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a world worker ended with code ${code}`));
    });
  });
}

function joinBlocks(options: ResolvedWorldOptions, results: readonly BlockResult[]) {
  const clickStart = new Int32Array(options.users + 1);
  let user = 0;
  for (const { clickCounts } of results) {
    for (const count of clickCounts) {
      clickStart[user + 1] = clickStart[user] + count;
      user++;
    }
  }
  const clickItems = new Int32Array(clickStart[options.users]);
  const clickTimes = new Int32Array(clickStart[options.users]);
  let at = 0;
  for (const result of results) {
    clickItems.set(result.clickItems, at);
    clickTimes.set(result.clickTimes, at);
    at += result.clickItems.length;
  }
  return { clickStart, clickItems, clickTimes, candidates: joinCandidates(results.map((r) => r.candidates)) };
}
