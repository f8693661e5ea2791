import { join } from "node:path";
import { DuckDBTimestampValue } from "@duckdb/node-api";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAll, testFolder, writeParquet, writeText } from "../../test/data/raw-files.ts";
import { createRowEncoder, type FeatureMap, type RawRow } from "../schema/index.ts";
import type { DataConfigInput } from "./config.ts";
import { encodeForMap, prepareDataset } from "./dataset.ts";

/** Derived columns: what the database path stores, and what the row encoder makes of the same rows. */

const folder = testFolder("derive");
const cacheDir = join(folder, "cache");

const types = {
  user: "BIGINT",
  city: "VARCHAR",
  price: "DOUBLE",
  views: "INTEGER",
  flag: "BOOLEAN",
  at: "BIGINT",
  when: "TIMESTAMP",
  title: "VARCHAR",
  path: "VARCHAR",
  history: "BIGINT[]",
  liked: "VARCHAR",
  taste: "FLOAT[]",
  content: "VARCHAR",
  label: "INTEGER",
} as const;

const config: Omit<DataConfigInput, "data"> = {
  derived: [
    { name: "user_city", kind: "cross", columns: ["user", "city"] },
    { name: "all", kind: "cross", columns: ["user", "price", "flag", "when"] },
    { name: "rank", kind: "lookup", column: "city", values: { a: 1, b: 0.1, "|": -3 }, default: 0 },
    { name: "region", kind: "lookup", column: "user", values: { 1: "north", "2": "süd" } },
    { name: "per_view", kind: "ratio", numerator: "price", denominator: "views" },
    {
      name: "score",
      kind: "expression",
      expression: "if(views > 2, log1p(abs(price)) * 0.1, coalesce(price % 7, -1)) + flag",
    },
    { name: "hour", kind: "time", part: "hour", offset: "+05:30" },
    { name: "weekday", kind: "time", column: "when", part: "weekday" },
    { name: "words", kind: "tokens", column: "title", words: [1, 2], characters: [3, 4] },
    { name: "top", kind: "prefix", column: "path", depth: 2 },
    { name: "seen_before", kind: "overlap", columns: ["user", "history"] },
    { name: "shared", kind: "overlap", columns: ["history", "liked"], separator: ",", measure: "jaccard" },
    { name: "top_hour", kind: "cross", columns: ["top", "hour"] },
    { name: "alike", kind: "similarity", columns: ["taste", "content"], separator: " " },
    { name: "product", kind: "similarity", columns: ["content", "taste"], separator: " ", measure: "inner" },
    { name: "title_id", kind: "text_id", columns: ["title", "city"], characters: [2, 3], bits: 32, seed: 7 },
    { name: "content_bits", kind: "vector_id", column: "content", separator: " ", bits: 20 },
    { name: "past", kind: "count", by: "user", window: "10s" },
    { name: "spent", kind: "count", by: ["city", "flag"], sum: "price", delay: 2 },
    { name: "past_log", kind: "expression", expression: "log1p(past)" },
  ],
  features: [
    { name: "user_city", kind: "categorical", minCount: 2 },
    { name: "all", kind: "categorical", hashBuckets: 1000 },
    { name: "rank", kind: "numeric", transform: "raw" },
    { name: "region", kind: "categorical" },
    { name: "per_view", kind: "numeric" },
    { name: "per_view_bucket", kind: "numeric", column: "per_view", transform: "buckets", buckets: 4 },
    { name: "score", kind: "numeric", transform: "raw", fill: "zero" },
    { name: "hour", kind: "categorical" },
    { name: "weekday", kind: "numeric", transform: "raw" },
    { name: "words", kind: "bag", hashBuckets: 64, maxLength: 20 },
    { name: "word_ids", column: "words", kind: "bag" },
    { name: "top", kind: "categorical" },
    { name: "seen_before", kind: "categorical" },
    { name: "shared", kind: "numeric", transform: "raw" },
    { name: "top_hour", kind: "categorical" },
    { name: "alike", kind: "numeric", transform: "numerals", scale: "linear", clip: [-1, 1], bits: 10 },
    { name: "product", kind: "numeric", transform: "raw" },
    { name: "title_id", kind: "numeric", transform: "numerals", scale: "integer", bits: 32, bases: [2, 16] },
    { name: "title_value", kind: "categorical", column: "title_id" },
    { name: "content_bits", kind: "numeric", transform: "numerals", scale: "integer", bits: 20, bases: [2] },
    { name: "past", kind: "numeric", transform: "raw", fill: "zero" },
    { name: "spent", kind: "numeric", transform: "raw", fill: "zero" },
    { name: "past_log", kind: "numeric", transform: "raw", fill: "zero" },
  ],
  labels: [{ name: "label" }],
  timestamp: "at",
};

