/** The unit of work of a thread: the timelines of a range of users. */
import { type CandidateBatch, CandidateColumns } from "./candidates.ts";
import {
  type RequestBuffers,
  type RequestColumns,
  type RowBuffers,
  type RowColumns,
  viewRequests,
  viewRows,
} from "./columns.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { TimelineMaker } from "./timeline.ts";
import { buildWorld } from "./world.ts";

export const usersPerBlock = 128;

/** What a worker thread is started with. */
export interface BlockTask {
  readonly options: ResolvedWorldOptions;
  readonly rows: RowBuffers;
  readonly requests: RequestBuffers;
  /** One Int32: the next block that nobody has taken. */
  readonly nextBlock: SharedArrayBuffer;
}

/** Everything about a block that does not lie in the shared columns. */
export interface BlockResult {
  readonly block: number;
  /** Clicks of each user of the block, warm-up included, and those clicks one user after another. */
  readonly clickCounts: Int32Array;
  readonly clickItems: Int32Array;
  readonly clickTimes: Int32Array;
  readonly candidates: CandidateBatch;
}

/** Takes blocks until none is left. */
export function* runBlocks(task: BlockTask): Generator<BlockResult> {
  const { options } = task;
  const next = new Int32Array(task.nextBlock);
  const rows = viewRows(task.rows);
  const requests = viewRequests(task.requests);
  const maker = new TimelineMaker(buildWorld(options));
  const candidates = new CandidateColumns();
  for (;;) {
    const block = Atomics.add(next, 0, 1);
    const firstUser = block * usersPerBlock;
    if (firstUser >= options.users) return;
    const endUser = Math.min(firstUser + usersPerBlock, options.users);
    yield makeBlock(maker, block, firstUser, endUser, requests, rows, candidates);
  }
}

function makeBlock(
  maker: TimelineMaker,
  block: number,
  firstUser: number,
  endUser: number,
  requests: RequestColumns,
  rows: RowColumns,
  candidates: CandidateColumns,
): BlockResult {
  const counts: number[] = [];
  const items: number[] = [];
  const times: number[] = [];
  for (let user = firstUser; user < endUser; user++) {
    const clicks = maker.make(user, requests, rows, candidates);
    counts.push(clicks.items.length);
    for (const item of clicks.items) items.push(item);
    for (const time of clicks.times) times.push(time);
  }
  return {
    block,
    clickCounts: Int32Array.from(counts),
    clickItems: Int32Array.from(items),
    clickTimes: Int32Array.from(times),
    candidates: candidates.take(),
  };
}
