/** Served split: the same predictions, which graph gave them, what falls back, what a new table or run changes. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RawRow } from "../../src/schema/index.ts";
import {
  type CascadeConfigInput,
  InferencePool,
  parseCascade,
  type RankRequest,
  rank,
  Release,
  Server,
  Service,
} from "../../src/serving/index.ts";
import { get, rankAt } from "./clients.ts";
import { predictRows } from "./predict-rows.ts";
import { makeShop, NOW, trainShop, writeRows } from "./shop.ts";

const shop = makeShop();
/** Rows run, by graph. */
let ran: { [graph: string]: number } = {};
const pool = new InferencePool({
  workers: 2,
  maxBatchRows: 64,
  onBatch: ({ key, rows }) => {
    const graph = key.split("/")[1] ?? "plain";
    ran[graph] = (ran[graph] ?? 0) + rows;
  },
});
afterAll(() => pool.close());
beforeAll(async () => {
  await trainShop(shop, "final", "final");
  await trainShop(shop, "other", "final", { seed: 2 });
});
beforeEach(() => {
  ran = {};
});

/** Items that training has not seen among them. */
const items: readonly RawRow[] = [
  ...shop.items,
  { ...shop.items[0], item_id: 5000, category: "new" },
  { ...shop.items[1], item_id: 5001, price: null },
];
writeRows(shop.path("all-items.jsonl"), items);

type ModelOptions = Partial<CascadeConfigInput["models"][number]>;

function config(options: ModelOptions = {}, file = "all-items.jsonl"): CascadeConfigInput {
  return {
    models: [{ name: "final", run: "final", ...options }],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file, key: "item_id" },
    stages: [{ name: "final", model: "final" }],
    slots: { count: 1000 },
  };
}

function open(options: ModelOptions = {}): Promise<Release> {
  return Release.open({ name: "feed", folder: shop.folder, config: parseCascade(config(options)) }, { pool });
}

const context = { hour: 9, time: NOW };
const request: RankRequest = {
  user: "u4",
  context,
  candidates: items.map(({ item_id }) => item_id as number),
};

/** Click by id as `predict` gives it. */
async function truth(
  run: string,
  table: readonly RawRow[],
  user: RawRow = shop.users[4],
): Promise<Map<number, number>> {
  const rows = table.map((item) => ({ ...user, ...item, ...context }));
  // The row at the end has every column, which says of what type they are.
  const { click, ...typed } = shop.unseen[0];
  const predicted = await predictRows(shop, shop.path(run), [...rows, typed]);
  return new Map(table.map(({ item_id }, k) => [item_id as number, predicted[k]]));
}

async function expectTruth(
  release: Release,
  expected: ReadonlyMap<number, number>,
  asked: RankRequest = request,
): Promise<void> {
  const { items: ranked } = await rank(release, pool, asked);
  expect(ranked).toHaveLength(expected.size);
  for (const { id, predictions } of ranked) {
    expect(Math.abs(predictions.click - (expected.get(id as number) as number))).toBeLessThan(1e-6);
  }
}

describe("predictions are those of the plain graph", () => {
  test.each<[string, ModelOptions]>([
    ["with products", {}],
    ["with products, rows in a file", { rows: "file", storedMb: 0 }],
    ["with products, rows in shared memory", { storedMb: 0 }],
    ["without products", { itemProductsMb: 0 }],
    ["without products, rows in a file", { itemProductsMb: 0, rows: "file", storedMb: 0 }],
    ["over budget", { itemProductsMb: 0.001 }],
  ])("%s", async (_, options) => {
    const release = await open(options);
    const [{ split }] = release.models;
    const kept = options.itemProductsMb === undefined;
    expect(split?.productBytes).toSatisfy((bytes: number) => (kept ? bytes > 0 : bytes === 0));
    expect(ran).toEqual(kept ? { items: items.length } : {});
    ran = {};
    await expectTruth(release, await truth("final", items));
    expect(ran).toEqual({ split: items.length });
    release.retire();
  });

  test("for a user that nobody knows", async () => {
    const release = await open();
    const nobody = { user_id: "nobody", age: null, history: null, history_times: null };
    await expectTruth(release, await truth("final", items, nobody), { ...request, user: "nobody" });
    expect(ran.plain).toBeUndefined();
    release.retire();
  });
});