const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 6 });
const amount = fc.oneof(
  fc.constantFrom(0, -0, 0.1, 1e-7, 1e21, Number.NaN, Number.POSITIVE_INFINITY),
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.integer({ min: -5, max: 5 }),
);
const row = fc
  .record({
    user: nullable(fc.bigInt({ min: 0n, max: 4n })),
    city: nullable(
      fc.constantFrom(
        "a",
        "b",
        "|",
        "a|",
        "\\",
        "é",
        "e\u0301",
        "",
        "a city with a long name",
        "\ufeffa",
        "\ufeffa city with a long name",
      ),
    ),
    price: nullable(amount),
    views: nullable(fc.integer({ min: -1, max: 4 })),
    flag: nullable(fc.boolean()),
    at: nullable(fc.bigInt({ min: 0n, max: 60n })),
    when: nullable(fc.bigInt({ min: -(10n ** 15n), max: 2n * 10n ** 15n })),
    title: nullable(
      fc.oneof(
        fc.constantFrom("Don't stop", "ＡＢＣ 1,000.5", "我爱 cats!", "a_b"),
        fc.string({ unit: "grapheme" }),
      ),
    ),
    path: nullable(fc.constantFrom("x/y/z", "x/y", "x", "/x", "", "x//z")),
    history: nullable(fc.array(nullable(fc.bigInt({ min: 0n, max: 4n })), { maxLength: 4 })),
    liked: nullable(
      fc.array(fc.constantFrom("0", "1", "3", " 3", ""), { maxLength: 4 }).map((e) => e.join(",")),
    ),
    taste: nullable(fc.array(nullable(fc.float({ noNaN: true, min: -2, max: 2 })), { maxLength: 3 })),
    content: nullable(
      fc.array(fc.constantFrom("0.1", "-1", "0", "2e-3", "x"), { maxLength: 3 }).map((e) => e.join(" ")),
    ),
    label: fc.constantFrom(0, 1),
  })
  .filter(({ title }) => title === null || !title.includes("\0"));

type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

/** What a store of counters would say: rows of the same key strictly before, by their definition. */
function counted(rows: readonly Row[], earlier: readonly Row[] = []): RawRow[] {
  const all = [...earlier, ...rows];
  const text = (value: string | null): string => (value ?? "").replace(/^\ufeff+/, "").normalize("NFC");
  return rows.map((mine) => {
    const before = (delay: bigint, from: bigint): Row[] =>
      all.filter(({ at }) => {
        const age = mine.at === null || at === null ? -1n : mine.at - at;
        return age > 0n && age >= delay && age <= from;
      });
    const past = before(0n, 10n).filter(({ user }) => user === mine.user).length;
    let spent = 0;
    for (const { city, flag, price } of before(2n, 10n ** 9n)) {
      const same = text(city) === text(mine.city) && flag === mine.flag;
      if (same && price !== null && Number.isFinite(price)) spent += Math.round(price * 1e6);
    }
    const known = mine.at !== null;
    return {
      ...mine,
      when: mine.when === null ? null : stampText(mine.when),
      past: known && mine.user !== null ? past : null,
      spent: known && text(mine.city) !== "" && mine.flag !== null ? spent / 1e6 : null,
    };
  });
}

