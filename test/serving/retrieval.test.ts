/** A cascade whose candidates come from a retrieval run's index. */
import { appendFileSync, cpSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import {
  LiveIndex,
  openRetrievalRun,
  parseRetrievalConfig,
  retrievalFiles,
  trainRetrievalRun,
  writeIndex,
} from "../../src/retrieval/index.ts";
import {
  type CascadeConfigInput,
  type CascadeObserver,
  InferencePool,
  type LogEntry,
  parseCascade,
  rank,
  Release,
  Server,
  UnavailableError,
} from "../../src/serving/index.ts";
import { createRowEncoder } from "../../src/schema/index.ts";
import { fingerprintOf } from "../../src/serving/watch.ts";
import { get, rankAt } from "./clients.ts";
import { makeShop, NOW, trainShop, writeRows } from "./shop.ts";

const shop = makeShop();
const pool = new InferencePool({ workers: 1, maxBatchRows: 64 });
const directory = shop.path("tower");

beforeAll(async () => {
  await trainShop(shop, "final", "final");
  const config = parseRetrievalConfig({
    task: "retrieval",
    log: {
      data: { train: shop.path("train.jsonl"), valid: shop.path("valid.jsonl") },
      features: [
        { name: "user", kind: "categorical", column: "user_id" },
        { name: "item", kind: "categorical", column: "item_id" },
      ],
      labels: [{ name: "click" }],
    },
    model: { name: "MF", embeddingDim: 8 },
    objective: { name: "bpr" },
    batchSize: 256,
    training: { epochs: 3, metrics: ["recall@10"] },
  });
  await trainRetrievalRun(config, { directory, engine: await createEngine("native") });
  const run = openRetrievalRun(directory);
  writeIndex(run.indexDirectory, run.content(), { kind: "exact" });
}, 120_000);
afterAll(() => pool.close());

const base = {
  models: [{ name: "final", run: "final" }],
  users: { file: "users.jsonl", key: "user_id" },
  items: { file: "items.jsonl", key: "item_id" },
  stages: [{ name: "final", model: "final" }],
  slots: { count: 5 },
} satisfies CascadeConfigInput;

async function open(
  candidates: object,
  more: Partial<CascadeConfigInput> = {},
  on: InferencePool = pool,
): Promise<Release> {
  const config = parseCascade({
    ...base,
    ...more,
    candidates: candidates as CascadeConfigInput["candidates"],
  });
  return Release.open({ name: "feed", folder: shop.folder, config }, { pool: on });
}

const asking = { features: {}, exclude: new Set<string>(), signal: new AbortController().signal };

describe("the source `retrieval`", () => {
  test("gives the items that the index finds for the user, which the stages then rank", async () => {
    const release = await open({ source: "retrieval", run: "tower", limit: 30 });
    const source = release.source!;
    const query = { features: {}, exclude: new Set<string>(), signal: new AbortController().signal };
    const one = await source.candidates({ ...query, user: "u1", limit: 30 });
    const other = await source.candidates({ ...query, user: "u2", limit: 30 });
    expect(one.ids).toHaveLength(30);
    expect(one.ids).not.toEqual(other.ids);
    const scores = Array.from(one.scores!);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const without = await source.candidates({
      ...query,
      user: "u1",
      limit: 5,
      exclude: new Set([String(one.ids[0])]),
    });
    expect(without.ids).toEqual(one.ids.slice(1, 6));
    const answer = await rank(release, pool, { user: "u1", context: { hour: 3, time: NOW } });
    expect(answer.items).toHaveLength(5);
    const found = new Set(one.ids.map(String));
    for (const { id } of answer.items) expect(found.has(String(id))).toBe(true);
    release.retire();
  });

  test("scores as the run's own encoder and index do", async () => {
    const release = await open({ source: "retrieval", run: "tower", limit: 30 });
    const run = openRetrievalRun(directory);
    const engine = await createEngine("native");
    const [index, tower] = [
      await LiveIndex.open(run.indexDirectory, { engine }),
      await run.tower("user", engine),
    ];
    const users = ["u1", "u2", "u3", "stranger"];
    // At once, so that they share runs.
    const found = await Promise.all(
      users.map((user) => release.source!.candidates({ ...asking, user, limit: 30 })),
    );
    for (const [k, user] of users.entries()) {
      const vector = await tower.encode(createRowEncoder(run.map).encode([{ user_id: user }]));
      const expected = await index.search(vector, { k: 30 });
      expect(found[k].ids).toEqual(expected.keys);
      for (const [n, score] of expected.scores.entries()) expect(found[k].scores![n]).toBeCloseTo(score, 6);
    }
    expect(found.map(({ outOfVocabulary }) => outOfVocabulary)).toEqual([{}, {}, {}, { user: 1 }]);
    await index.close();
    await tower.release();
    release.retire();
  });

  /** As many rows as keep one thread busy for long. */
  const manyRows = ({ models: [{ assembly }] }: Release) => {
    const rows = shop.items.map(({ item_id }) => ({ item_id, user_id: "u1", hour: 3, time: NOW }));
    return assembly.assembleRows(Array.from({ length: 200 }, () => rows).flat() as never).batch;
  };
  const asked = { user: "u1", context: { hour: 3, time: NOW } };

  test("runs its encoder on the inference threads, where a budget cuts it", async () => {
    const own = new InferencePool({ workers: 1, maxBatchRows: 100_000 });
    const release = await open({ source: "retrieval", run: "tower", limit: 5, budgetMs: 1 }, {}, own);
    const seen: unknown[] = [];
    const observer: CascadeObserver = { fallback: (...what) => seen.push(what.slice(0, 2)) };
    const busy = own.run(release.models[0].key, manyRows(release), undefined, { admitted: true });
    await expect(rank(release, own, asked, observer)).rejects.toThrow(UnavailableError);
    expect(seen).toEqual([["candidates", "late"]]);
    await busy;
    release.retire();
    await own.close();
  });

  test("goes before what waits, so that its order is served when the queue is full", async () => {
    const release = await open({ source: "retrieval", run: "tower", limit: 5 });
    const busy = pool.run(release.models[0].key, manyRows(release), undefined, { admitted: true });
    const answer = await rank(release, pool, asked);
    expect(answer).toMatchObject({ stage: null, fallbacks: [{ stage: "final", reason: "overloaded" }] });
    expect(answer.items).toHaveLength(5);
    expect(pool.queuedRows).toBeGreaterThan(20_000);
    await busy;
    release.retire();
  });

  test("is measured as a model: batches, and values that no vocabulary knows", async () => {
    const config = parseCascade({ ...base, candidates: { source: "retrieval", run: "tower", limit: 5 } });
    const server = await Server.create([() => ({ name: "feed", folder: shop.folder, config })], {
      port: 0,
      pool: { workers: 1 },
    });
    const url = await server.listen();
    await rankAt(url, "feed", { user: "stranger", context: { hour: 3, time: NOW } });
    const { body } = await get<string>(`${url}/metrics`);
    for (const line of [
      'millrace_batch_rows_count{model="feed.candidates"} 1',
      'millrace_graph_rows_total{model="feed.candidates",graph="plain"} 1',
      'millrace_out_of_vocabulary_total{name="feed",model="candidates",feature="user"} 1',
    ]) {
      expect(body).toContain(line);
    }
    await server.stop();
  });

  describe("with `filters.allowed`", () => {
    // Few items; most of them; and many, none of which is near: the user's worst.
    test.each([
      ["retrieval", "few", 5],
      ["retrieval", "active", 5],
      ["retrieval", "worst", 5],
      ["retrieval", "none", 0],
      ["top", "worst", 5],
      ["all", "few", 5],
    ])("%s fills its limit with items that are %s", async (source, allowed, count) => {
      const all = await open({ source: "retrieval", run: "tower", limit: 150 });
      const found = await all.source!.candidates({ ...asking, user: "u1", limit: 150 });
      all.retire();
      const worst = new Set(found.ids.slice(-60).map(String));
      writeRows(
        shop.path("marked.jsonl"),
        shop.items.map((item, k) => ({
          ...item,
          few: k % 30 === 7,
          worst: worst.has(String(item.item_id)),
          none: false,
          bid: worst.has(String(item.item_id)) ? 1 : 2,
        })),
      );
      const items = { file: "marked.jsonl", key: "item_id" };
      const candidates = { source, run: "tower", by: "bid", limit: 5 };
      const release = await open(candidates, { items, filters: { allowed } });
      const answer = await rank(release, pool, { user: "u1", context: { hour: 3, time: NOW } });
      expect(answer.items).toHaveLength(count);
      expect(answer.counts).toMatchObject({ candidates: count, filtered: 0 });
      if (source === "retrieval" && allowed === "worst") {
        const ids = answer.items.map(({ id }) => String(id));
        // The best of the worst, and no others.
        expect(new Set(ids)).toEqual(new Set([...worst].slice(0, 5)));
      }
      release.retire();
    });
  });

  /** Longer than the source waits before it looks for a newer index. */
  const later = () => vi.advanceTimersByTime(60_000);
  afterEach(() => void vi.useRealTimers());

  test("a new index is taken up by a running server, and one that cannot be read is logged and counted", async () => {
    cpSync(directory, shop.path("renewed"), { recursive: true });
    const config = parseCascade({
      ...base,
      candidates: { source: "retrieval", run: "renewed", limit: 5 },
    });
    const log: LogEntry[] = [];
    vi.useFakeTimers({ toFake: ["performance"] });
    const server = await Server.create([() => ({ name: "feed", folder: shop.folder, config })], {
      port: 0,
      pool: { workers: 1 },
      log: (entry) => log.push(entry),
    });
    const url = await server.listen();
    const ask = async (): Promise<Set<unknown>> => {
      const { items } = await rankAt(url, "feed", { user: "u1", context: { hour: 3, time: NOW } });
      return new Set(items.map(({ id }) => id));
    };
    const refreshes = () => log.filter(({ event }) => event === "index");
    const before = await ask();
    const run = openRetrievalRun(shop.path("renewed"));
    const content = run.content();
    writeIndex(run.indexDirectory, { ...content, keys: content.keys.toReversed() }, { kind: "exact" });
    // Nobody looks at every request.
    expect(await ask()).toEqual(before);
    later();
    await ask();
    await expect.poll(refreshes).toMatchObject([{ level: "info", name: "feed", outcome: "swapped" }]);
    const after = await ask();
    expect(after).not.toEqual(before);
    const { version } = refreshes()[0];
    expect(version).toMatch(/^\d{6}-exact$/);

    writeFileSync(join(run.indexDirectory, "current.json"), "{");
    later();
    expect(await ask()).toEqual(after);
    await expect.poll(refreshes).toHaveLength(2);
    expect(refreshes()[1]).toMatchObject({ level: "error", name: "feed", outcome: "failed", version });
    expect(refreshes()[1].error).toContain("current.json");
    expect(await ask()).toEqual(after);
    const { body } = await get<string>(`${url}/metrics`);
    for (const outcome of ["swapped", "failed"]) {
      expect(body).toContain(`millrace_index_refreshes_total{name="feed",outcome="${outcome}"} 1`);
    }
    await server.stop();
  });

  test("goes on with the index it has while a newer one cannot be read", async () => {
    cpSync(directory, shop.path("broken"), { recursive: true });
    vi.useFakeTimers({ toFake: ["performance"] });
    const release = await open({ source: "retrieval", run: "broken", limit: 5 });
    const ask = async () => (await release.source!.candidates({ ...asking, user: "u1", limit: 5 })).ids;
    const before = await ask();
    writeFileSync(shop.path("broken", "index", "current.json"), "{");
    for (let k = 0; k < 3; k++) {
      later();
      expect(await ask()).toEqual(before);
    }
    release.retire();
  });

  test("a link that leads elsewhere does not change the index of a release under way", async () => {
    cpSync(directory, shop.path("other"), { recursive: true });
    const other = openRetrievalRun(shop.path("other"));
    const content = other.content();
    writeIndex(other.indexDirectory, { ...content, keys: content.keys.toReversed() }, { kind: "exact" });
    // Otherwise the very same run.
    appendFileSync(join(other.directory, retrievalFiles.bundle), "\n");
    symlinkSync(directory, shop.path("link"));
    vi.useFakeTimers({ toFake: ["performance"] });
    const release = await open({ source: "retrieval", run: "link", limit: 5 });
    const ask = async (of: Release) => (await of.source!.candidates({ ...asking, user: "u1", limit: 5 })).ids;
    const before = await ask(release);
    const looked = fingerprintOf(release.cascade);
    symlinkSync(shop.path("other"), shop.path("link.new"));
    renameSync(shop.path("link.new"), shop.path("link"));
    // What is watched sees it.
    expect(fingerprintOf(release.cascade)).not.toBe(looked);
    later();
    await ask(release);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await ask(release)).toEqual(before);
    const next = await open({ source: "retrieval", run: "link", limit: 5 });
    expect(await ask(next)).not.toEqual(before);
    expect(next.version).not.toBe(release.version);
    release.retire();
    next.retire();
  });

  test.each([
    [
      { source: "retrieval" },
      "candidates.run: the source `retrieval` needs the directory of a retrieval run",
    ],
    [{ source: "retrieval", run: "final" }, "final holds no retrieval run"],
  ])("%j is refused", async (candidates, message) => {
    await expect(open(candidates)).rejects.toThrow(message);
  });
});

test("the run's folder is taken from the cascade's", () => {
  expect(join(shop.folder, "tower")).toBe(directory);
});
