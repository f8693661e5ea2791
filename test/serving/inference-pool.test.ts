/** What the pool takes rows to cost, what it joins, and what becomes of runs whose thread dies or is closed. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createRowEncoder } from "../../src/schema/index.ts";
import { InferencePool, type OverloadError } from "../../src/serving/index.ts";
import type { BatchEvent, Predictions } from "../../src/serving/inference-pool.ts";
import { openServedModel } from "../../src/serving/served-model.ts";
import { endsWithNextRun, startedWorkers, ways } from "./mortal-threads.ts";
import { makeShop, trainShop } from "./shop.ts";

const shop = makeShop();
let run: string;
beforeAll(async () => {
  run = await trainShop(shop, "early", "early");
});

const events: BatchEvent[] = [];
const pool = new InferencePool({
  workers: 1,
  maxBatchRows: 40,
  maxWaitMs: 100,
  maxQueueMs: 0,
  onBatch: (event) => events.push(event),
});
afterAll(() => pool.close());

test("rows cost what runs took by their rows, so that single rows do not make many seem slow", async () => {
  const { map, source } = await openServedModel(run);
  await pool.load("model", source);
  const encoder = createRowEncoder(map);
  const batch = (rows: number) => encoder.encode(shop.unseen.slice(0, rows));
  for (const rows of [40, 1, 1, 1]) await pool.run("model", batch(rows));
  let [ms, rows] = [0, 0];
  for (const event of events) {
    // A second of runs later a run counts a third.
    ms = Math.exp(-event.seconds) * ms + 1e3 * event.seconds;
    rows = Math.exp(-event.seconds) * rows + event.rows;
  }
  expect(events.map((event) => event.rows)).toEqual([40, 1, 1, 1]);
  // Waits for company, and so is seen waiting.
  const waiting = pool.run("model", batch(10));
  const refused = (): OverloadError => {
    try {
      pool.admit(1);
    } catch (error) {
      return error as OverloadError;
    }
    throw new Error("admitted");
  };
  expect(refused().details.queuedMs).toBeCloseTo((10 * ms) / rows, 9);
  await waiting;
  expect(() => pool.admit(1)).not.toThrow();
});

test("small requests that share a run get their own predictions, as alone", async () => {
  const final = await openServedModel(await trainShop(shop, "final", "final"));
  const seen: BatchEvent[] = [];
  const joining = new InferencePool({
    workers: 1,
    maxBatchRows: 40,
    maxQueueMs: 1e9,
    onBatch: (event) => seen.push(event),
  });
  await joining.load("model", final.source);
  const encoder = createRowEncoder(final.map);
  // Rows of histories and lists of all lengths, unknown ids and missing values among them.
  const sizes = [1, 5, 2, 7, 1, 3];
  const begins = sizes.map((_, k) => sizes.slice(0, k).reduce((sum, size) => sum + size, 25));
  const batch = (k: number) => encoder.encode(shop.unseen.slice(begins[k], begins[k] + sizes[k]));
  const alone = [];
  for (const k of sizes.keys()) alone.push((await joining.run("model", batch(k))).click);
  expect(seen.splice(0).map(({ pieces }) => pieces)).toEqual(sizes.map(() => 1));
  const together = await Promise.all(sizes.map((_, k) => joining.run("model", batch(k))));
  // The first finds the thread free; the others wait for it, and go together.
  expect(seen.map(({ pieces, rows }) => [pieces, rows])).toEqual([
    [1, 1],
    [5, 18],
  ]);
  for (const [k, { click }] of together.entries()) {
    expect(click).toHaveLength(sizes[k]);
    // To the rounding of products over another number of rows.
    for (const [n, value] of click.entries()) expect(value).toBeCloseTo(alone[k][n], 6);
  }
  // Whose is whose can be seen.
  expect(new Set(alone.map(([first]) => first.toFixed(4))).size).toBe(sizes.length);
  await joining.close();
});

test.each(ways)(
  "of a thread that %s the run fails, and what waits runs on the next one",
  async (_, death) => {
    const { map, source } = await openServedModel(run);
    const replaced: Error[] = [];
    const workers = startedWorkers();
    const mortal = new InferencePool({
      workers: 1,
      maxQueueMs: 1e9,
      onThreadReplaced: (cause) => replaced.push(cause),
    });
    await mortal.load("model", source);
    const batch = () => createRowEncoder(map).encode(shop.unseen.slice(0, 6));
    const alive = await mortal.run("model", batch());
    endsWithNextRun(workers[0], death);
    const [lost, ...waited] = await Promise.allSettled([1, 2, 3].map(() => mortal.run("model", batch())));
    expect(lost.status).toBe("rejected");
    expect(replaced).toEqual([(lost as PromiseRejectedResult).reason]);
    expect(replaced[0]).toBeInstanceOf(Error);
    expect(workers).toHaveLength(2);
    for (const outcome of [...waited, { status: "fulfilled", value: await mortal.run("model", batch()) }]) {
      expect(outcome.status).toBe("fulfilled");
      const { click } = (outcome as PromiseFulfilledResult<Predictions>).value;
      for (const [n, value] of click.entries()) expect(value).toBeCloseTo(alive.click[n], 6);
    }
    expect([mortal.busyThreads, mortal.queuedRows]).toEqual([0, 0]);
    await mortal.close();
    // Ending is no death.
    expect(replaced).toHaveLength(1);
  },
);

test("where threads die before they are of use, the next one waits, longer each time", async () => {
  const { map, source } = await openServedModel(run);
  const workers = startedWorkers();
  const replaced: Error[] = [];
  const poor = new InferencePool({
    workers: 1,
    maxQueueMs: 1e9,
    onThreadReplaced: (cause) => replaced.push(cause),
  });
  await poor.load("model", source);
  const batch = () => createRowEncoder(map).encode(shop.unseen.slice(0, 6));
  /** Threads are announced a turn after they are started. */
  const counts = async (): Promise<number[]> => {
    await new Promise(setImmediate);
    return [workers.length, replaced.length];
  };
  const diesOf = async (worker: number): Promise<void> => {
    endsWithNextRun(workers[worker], null);
    await expect(poor.run("model", batch())).rejects.toThrow();
  };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    for (const [worker, ms] of [100, 200, 400].entries()) {
      await diesOf(worker);
      vi.advanceTimersByTime(ms - 1);
      expect(await counts()).toEqual([worker + 1, worker]);
      // A model that comes meanwhile is loaded by the next thread; what comes to be run waits for it.
      await poor.load(`model ${worker}`, source);
      const late = worker < 2 ? undefined : poor.run("model 0", batch());
      vi.advanceTimersByTime(1);
      expect(await counts()).toEqual([worker + 2, worker + 1]);
      await late;
    }
    // It has ended a run: its death is no sign that the next one dies, too.
    await diesOf(3);
    expect(await counts()).toEqual([5, 4]);
    await diesOf(4);
    expect(await counts()).toEqual([5, 4]);
    await poor.close();
    vi.advanceTimersByTime(1e6);
    expect(await counts()).toEqual([5, 4]);
  } finally {
    vi.useRealTimers();
  }
});

