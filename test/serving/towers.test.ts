/** An early stage that factors: one user encoding a request, items' vectors by version, the model's own numbers. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig, trainRun } from "../../src/run/index.ts";
import {
  parseCascade,
  type RankRequest,
  type RankResponse,
  Server,
  verifyRun,
} from "../../src/serving/index.ts";
import type { FactoredTowers } from "../../src/retrieval/index.ts";
import type { TowerStage } from "../../src/serving/tower-stage.ts";
import { rankAt } from "./clients.ts";
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

const cascade = (directory: string, value?: string) => () => ({
  name: "feed",
  folder: shop.folder,
  config: parseCascade({
    models: [{ name: "early", run: directory }],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file: "items.jsonl", key: "item_id" },
    context: ["wanted"],
    stages: [{ name: "early", model: "early" }],
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
const counts = (): FactoredTowers["counts"] => ({ ...stageOf(server).towers.counts });
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

  test("encode the user once, and no item", async () => {
    const before = counts();
    await rankAt(url, "feed", request("u3"));
    const after = counts();
    expect(after.users - before.users).toBe(1);
    expect(after.items - before.items).toBe(0);
    expect(after.pairs - before.pairs).toBe(candidates.length);
  });
});

test("items were encoded once, when the release was loaded", () => {
  expect(counts().items).toBe(shop.items.length);
});

test("what is sent with a candidate, and items nobody knows, go through the whole graph, with the same numbers", async () => {
  const before = counts();
  const plain = byId(await rankAt(url, "feed", request("u7")));
  const { price, category, tags } = shop.items[4];
  const features = { price, category, tags } as never;
  const sent = await rankAt(url, "feed", {
    ...request("u7"),
    candidates: [1, 2, { id: 4, features }, { id: 77_777 }],
  });
  expect(counts().users - before.users).toBe(1);
  expect(sent.counts.unknown_items).toBe(1);
  for (const id of [1, 2, 4]) expect(byId(sent).get(id)).toBeCloseTo(plain.get(id) as number, 6);
  // A column that the model does not read changes nothing of that.
  await rankAt(url, "feed", { ...request("u7"), candidates: [1, { id: 2, features: { bid: 3 } }] });
  expect(counts().users - before.users).toBe(2);
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
  const { assembly } = other.services.get("feed")?.release.models[0] ?? {};
  const fresh = await second.towers.encodeItems(assembly?.assembleItems(9, 10) as never);
  for (const [k, value] of second.vectorOf(9).entries()) expect(value).toBeCloseTo(fresh[k], 6);
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
