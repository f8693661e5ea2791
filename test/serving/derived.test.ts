/**
 * Derived columns of every kind, served: features of the user, of the item, and of one with the other give the
 * probabilities that `millrace predict` gives for the joined rows, whichever way a request is scored.
 */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RawRow, RawValue } from "../../src/schema/index.ts";
import {
  type InferResponse,
  type ModelMetadata,
  parseCascade,
  type RankRequest,
  Server,
} from "../../src/serving/index.ts";
import { get, post, rankAt } from "./clients.ts";
import { context, makeDerivedShop, trainDerived } from "./derived-shop.ts";
import { predictRows } from "./predict-rows.ts";

const TOLERANCE = 1e-5;
const shop = makeDerivedShop();
let server: Server;
let url: string;
/** By run what `predict` gives for the unseen rows. */
const expectedUnseen = new Map<string, number[]>();

/** One service a way of scoring: by name the run, and what its model is opened with. */
const services = {
  split: { run: "whole" },
  "split-without-products": { run: "whole", itemProductsMb: 0 },
  towers: { run: "towers" },
  "towers-crossed": { run: "towers-crossed" },
} as const;
type Name = keyof typeof services;

beforeAll(async () => {
  for (const name of ["whole", "towers", "towers-crossed"] as const) {
    expectedUnseen.set(name, await predictRows(shop, await trainDerived(shop, name), shop.unseen));
  }
  const targets = Object.entries(services).map(([name, model]) => () => ({
    name,
    folder: shop.folder,
    config: parseCascade({
      models: [{ name: "model", ...model }],
      users: { file: "users.jsonl", key: "user" },
      items: { file: "items.jsonl", key: "item" },
      stages: [{ name: "only", model: "model" }],
      slots: { count: 1000 },
    }),
  }));
  server = await Server.create(targets, { port: 0, pool: { workers: 1 } });
  url = await server.listen();
});
afterAll(async () => {
  await server?.stop();
  rmSync(shop.folder, { recursive: true, force: true });
});

const modelOf = (name: Name) => server.services.get(name)?.release.models[0];

/** Scores of the request's candidates against `predict` on the rows that they stand for. */
async function expectTruth(name: Name, request: RankRequest, rows: readonly RawRow[]): Promise<void> {
  const { items } = await rankAt(url, name, request);
  // The rows at the end have every column, which says of what type they are.
  const expected = await predictRows(shop, shop.path(services[name].run), [...rows, ...typed]);
  expect(items).toHaveLength(rows.length);
  const given = new Map(items.map(({ id, predictions }) => [id, predictions.click]));
  for (const [k, { item }] of rows.entries()) {
    const difference = Math.abs((given.get(item as number) ?? Number.NaN) - expected[k]);
    expect(difference, `item ${item}`).toBeLessThan(TOLERANCE);
  }
}

const typed = shop.unseen.slice(0, 30).map(({ click, ...row }) => row);
const ids = shop.items.map(({ item }) => item as number);
/** A sum by city and flag belongs to the candidate: a store of counters has it a candidate. */
const spent = (item: number): number => (item % 7) * 12.5;

test("the models tell rows apart", () => {
  for (const predicted of expectedUnseen.values()) {
    expect(new Set(predicted.map((value) => value.toFixed(4))).size).toBeGreaterThan(20);
  }
});

test("models are served in the ways that are compared", () => {
  expect(modelOf("split")?.split?.productBytes).toBeGreaterThan(0);
  expect(modelOf("split-without-products")?.split?.productBytes).toBe(0);
  expect(modelOf("towers")?.towers).toBeDefined();
  // A feature of both sides belongs to no tower's vectors.
  expect(modelOf("towers-crossed")?.towers).toBeUndefined();
});

describe.each(Object.keys(services) as Name[])("%s", (name) => {
  test("items by id, for a user by id", async () => {
    const user = 7;
    const request = { user, context: { ...context, spent: 40 } as never, candidates: ids };
    const rows = shop.items.map((item) => ({ ...shop.users[user], ...item, ...context, spent: 40 }));
    await expectTruth(name, request, rows);
  });

  test("fewer items than are worth splitting", async () => {
    const request = { user: 3, context: { ...context, spent: 40 } as never, candidates: ids.slice(0, 5) };
    const rows = shop.items.slice(0, 5).map((item) => ({ ...shop.users[3], ...item, ...context, spent: 40 }));
    await expectTruth(name, request, rows);
  });

  test("a user and an item that nobody knows", async () => {
    const request = { user: 999, context: context as never, candidates: [...ids, 9999] };
    const rows = [...shop.items, { item: 9999 }].map((item) => ({ user: 999, ...item, ...context }));
    await expectTruth(name, request, rows);
  });

  test("candidates with features of their own", async () => {
    const sent = (item: number): RawRow =>
      item % 3 === 0
        ? { spent: spent(item) }
        : item % 3 === 1
          ? { spent: spent(item), price: 3.25, flag: true, path: "x/y/q", content: "1 2", budget: 9 }
          : {
              spent: spent(item),
              title: "red cats",
              views: 4,
              published: "2023-08-01 10:00:00",
              page: "cart",
            };
    const candidates = ids.map((id) => ({ id, features: sent(id) as never }));
    const rows = shop.items.map((item) => ({
      ...shop.users[4],
      ...item,
      ...context,
      ...sent(item.item as number),
    }));
    await expectTruth(name, { user: 4, context: context as never, candidates }, rows);
  });

  test("some candidates with features, others by id alone", async () => {
    const price = { price: 31 };
    const candidates = ids.map((id) => (id % 4 === 0 ? { id, features: price } : id));
    const rows = shop.items.map((item) => ({
      ...shop.users[5],
      ...item,
      ...((item.item as number) % 4 === 0 ? price : {}),
      ...context,
    }));
    await expectTruth(name, { user: 5, context: context as never, candidates }, rows);
  });

  test("all rows by the Open Inference Protocol, as its metadata describe inputs", async () => {
    // A service of one model has its name.
    const model = `${url}/v2/models/${name}`;
    const { body: metadata } = await get<ModelMetadata>(model);
    const inputs = metadata.inputs.map(({ name: column, datatype, shape }) =>
      tensor(column, datatype, shape.length === 2),
    );
    const { status, body } = await post<InferResponse>(`${model}/infer`, { inputs });
    expect(status, JSON.stringify(body)).toBe(200);
    const expected = expectedUnseen.get(services[name].run) ?? [];
    expect(body.outputs[0].data).toHaveLength(expected.length);
    for (const [k, value] of body.outputs[0].data.entries()) {
      expect(Math.abs(value - expected[k]), `row ${k}`).toBeLessThan(TOLERANCE);
    }
  });
});

/** A column of the unseen rows as a tensor of the datatype. */
function tensor(name: string, datatype: string, list: boolean): object {
  const cast = (value: RawValue): RawValue => {
    if (value === null || value === undefined) return null;
    if (datatype === "BYTES") return String(value);
    return datatype === "BOOL" ? value === true || value === "true" : Number(value);
  };
  // What is described as text with a separator may come as a list as well.
  list ||= shop.unseen.some((row) => Array.isArray(row[name]));
  const lists = shop.unseen.map((row) => [row[name] ?? []].flat() as RawValue[]);
  const width = list ? Math.max(...lists.map(({ length }) => length)) : 1;
  const data = lists.flatMap((values) => Array.from({ length: width }, (_, k) => cast(values[k])));
  return { name, datatype, shape: list ? [lists.length, width] : [lists.length], data };
}
