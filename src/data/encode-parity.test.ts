import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readAll, testFolder, writeParquet, writeText } from "../../test/data/raw-files.ts";
import { createRowEncoder, type FeatureMap, type RawRow } from "../schema/index.ts";
import type { DataConfigInput } from "./config.ts";
import { encodeForMap, prepareDataset } from "./dataset.ts";

/** Both paths on the same raw values: the database's and the row encoder's. */

const folder = testFolder("parity");

const types = {
  text: "VARCHAR",
  padded: "VARCHAR",
  whole: "BIGINT",
  digits: "VARCHAR",
  real: "DOUBLE",
  truth: "BOOLEAN",
  bucketed: "DOUBLE",
  number: "DOUBLE",
  numberText: "VARCHAR",
  items: "BIGINT[]",
  words: "VARCHAR",
  tags: "VARCHAR[]",
  times: "BIGINT[]",
  now: "BIGINT",
  vector: "DOUBLE[]",
  label: "INTEGER",
} as const;

const config: Omit<DataConfigInput, "data"> = {
  features: [
    { name: "text", kind: "categorical", minCount: 2 },
    { name: "padded", kind: "categorical", trim: true },
    { name: "whole", kind: "categorical" },
    { name: "wholeAsText", kind: "categorical", column: "whole", type: "string" },
    { name: "digits", kind: "categorical", type: "int64" },
    { name: "digitsAsFloats", kind: "categorical", column: "digits", type: "float64", trim: true },
    { name: "real", kind: "categorical" },
    { name: "realAsText", kind: "categorical", column: "real", type: "string", maxSize: 5 },
    { name: "truth", kind: "categorical" },
    { name: "truthOfNumber", kind: "categorical", column: "whole", type: "boolean" },
    { name: "hashed", kind: "categorical", column: "text", hashBuckets: 50 },
    { name: "hashedReal", kind: "categorical", column: "real", hashBuckets: 1000, type: "float64" },
    { name: "bucketed", kind: "numeric", transform: "buckets", buckets: 7 },
    { name: "number", kind: "numeric", transform: "log_standard", clip: [-1e6, 1e6] },
    { name: "rawNumber", kind: "numeric", column: "number", transform: "raw", fill: "zero" },
    { name: "numberText", kind: "numeric", fill: -3 },
    { name: "rawText", kind: "numeric", column: "numberText", transform: "raw", fill: "zero" },
    { name: "digitsOf", kind: "numeric", column: "number", transform: "numerals", bits: 4, bases: [2, 3, 5] },
    {
      name: "wholeDigits",
      kind: "numeric",
      column: "whole",
      transform: "numerals",
      scale: "integer",
      bits: 32,
    },
    {
      name: "stepDigits",
      kind: "numeric",
      column: "numberText",
      transform: "numerals",
      scale: "linear",
      combine: "concat",
    },
    { name: "logDigits", kind: "numeric", column: "number", transform: "numerals", scale: "log", bits: 8 },
    {
      name: "oneDigit",
      kind: "numeric",
      column: "whole",
      transform: "numerals",
      scale: "integer",
      bits: 1,
      bases: [2],
    },
    { name: "items", kind: "sequence", target: "whole", maxLength: 4, timesColumn: "times" },
    { name: "itemBag", kind: "bag", column: "items", maxLength: 3 },
    { name: "words", kind: "sequence", separator: ",", target: "text" },
    { name: "wordBag", kind: "bag", column: "words", separator: "," },
    { name: "digitList", kind: "sequence", column: "tags", type: "int64" },
    { name: "tags", kind: "bag", trim: true },
    { name: "vector", kind: "dense", dim: 3 },
  ],
  labels: [{ name: "label" }],
  group: "text",
  domain: "real",
  timestamp: "now",
};

