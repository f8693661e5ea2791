import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";
import { queryRow } from "../../data/index.ts";
import { prepareFrappe } from "./frappe-data.ts";
import { prepareYelp } from "./yelp-data.ts";

/** The texts stand beside the right items, and what is to be new in test is not in training. */

const data = new URL("../../../../shared/data", import.meta.url).pathname;
const absent = existsSync(data) ? undefined : "the public data sets are not there";
const folder = mkdtempSync(join(tmpdir(), "millrace-texts-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("Frappe's rows lead back to the apps' texts", async ({ skip }) => {
  skip(absent !== undefined, absent);
  const files = await prepareFrappe(data, folder);
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const one = (sql: string) => queryRow(connection, sql);
  const from = (name: keyof typeof files): string => `read_parquet('${files[name]}')`;
  const count = (name: keyof typeof files, what = "count(*)") =>
    one(`SELECT (${what})::INT AS n FROM ${from(name)}`);
  expect(await count("train")).toEqual({ n: 202_027 });
  expect(await count("test", "sum(used)")).toEqual({ n: 9536 });
  expect(await count("apps")).toEqual({ n: 4082 });
  // The log's first app, by its place there and in the store's table.
  expect(await one(`SELECT title, category FROM ${from("apps")} WHERE item = 957`)).toEqual({
    title: "Any.DO To-do & Tasks List",
    category: "Productivity",
  });
  const cold = await one(
    `SELECT count(DISTINCT item)::INT AS items FROM ${from("train")} WHERE item NOT IN (SELECT item FROM ${from("warm")})`,
  );
  expect(Math.abs((cold.items as number) / 4082 - 0.2)).toBeLessThan(0.03);
  connection.closeSync();
});

test("Yelp's rows: every user's last two visits, no cold place in training, texts that fit", ({ skip }) => {
  skip(absent !== undefined, absent);
  prepareYelp(data, folder, { users: 50 });
  const lines = (name: string): string[] => readFileSync(join(folder, name), "utf8").trim().split("\n");
  const rows = (split: string) =>
    lines(`${split}.csv`)
      .slice(1)
      .map((line) => line.split(",").map(Number));
  const [train, valid, tested] = ["train", "valid", "test"].map(rows);
  for (const split of [valid, tested]) {
    expect(split.length).toBe(150);
    expect(split.filter(([, , visited]) => visited === 1).length).toBe(50);
  }
  // A place is in training or new for everyone: positives and negatives alike.
  const warm = new Set(train.map(([, item]) => item));
  const share = tested.filter(([, item]) => !warm.has(item)).length / tested.length;
  expect(share).toBeGreaterThan(0.1);
  const places = lines("places.jsonl").map((line) => JSON.parse(line) as { item: number; title: string });
  expect(places[0]).toMatchObject({ item: 1, title: "The Great Greek" });
});