test("light rows wait by the hundred where others fill the queue, and come in one piece", async () => {
  const { map, source } = await openServedModel(run);
  const seen: BatchEvent[] = [];
  const light = new InferencePool({
    workers: 2,
    maxBatchRows: 40,
    maxQueuedRows: 100,
    maxQueueMs: 1e9,
    onBatch: (event) => seen.push(event),
  });
  await light.load("heavy", source);
  await light.load("light", { ...source, lightRows: true });
  const encoder = createRowEncoder(map);
  const rows = Array.from({ length: 90 }, (_, k) => shop.unseen[k % shop.unseen.length]);
  const several = (key: string): Promise<unknown>[] =>
    [1, 2, 3, 4, 5].map(() => light.run(key, encoder.encode(rows)));
  await Promise.all(several("light"));
  expect(seen.splice(0).map((event) => event.rows)).toEqual([90, 90, 90, 90, 90]);
  const heavy = await Promise.allSettled(several("heavy"));
  expect(heavy.some(({ status }) => status === "rejected")).toBe(true);
  expect(Math.max(...seen.map((event) => event.rows))).toBeLessThanOrEqual(40);
  await light.close();
});

test("a closing pool ends what it has begun, refuses the rest, and stays closed", async () => {
  const { map, source } = await openServedModel(run);
  const closing = new InferencePool({ workers: 1 });
  await closing.load("first", source);
  const batch = createRowEncoder(map).encode(shop.unseen.slice(0, 5));
  const under = [
    closing.load("second", source),
    ...Array.from({ length: 20 }, () => closing.run("first", structuredClone(batch))),
  ];
  const settled = Promise.allSettled(under);
  await Promise.all([closing.close(), closing.close()]);
  const outcomes = (await settled).map((one) => (one.status === "fulfilled" ? "done" : one.reason.message));
  const stopped = "the server has stopped";
  // The load, and the one run that the thread had been given.
  expect(outcomes).toEqual(["done", "done", ...Array.from({ length: 19 }, () => stopped)]);
  expect([closing.busyThreads, closing.queuedRows]).toEqual([0, 0]);
  await expect(closing.run("first", batch)).rejects.toThrow(stopped);
  await expect(closing.load("third", source)).rejects.toThrow(stopped);
  expect(() => closing.admit(1)).toThrow(stopped);
});