/** Microseconds as the text that requests have. */
function stampText(micros: bigint): string {
  const seconds = micros / 1_000_000n - (micros % 1_000_000n < 0n ? 1n : 0n);
  const fraction = String(micros - seconds * 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  const whole = new Date(Number(seconds) * 1e3).toISOString().slice(0, 19).replace("T", " ");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** Sums of amounts up to 1e21 are compared where they are exact. */
function expectSame(map: FeatureMap, rows: readonly RawRow[], stored: Record<string, number[]>): void {
  const { columns } = createRowEncoder(map, { labels: true, roles: true }).encode(rows);
  expect(Object.keys(stored).sort()).toEqual(Object.keys(columns).sort());
  for (const [name, values] of Object.entries(columns)) {
    if (name === "spent") {
      stored[name].forEach((value, k) => {
        expect(Math.abs(value - values[k])).toBeLessThanOrEqual(1e-6 * Math.abs(value));
      });
    } else expect(stored[name], name).toEqual([...values]);
  }
}

async function writeRows(name: string, rows: readonly Row[]): Promise<string> {
  const stamped = rows.map((each) => {
    const when = each.when === null ? null : new DuckDBTimestampValue(each.when);
    // The writer hands values to the database, which has times of its own.
    return { ...each, when } as unknown as RawRow;
  });
  return writeParquet(join(folder, name), types, stamped);
}

test("the database path and the row encoder derive the same", async () => {
  // A sample instead of a property: a counterexample of hundreds of rows is told by its column alone.
  const rows = fc.sample(row, { seed: 300, numRuns: 300 });
  const others = fc.sample(row, { seed: 400, numRuns: 150 });
  const train = await writeRows("rows.parquet", rows);
  const other = await writeRows("others.parquet", others);
  const dataset = await prepareDataset({ data: { train, valid: other }, ...config }, { cacheDir });
  expectSame(dataset.map, counted(rows), await readAll(dataset.splits.train));
  expectSame(dataset.map, counted(others, rows), await readAll(dataset.splits.valid!));
  // Through JSON, as a server or a browser reads it.
  const map = JSON.parse(JSON.stringify(dataset.map)) as FeatureMap;
  const encoded = await encodeForMap(map, { files: [other] }, { cacheDir, history: [{ files: [train] }] });
  const stored = await readAll(encoded);
  const { "@timestamp": _, ...features } = stored;
  expectSame(map, counted(others, rows), { ...features, "@timestamp": stored["@timestamp"] });
  await dataset.close();
  await encoded.close();
});

test("cells of a CSV derive as the same texts, and as the values they stand for", async () => {
  const cell = fc.record({
    user: fc.integer({ min: 1, max: 9 }).map((n) => `${n}.0`),
    city: nullable(fc.constantFrom("a", "b|", "é", "e\u0301")),
    price: nullable(fc.constantFrom("1.50", "2", "-0.25", "1e2")),
    at: fc.integer({ min: 0, max: 10 ** 9 }).map((t) => new Date(t * 1e3).toISOString()),
    path: fc.constantFrom("1/2", "3", "a/b"),
    label: fc.constant("1"),
  });
  const rows = fc.sample(cell, { seed: 5, numRuns: 200 });
  const names = Object.keys(rows[0]) as (keyof (typeof rows)[0])[];
  const lines = [names.join(","), ...rows.map((each) => names.map((name) => each[name] ?? "").join(","))];
  const train = writeText(join(folder, "cells.csv"), `${lines.join("\n")}\n`);
  const dataset = await prepareDataset(
    {
      data: { train },
      derived: [
        { name: "x", kind: "cross", columns: ["user", "city", "price"] },
        { name: "twice", kind: "expression", expression: "2 * price" },
        { name: "hour", kind: "time", part: "hour", offset: "-03:00" },
        { name: "top", kind: "prefix", column: "path" },
      ],
      features: [
        { name: "x", kind: "categorical" },
        { name: "twice", kind: "numeric" },
        { name: "hour", kind: "categorical" },
        { name: "top", kind: "categorical" },
      ],
      labels: [{ name: "label" }],
      timestamp: "at",
    },
    { cacheDir },
  );
  expect(dataset.map.derived?.[0]).toMatchObject({
    inputs: [{ valueType: "float64" }, { valueType: "string" }, { valueType: "float64" }],
  });
  const stored = await readAll(dataset.splits.train);
  for (const request of [
    rows,
    rows.map((each) => ({
      ...each,
      user: Number(each.user),
      price: each.price && Number(each.price),
      label: 1,
    })),
  ]) {
    const { columns } = createRowEncoder(dataset.map, { labels: true, roles: true }).encode(request);
    for (const [name, values] of Object.entries(columns)) expect(stored[name], name).toEqual([...values]);
  }
  await dataset.close();
});
