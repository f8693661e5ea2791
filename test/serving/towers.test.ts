/** An early stage that factors: one user encoding a request, items' vectors by version, the model's own numbers. */
import { readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import { factoredGraphs } from "../../src/retrieval/index.ts";
import { parseConfig, trainRun } from "../../src/run/index.ts";
import { createRowEncoder } from "../../src/schema/index.ts";
import { ITEM_ROW } from "../../src/serving/batch-pieces.ts";
import {
  parseCascade,
  type RankRequest,
  type RankResponse,
  Server,
  verifyRun,
} from "../../src/serving/index.ts";
import { makeProducts } from "../../src/serving/item-products.ts";
import { ModelRunner } from "../../src/serving/model-runner.ts";
import { openServedModel } from "../../src/serving/served-model.ts";
import type { TowerStage } from "../../src/serving/tower-stage.ts";
import { get, rankAt } from "./clients.ts";
import { predictRows } from "./predict-rows.ts";
import { makeShop, NOW, type Shop, writeRows } from "./shop.ts";

const shop = makeShop();
const servers: Server[] = [];
let url: string;
let server: Server;
let run: string;

async function trainEarly(target: Shop, seed: number): Promise<string> {
  const directory = target.path(`early-${seed}`);
  const config = parseConfig({
    data: {
      train: target.path("train.jsonl"),
      valid: target.path("valid.jsonl"),
      cacheDir: target.path("cache"),
    },
    features: [
      { name: "user_id", kind: "categorical" },
      { name: "age", kind: "numeric", transform: "buckets", buckets: 5 },
      { name: "hour", kind: "categorical", type: "int64" },
      { name: "history", kind: "sequence", target: "item_id", maxLength: 8 },
      { name: "item_id", kind: "categorical", type: "int64" },
      { name: "category", kind: "categorical" },
      { name: "price", kind: "numeric", transform: "log_standard" },
      { name: "tags", kind: "bag", maxLength: 3 },
    ],
    labels: [{ name: "click" }],
    model: {
      name: "EarlyStageMTL",
      itemFeatures: ["item_id", "category", "price", "tags"],
      embeddingDim: 4,
      hiddenUnits: [8],
      headDim: 4,
    },
    training: { epochs: 2, batchSize: 256, learningRate: 0.02, seed },
  });
  await trainRun(config, { directory });
  return directory;
}

const cascade = (directory: string, value?: string, budgetMs?: number) => () => ({
  name: "feed",
  folder: shop.folder,
  config: parseCascade({
    models: [{ name: "early", run: directory }],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file: "items.jsonl", key: "item_id" },
    context: ["wanted"],
    candidates: { source: "top", by: "bid", limit: 40 },
    stages: [{ name: "early", model: "early", budgetMs }],
    value,
  }),
});

beforeAll(async () => {
  run = await trainEarly(shop, 1);
  server = await Server.create([cascade(run)], { port: 0, pool: { workers: 1 } });
  servers.push(server);
  url = await server.listen();
});
afterAll(async () => {
  await Promise.all(servers.map((each) => each.stop()));
  rmSync(shop.folder, { recursive: true, force: true });
});

const stageOf = (of: Server): TowerStage => {
  const stage = of.services.get("feed")?.release.models[0].towers;
  if (stage === undefined) throw new Error("the model does not factor");
  return stage;
};
/** Values of a counter by one of its labels. */
async function counted(address: string, metric: string, label: string): Promise<{ [value: string]: number }> {
  const { body } = await get<string>(`${address}/metrics`);
  const samples = [...body.matchAll(new RegExp(`^${metric}{(.*)} (.*)$`, "gm"))];
  return Object.fromEntries(
    samples.map(([, labels, value]) => [labels.match(`${label}="([^"]*)"`)?.[1], Number(value)]),
  );
}
/** Rows run so far: of towers, of items when releases were loaded, of the plain graph. */
const graphRows = () => counted(url, "millrace_graph_rows_total", "graph");
const candidates = shop.items.map(({ item_id }) => item_id as number);
const request = (user: string): RankRequest => ({
  user,
  context: { hour: 5, time: NOW },
  candidates,
  limit: candidates.length,
});
const byId = ({ items }: RankResponse): Map<unknown, number> =>
  new Map(items.map(({ id, score }) => [id, score ?? Number.NaN]));

