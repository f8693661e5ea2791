/** The same raw rows give the same probabilities by `millrace predict` and over HTTP, whichever way they come. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RawRow, RawValue } from "../../src/schema/index.ts";
import { type InferResponse, readTarget, Server } from "../../src/serving/index.ts";
import { post, rankAt } from "./clients.ts";
import { predictRows } from "./predict-rows.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const TOLERANCE = 1e-6;
const shop = makeShop();
let run: string;
let server: Server;
let url: string;
let expected: number[];

beforeAll(async () => {
  run = await trainShop(shop, "final", "final");
  expected = await predictRows(shop, run, shop.unseen);
  const target = () => readTarget(run, shop.tables);
  server = await Server.create([target], { port: 0, pool: { workers: 2, maxBatchRows: 16 } });
  url = await server.listen();
});
afterAll(() => server?.stop());

const json = (row: RawRow, columns: readonly string[]): { [column: string]: never } =>
  Object.fromEntries(columns.map((column) => [column, (row[column] ?? null) as never]));

function expectClose(given: readonly number[], wanted: readonly number[]): void {
  expect(given).toHaveLength(wanted.length);
  given.forEach((value, k) => {
    expect(Math.abs(value - wanted[k]), `row ${k}: ${value}, ${wanted[k]} by predict`).toBeLessThan(
      TOLERANCE,
    );
  });
}

test("the model tells rows apart", () => {
  expect(new Set(expected.map((value) => value.toFixed(4))).size).toBeGreaterThan(20);
});

const itemColumns = ["item_id", "category", "advertiser", "price", "tags", "bid", "active"];
const ownColumns = ["user_id", "age", "history", "history_times", "hour", "time"];

test("rows sent whole to /rank, unknown ids, missing values and long histories among them", async () => {
  const given: number[] = [];
  for (const row of shop.unseen) {
    const { items } = await rankAt(url, "final", {
      user: null,
      context: json(row, ownColumns),
      candidates: [{ id: row.item_id as number, features: json(row, itemColumns) }],
    });
    given.push(items[0].predictions.click);
  }
  expectClose(given, expected);
});

test("items by id, looked up in the tables, for several users", async () => {
  for (const user of ["u0", "u7", "u33", "stranger"]) {
    const candidates = shop.items.map(({ item_id }) => item_id as number);
    const answer = await rankAt(url, "final", {
      user,
      context: { hour: 5, time: NOW },
      candidates,
      limit: candidates.length,
    });
    const known = shop.users.find(({ user_id }) => user_id === user) ?? { user_id: user };
    const rows = shop.items.map((item) => ({
      age: null,
      // A column of nothing but null has no type; an empty list is as good.
      history: [],
      history_times: [],
      ...known,
      ...item,
      hour: 5,
      time: NOW,
    }));
    const wanted = await predictRows(shop, run, rows);
    expect(answer.unknown_user).toBe(user === "stranger");
    const byId = new Map(answer.items.map(({ id, score }) => [id, score ?? Number.NaN]));
    expectClose(
      candidates.map((id) => byId.get(id) ?? Number.NaN),
      wanted,
    );
    const scores = answer.items.map(({ score }) => score ?? Number.NaN);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  }
});

describe("the Open Inference Protocol", () => {
  test("all rows in one request", async () => {
    const list = (column: string): { shape: number[]; data: RawValue[] } => {
      const lists = shop.unseen.map((row) => (row[column] ?? []) as RawValue[]);
      const width = Math.max(...lists.map(({ length }) => length));
      const data = lists.flatMap((values) => [
        ...values,
        ...Array.from({ length: width - values.length }, () => null),
      ]) as RawValue[];
      return { shape: [lists.length, width], data };
    };
    const inputs = [
      ["user_id", "BYTES"],
      ["item_id", "INT64"],
      ["category", "BYTES"],
      ["time", "FP64"],
    ].map(([name, datatype]) => ({
      name,
      datatype,
      shape: [shop.unseen.length],
      data: shop.unseen.map((row) => row[name] ?? null),
    }));
    // Numbers that came as text are text here, too.
    const mixed = ["price", "hour", "age"].map((name) => ({
      name,
      datatype: "BYTES",
      shape: [shop.unseen.length],
      data: shop.unseen.map((row) => (row[name] == null ? null : String(row[name]))),
    }));
    const { status, body } = await post<InferResponse>(`${url}/v2/models/final/infer`, {
      id: "all",
      inputs: [
        ...inputs,
        ...mixed,
        { name: "tags", datatype: "BYTES", ...list("tags") },
        { name: "history", datatype: "INT64", ...list("history") },
        { name: "history_times", datatype: "FP64", ...list("history_times") },
      ],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: "all", model_name: "final" });
    expect(body.outputs).toHaveLength(1);
    expect(body.outputs[0]).toMatchObject({
      name: "probability",
      shape: [shop.unseen.length],
      datatype: "FP32",
    });
    expectClose(body.outputs[0].data, expected);
  });
});