describe("what a split graph does not take goes through the plain one, in the same answer", () => {
  const table = items.slice(0, 40);
  const sent = { ...table[3], price: 7.5 };
  const strange = { item_id: 99_999 };
  const asked: RankRequest = {
    ...request,
    candidates: [
      ...table.map(({ item_id }, k) =>
        k === 3 ? { id: item_id as number, features: { price: 7.5 } } : (item_id as number),
      ),
      99_999,
      // Nothing that the model reads was sent.
      { id: items[50].item_id as number, features: { bid: 3 } },
    ],
  };
  const rows = [...table.map((item, k) => (k === 3 ? sent : item)), strange, items[50]];

  test("features sent with a candidate, and ids that no table has", async () => {
    const release = await open();
    ran = {};
    await expectTruth(release, await truth("final", rows), asked);
    expect(ran).toEqual({ split: 40, plain: 2 });
    release.retire();
  });

  test("without products an unknown id is nothing special", async () => {
    const release = await open({ itemProductsMb: 0 });
    await expectTruth(release, await truth("final", rows), asked);
    expect(ran).toEqual({ split: 41, plain: 1 });
    release.retire();
  });

  test("values that no vocabulary knows are counted alike", async () => {
    const counted: { [feature: string]: number }[] = [];
    for (const itemProductsMb of [1024, 0]) {
      const release = await open({ itemProductsMb });
      await rank(release, pool, request, { outOfVocabulary: (_, counts) => counted.push({ ...counts }) });
      release.retire();
    }
    expect(counted[0]).toEqual(counted[1]);
    expect(counted[0]).toMatchObject({ category: 1 });
  });
});

test("a few candidates share a run of the plain graph with other requests'", async () => {
  const release = await open();
  ran = {};
  const few = items.slice(0, 5);
  await expectTruth(release, await truth("final", few), {
    ...request,
    candidates: few.map(({ item_id }) => item_id as number),
  });
  expect(ran).toEqual({ plain: 5 });
  release.retire();
});

test("without an item table a model is served whole", async () => {
  const { items: _, ...rest } = config();
  const release = await Release.open(
    { name: "feed", folder: shop.folder, config: parseCascade(rest) },
    { pool },
  );
  expect(release.models[0].split).toBeUndefined();
  await rank(release, pool, request);
  expect(ran).toEqual({ plain: items.length });
  release.retire();
});

test("a reload makes products anew, of the new table and of the new run", async () => {
  const table = writeRows(shop.path("changing.jsonl"), items);
  let run = "final";
  const service = await Service.open(
    () => ({ name: "feed", folder: shop.folder, config: parseCascade(config({ run }, table)) }),
    { pool },
  );
  const before = service.release;
  await expectTruth(before, await truth("final", items));
  const dearer = items.map((item) => ({ ...item, price: 3 + Number(item.price ?? 0), category: "c2" }));
  writeRows(table, dearer);
  // A request that began before the reload ends on what it began with.
  await before.use(async () => {
    await service.reload();
    await expectTruth(before, await truth("final", items));
  });
  await expectTruth(service.release, await truth("final", dearer));
  run = "other";
  await service.reload();
  await expectTruth(service.release, await truth("other", dearer));
  expect(ran.plain).toBeUndefined();
  service.close();
});

test("metrics and the log say so", async () => {
  const log: { readonly event: string }[] = [];
  const server = await Server.create(
    [() => ({ name: "feed", folder: shop.folder, config: parseCascade(config()) })],
    {
      port: 0,
      pool: { workers: 1 },
      log: (entry) => log.push(entry),
    },
  );
  const url = await server.listen();
  await rankAt(url, "feed", request);
  const { body: text } = await get<string>(`${url}/metrics`);
  expect(text).toContain(`millrace_graph_rows_total{model="feed.final",graph="split"} ${items.length}`);
  expect(text).not.toContain('graph="plain"');
  expect(log.find(({ event }) => event === "split")).toMatchObject({
    name: "feed",
    model: "final",
    item_products_mb: 1,
  });
  await server.stop();
});