describe("requests of ids", () => {
  test("get the probabilities that `predict` gives", async () => {
    for (const user of ["u0", "u7", "stranger"]) {
      const scores = byId(await rankAt(url, "feed", request(user)));
      const known = shop.users.find(({ user_id }) => user_id === user) ?? { user_id: user };
      const rows = shop.items.map((item) => ({
        age: null,
        history: [],
        history_times: [],
        ...known,
        ...item,
        hour: 5,
        time: NOW,
      }));
      const expected = await predictRows(shop, run, rows);
      for (const [k, id] of candidates.entries()) expect(scores.get(id)).toBeCloseTo(expected[k], 6);
    }
  });

  test("run on the inference threads, and encode no item", async () => {
    const before = await graphRows();
    await rankAt(url, "feed", request("u3"));
    const after = await graphRows();
    expect(after.towers - before.towers).toBe(candidates.length);
    expect(after.items).toBe(before.items);
    expect(after.plain).toBe(before.plain);
    const runs = await counted(url, "millrace_batch_rows_count", "model");
    expect(runs["feed.early"]).toBeGreaterThan(0);
  });

  test("count values that no vocabulary knows, of the user and of the items", async () => {
    const unknown = () => counted(url, "millrace_out_of_vocabulary_total", "feature");
    const before = await unknown();
    await rankAt(url, "feed", request("nobody"));
    const after = await unknown();
    expect(after.user_id - before.user_id).toBe(1);
    const inTraining = new Set(
      readFileSync(shop.path("train.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).item_id),
    );
    const unseen = candidates.filter((id) => !inTraining.has(id));
    expect((after.item_id ?? 0) - (before.item_id ?? 0)).toBe(unseen.length);
  });
});

test("items were encoded once, when the release was loaded", async () => {
  expect((await graphRows()).items).toBe(shop.items.length);
});

test("a budget cuts them: the order before is served, and the metrics tell cut requests from others", async () => {
  const [cut, whole] = [cascade(run, undefined, 5), cascade(run)];
  const both = await Server.create(
    [() => ({ ...cut(), name: "cut" }), () => ({ ...whole(), name: "whole" })],
    { port: 0, pool: { workers: 1 } },
  );
  servers.push(both);
  const address = await both.listen();
  const runPool = both.pool.run.bind(both.pool);
  // Reaches the threads when its time is over, and not before.
  vi.spyOn(both.pool, "run").mockImplementation(async (key, batch, signal, options) => {
    if (key.startsWith("cut.")) await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    return runPool(key, batch, signal, options);
  });
  const asked: RankRequest = { user: "nobody", context: { hour: 5, time: NOW }, limit: 5 };
  const late = await rankAt(address, "cut", asked);
  expect(late).toMatchObject({ stage: null, fallbacks: [{ stage: "early", reason: "late" }] });
  expect(late.items).toHaveLength(5);
  const inTime = await rankAt(address, "whole", asked);
  expect(inTime).toMatchObject({ stage: "early", fallbacks: [] });
  const { body } = await get<string>(`${address}/metrics`);
  const lines = body.split("\n").filter((line) => /^millrace_(fallbacks|graph_rows|out_of)/.test(line));
  for (const line of [
    'millrace_fallbacks_total{name="cut",stage="early",reason="late"} 1',
    'millrace_graph_rows_total{model="whole.early",graph="towers"} 40',
    'millrace_out_of_vocabulary_total{name="whole",model="early",feature="user_id"} 1',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.filter((line) => line.startsWith('millrace_fallbacks_total{name="whole"'))).toEqual([]);
  // What was cut never ran, and nothing of it waits.
  expect(lines.filter((line) => /"cut(.early)?",(graph="towers"|model)/.test(line))).toEqual([]);
  expect(body).toContain('millrace_batch_rows_count{model="whole.early"} 1\n');
  expect(body).toMatch(/millrace_queued_rows 0\n/);
});

test("what is sent with a candidate, and items nobody knows, go through the whole graph, with the same numbers", async () => {
  const before = await graphRows();
  const plain = byId(await rankAt(url, "feed", request("u7")));
  const { price, category, tags } = shop.items[4];
  const features = { price, category, tags } as never;
  const sent = await rankAt(url, "feed", {
    ...request("u7"),
    candidates: [1, 2, { id: 4, features }, { id: 77_777 }],
  });
  const between = await graphRows();
  expect(between.towers - before.towers).toBe(candidates.length);
  expect(between.plain - (before.plain ?? 0)).toBe(4);
  expect(sent.counts.unknown_items).toBe(1);
  for (const id of [1, 2, 4]) expect(byId(sent).get(id)).toBeCloseTo(plain.get(id) as number, 6);
  // A column that the model does not read changes nothing of that.
  await rankAt(url, "feed", { ...request("u7"), candidates: [1, { id: 2, features: { bid: 3 } }] });
  const after = await graphRows();
  expect(after.towers - between.towers).toBe(2);
  expect(after.plain).toBe(between.plain);
});

test("runs side by side on one thread, as where rows come from Redis, score their own items", async () => {
  const served = await openServedModel(run, { storedMb: 0 });
  const { items, scores } = factoredGraphs(run)!;
  const source = served.sourceOf(scores.model, scores.predictions)!;
  // Nobody answers there, so that every row is the fallback; that has to be waited for all the same.
  const away = {
    kind: "redis",
    url: "redis://127.0.0.1:1",
    prefix: "",
    cacheBytes: 64,
    timeoutMs: 1,
  } as const;
  const lookups = source.lookups.map((lookup) => ({
    ...lookup,
    place: { ...away, fallback: new Float32Array(lookup.dim) },
  }));
  const takes = makeProducts([{ name: scores.vectors, width: items.width }], 2);
  takes.data.fill(1, takes.data.length / 2);
  const runner = await ModelRunner.load(await createEngine("auto"), { ...source, lookups, takes });
  expect(runner.immediate).toBe(false);
  const score = async (row: number) => {
    const { columns: shared } = createRowEncoder(served.map).encode(shop.unseen.slice(0, 1));
    const columns = { [ITEM_ROW]: Int32Array.of(row, row, row) };
    return [...(await runner.run({ size: 3, columns, shared })).predictions.click];
  };
  const alone = [await score(0), await score(1)];
  expect(alone[0]).not.toEqual(alone[1]);
  expect(await Promise.all([score(0), score(1)])).toEqual(alone);
  await runner.release();
});

test("verify takes the same way", async () => {
  const log = writeRows(shop.path("requests.log"), [request("u1"), request("u2")] as never);
  const found = await verifyRun(run, {
    log,
    ...shop.tables,
  });
  expect(found).toMatchObject({ ok: true, rows: 2 * candidates.length });
});

test("cached vectors are those of their version, before and after a swap", async () => {
  let current = run;
  const other = await Server.create([() => cascade(current)()], { port: 0, pool: { workers: 1 } });
  servers.push(other);
  const first = stageOf(other).vectorOf(9);
  expect(first).toEqual(stageOf(server).vectorOf(9));
  current = await trainEarly(shop, 2);
  await other.reload("feed");
  const second = stageOf(other);
  expect(second.vectorOf(9)).not.toEqual(first);
});

test("bids change the order without training", async () => {
  const bidding = await Server.create([cascade(run, "click * if(item_id == wanted, 100, 1)")], {
    port: 0,
    pool: { workers: 1 },
  });
  servers.push(bidding);
  const address = await bidding.listen();
  for (const wanted of [3, 60]) {
    const { items } = await rankAt(address, "feed", {
      ...request("u5"),
      context: { hour: 5, time: NOW, wanted },
      limit: 1,
    });
    expect(items[0].id).toBe(wanted);
  }
});