const text = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "é",
    "e\u0301",
    "\ufeffé",
    "\ufeffa longer text",
    "",
    " ",
    "a ",
    "\ta",
    "A",
    "名前",
    "\u{1f600}",
    "007",
    "7",
    "7.0",
    "true",
    "1",
  ),
  fc.string({ maxLength: 3 }).filter((value) => !value.includes("\0")),
  fc.string({ unit: "grapheme", maxLength: 3 }),
);
const whole = fc.oneof(fc.integer({ min: -3, max: 6 }), fc.constantFrom(2 ** 53 - 1, -(2 ** 53) + 1, 0));
const wholeOrHuge = fc.oneof(
  whole.map((value) => BigInt(value)),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n),
);
const digits = fc.oneof(
  text,
  wholeOrHuge.map(String),
  fc.constantFrom(
    "1e3",
    "1000",
    "+5",
    "5",
    "005",
    "-0",
    "0",
    " 5",
    "123456789012345678901234567890",
    "5.50",
    "nan",
    "inf",
  ),
);
const real = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    0.1,
    0.30000000000000004,
    1e21,
    1e-7,
    5e-324,
    2 ** 53,
    Number.NaN,
    Infinity,
    -Infinity,
  ),
  fc.double({ noNaN: true }),
  fc.integer({ min: -5, max: 5 }),
);
const measured = fc.oneof(
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1e7, -1e7),
  fc.double({ min: -1e5, max: 1e5, noNaN: true }),
  fc.integer({ min: -4, max: 4 }),
);
const numberText = fc.oneof(
  measured.map(String),
  fc.constantFrom(
    "",
    " 12 ",
    "1e2",
    "+4",
    ".5",
    "5.",
    "x",
    "1_000",
    "0x10",
    "1,5",
    "Infinity",
    "\t7\n",
    "true",
    " FALSE",
    "1e-400",
    "-1e400",
    "1e39",
    "-3.4028236e38",
  ),
  fc.constantFrom(
    "2001-01-01",
    "2001-01-01 00:01",
    "2001-01-01T02:01:00.5+02:00",
    "2001-01-01 02:01:00+0230",
    "2001-02-30",
    "2001-01-01T02:01Z",
    "1969-12-31 23:59:59.5",
    "0099-01-01",
    "2001-01-01 24:00:00",
    "2001-01-01 24:00:01",
    "2001-01-01 10:00:00.123456789",
    "2001-01-01 00:00:60",
    " 2001-01-01 ",
    "2001-1-1",
    "2001-01-01 02:01:00 Z",
  ),
);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 8 });

const row: fc.Arbitrary<RawRow> = fc
  .record({
    text: nullable(text),
    padded: nullable(
      fc.oneof(
        text,
        text.map((value) => ` ${value}\n`),
        text.map((value) => `\u00a0${value}`),
      ),
    ),
    whole: nullable(wholeOrHuge),
    digits: nullable(digits),
    real: nullable(real),
    truth: nullable(fc.boolean()),
    bucketed: nullable(measured),
    number: nullable(measured),
    numberText: nullable(numberText),
    items: nullable(fc.array(nullable(wholeOrHuge), { maxLength: 6 })),
    words: nullable(
      fc.array(fc.constantFrom("a", "b", "", "é", "e\u0301", " c"), { maxLength: 5 }).map((w) => w.join(",")),
    ),
    tags: nullable(fc.array(nullable(digits), { maxLength: 5 })),
    now: fc.integer({ min: 0, max: 2e9 }),
    vector: nullable(
      fc.array(nullable(fc.oneof(measured, fc.constant(0.1))), { minLength: 3, maxLength: 3 }),
    ),
    label: fc.constantFrom(0, 1),
  })
  .chain((value) =>
    fc
      .array(nullable(fc.integer({ min: 0, max: 2e9 })), { maxLength: 6 })
      .map((times) => ({ ...value, times: value.items === null ? null : times, now: BigInt(value.now) }))
      .map(({ times, ...rest }) => ({
        ...rest,
        times: times?.map((t) => (t === null ? null : BigInt(t))) ?? null,
      })),
  );

/** A log may differ in the last place of the double, hence of the float. */
function expectColumn(
  name: string,
  actual: readonly number[],
  expected: readonly number[],
  exact: boolean,
): void {
  if (exact) {
    expect(actual, name).toEqual(expected);
    return;
  }
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, k) => {
    expect(Math.abs(value - expected[k]), `${name}[${k}]`).toBeLessThanOrEqual(
      2 ** -23 * Math.abs(expected[k]),
    );
  });
}

function compare(map: FeatureMap, rows: readonly RawRow[], stored: Record<string, number[]>): void {
  const encoder = createRowEncoder(map, { labels: true, roles: true });
  const { columns } = encoder.encode(rows);
  expect(Object.keys(stored).sort()).toEqual(Object.keys(columns).sort());
  for (const [name, values] of Object.entries(columns)) {
    if (name === "@group") continue;
    expectColumn(name, stored[name], [...values], name !== "number");
  }
  // Groups are numbered differently; which rows share one is the same.
  const pairs = new Set(stored["@group"].map((group, k) => `${group} ${columns["@group"][k]}`));
  expect(pairs.size).toBe(new Set(stored["@group"]).size);
  expect(pairs.size).toBe(new Set(columns["@group"]).size);
}

test("the database path and the row encoder give the same batches", async () => {
  const cacheDir = join(folder, "cache");
  for (let run = 0; run < 3; run++) {
    // A sample instead of a property: a counterexample of hundreds of rows is told by its column alone.
    const rows = fc.sample(row, { seed: 100 + run, numRuns: 400 });
    const others = fc.sample(row, { seed: 200 + run, numRuns: 200 });
    const path = await writeParquet(join(folder, `rows${run}.parquet`), types, rows);
    const other = await writeParquet(join(folder, `others${run}.parquet`), types, others);
    const dataset = await prepareDataset({ data: { train: path }, ...config }, { cacheDir });
    compare(dataset.map, rows, await readAll(dataset.splits.train));
    // Through JSON, as a server or a browser reads it.
    const map = JSON.parse(JSON.stringify(dataset.map)) as FeatureMap;
    const encoded = await encodeForMap(map, { files: [other] }, { cacheDir });
    compare(map, others, await readAll(encoded));
    await dataset.close();
    await encoded.close();
  }
});

test("cells of a CSV and the same texts in a request are the same values", async () => {
  const cell = fc.record({
    text: nullable(text),
    digits: nullable(digits),
    ids: fc.integer({ min: 0, max: 30 }).map(String),
    flag: fc.constantFrom("true", "false"),
    number: nullable(numberText),
    words: nullable(
      fc.array(
        fc.constantFrom(
          "a",
          "é",
          "e\u0301",
          "\ufeffa",
          "longer than twelve bytes",
          "\ufefflonger than twelve bytes",
        ),
        { maxLength: 4 },
      ),
    ),
    when: fc.constantFrom("2001-01-01", "2001-01-02 03:04:05.25", "978307200"),
    long: fc.constantFrom("x", "a text of many bytes", "another text of many bytes", "名前名前名前名前"),
  });
  const rows: RawRow[] = fc
    .sample(cell, { seed: 7, numRuns: 500 })
    .map(({ words, ...rest }) => ({ ...rest, words: words === null ? null : words.join(";"), label: "1" }));
  const names = Object.keys(rows[0]);
  const quoted = (value: unknown): string =>
    value === null ? "" : `"${String(value).replaceAll('"', '""')}"`;
  const lines = [names.join(","), ...rows.map((each) => names.map((name) => quoted(each[name])).join(","))];
  const path = writeText(join(folder, "cells.csv"), `${lines.join("\n")}\n`);
  const dataset = await prepareDataset(
    {
      data: { train: path, header: true, separator: "," },
      features: [
        { name: "text", kind: "categorical" },
        { name: "digits", kind: "categorical" },
        { name: "ids", kind: "categorical" },
        { name: "flag", kind: "categorical" },
        { name: "flagNumber", column: "flag", kind: "numeric", transform: "raw" },
        { name: "number", kind: "numeric" },
        { name: "words", kind: "bag", separator: ";" },
        { name: "long", kind: "categorical" },
      ],
      labels: [{ name: "label" }],
      group: "long",
      domain: "flag",
      timestamp: "when",
    },
    { cacheDir: join(folder, "cache") },
  );
  const valueType = (name: string): string => dataset.map.encoders[name].valueType;
  expect(["text", "ids", "flag", "words", "long"].map(valueType)).toEqual([
    "string",
    "int64",
    "boolean",
    "string",
    "string",
  ]);
  const stored = await readAll(dataset.splits.train);
  const { columns } = createRowEncoder(dataset.map, { labels: true, roles: true }).encode(rows);
  for (const [name, values] of Object.entries(columns)) expectColumn(name, stored[name], [...values], true);
  // A request may as well carry numbers and truth values.
  const typed = createRowEncoder(dataset.map).encode([{ ids: 7, flag: true }]).columns;
  const same = createRowEncoder(dataset.map).encode([{ ids: "7", flag: "true" }]).columns;
  expect(typed).toEqual(same);
  await dataset.close();
});
