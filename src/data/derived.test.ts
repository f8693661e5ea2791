import { join } from "node:path";
import { expect, test } from "vitest";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { createRowEncoder } from "../schema/index.ts";
import { parseDataConfig, type DataConfigInput } from "./config.ts";
import { prepareDataset } from "./dataset.ts";
import type { DerivedConfigInput } from "./derived-config.ts";
import { inspect } from "./inspect.ts";
import { configFromInspection, inspectionYaml } from "./inspect-config.ts";
import { validate } from "./validate.ts";

/** Derived columns from config to dataset: tables, mistakes, and what inspection and validation make of them. */

const folder = testFolder("derived");
const cacheDir = join(folder, "cache");
const log = writeText(
  join(folder, "log.csv"),
  `user,item,price,at,label\n${Array.from({ length: 200 }, (_, k) => `${k % 7},i${k % 5},${k % 11},${1_700_000_000 + k * 3600},${(k * 7) % 3 === 0 ? 1 : 0}`).join("\n")}\n`,
);

const config = (
  derived: DerivedConfigInput[],
  features: DataConfigInput["features"] = [{ name: "item", kind: "categorical" }],
): DataConfigInput => ({
  data: { train: log },
  derived,
  features,
  labels: [{ name: "label" }],
  timestamp: "at",
});

const prepare = (derived: DerivedConfigInput[]): Promise<unknown> =>
  prepareDataset(config(derived), { cacheDir });

test("mistakes that need no data name the definition", async () => {
  const cases: [DerivedConfigInput[], string][] = [
    [
      [{ name: "x", kind: "expression", expression: "price +" }],
      'expression "price +", character 8: expected a number',
    ],
    [
      [{ name: "price", kind: "expression", expression: "price + 1" }],
      "config derived: price reads price, which is itself",
    ],
    [
      [
        { name: "x", kind: "expression", expression: "y + 1" },
        { name: "y", kind: "prefix", column: "item" },
      ],
      "config derived: x reads y, which is derived after it",
    ],
    [
      [
        { name: "x", kind: "prefix", column: "item" },
        { name: "x", kind: "prefix", column: "user" },
      ],
      "config derived: the name x stands twice",
    ],
    [
      [{ name: "x", kind: "lookup", column: "item" }],
      "config derived: x needs a table, either values or file",
    ],
    [
      [{ name: "x", kind: "lookup", column: "item", values: { a: 1, b: "two" } }],
      "config derived: x gives numbers for some values and texts for others",
    ],
    [
      [{ name: "x", kind: "tokens", column: "item", words: [3, 1] }],
      "config derived: x: the shortest n-gram (3) is longer than the longest (1)",
    ],
    [
      [{ name: "x", kind: "count", by: "user", window: "1h", delay: "1d" }],
      "config derived: x: the window of 3600 s ends before the delay of 86400 s",
    ],
    [
      [{ name: "x", kind: "count", by: "user", window: "soon" }],
      "config derived[0].window: expected seconds, or a number with s, m, h, d or w",
    ],
    [[{ name: "x", kind: "time", part: "hour", offset: "2" }], "expected Z or an offset such as +02:00"],
  ];
  for (const [derived, message] of cases) await expect(prepare(derived), message).rejects.toThrow(message);
  const { timestamp: _, ...timeless } = config([{ name: "x", kind: "count", by: "user" }]);
  await expect(prepareDataset(timeless, { cacheDir })).rejects.toThrow(
    "config derived: x needs a time, and the config has no timestamp",
  );
});

test("mistakes that the data show name file and column", async () => {
  const cases: [DerivedConfigInput, string][] = [
    [
      { name: "x", kind: "ratio", numerator: "prise", denominator: "user" },
      `${log} has no column prise, which derived x needs`,
    ],
    [{ name: "Item", kind: "prefix", column: "user" }, `${log} has a column Item, which the config derives`],
    [
      { name: "x", kind: "lookup", column: "user", values: { 1: 1, "1.0": 2 } },
      "config derived: x: the value 1.0 stands in the table twice",
    ],
    [{ name: "x", kind: "similarity", columns: ["item", "price"] }, "column item holds text, expected lists"],
    [{ name: "x", kind: "vector_id", column: "itm" }, `${log} has no column itm, which derived x needs`],
  ];
  for (const [derived, message] of cases) {
    await expect(prepare([derived]), message).rejects.toThrow(message);
    const { ok, problems } = await validate(config([derived], [{ name: "x", kind: "categorical" }]));
    expect(ok).toBe(false);
    expect(problems[0]).toMatchObject({
      kind: "derived",
      severity: "error",
      message,
      effect: "training stops",
    });
  }
});

test("lookup tables out of files, joined to nothing and part of the fingerprint", async () => {
  const table = writeText(join(folder, "prices.csv"), "item,level\ni0,1\ni1,2.5\ni2,\n");
  const lookup: DerivedConfigInput = { name: "level", kind: "lookup", column: "item", file: table };
  const features: DataConfigInput["features"] = [
    { name: "level", kind: "numeric", transform: "raw", fill: "zero" },
  ];
  const first = await prepareDataset(config([lookup], features), { cacheDir });
  expect(first.map.derived?.[0]).toMatchObject({
    table: [
      ["i0", 1],
      ["i1", 2.5],
    ],
  });
  expect((await readAll(first.splits.train)).level.slice(0, 5)).toEqual([1, 2.5, 0, 0, 0]);
  const { columns } = createRowEncoder(first.map).encode([{ item: "i1" }, { item: "i9" }]);
  expect([...columns.level]).toEqual([2.5, 0]);
  writeText(table, "item,level\ni0,1\ni1,3\n");
  const second = await prepareDataset(config([lookup], features), { cacheDir });
  expect(second.cached).toBe(false);
  writeText(table, "item,level\ni0,1\ni0,3\n");
  await expect(prepareDataset(config([lookup], features), { cacheDir })).rejects.toThrow(
    `${table}: row 3, column item: "i0" stands in row 2 already`,
  );
  await first.close();
  await second.close();
});

test("a lookup by a time knows the instant, however it is written", async () => {
  const times = [
    "2024-01-01T00:00:00Z",
    "2024-01-02 00:00:00",
    "2024-01-01T02:00:00+02:00",
    "2024-01-03",
    "",
  ];
  const days = writeText(join(folder, "days.csv"), "at,holiday\n2024-01-01,1\n2024-01-02,2\n");
  const inPlace = { "2024-01-01T01:00:00+01:00": 1, "2024-01-02": 2 };
  const features: DataConfigInput["features"] = ["holiday", "again"].map((name) => ({
    name,
    kind: "numeric",
    transform: "raw",
    fill: "zero",
  }));
  const holidays = async (name: string, texts: readonly string[], derived: DerivedConfigInput[]) => {
    const train = writeText(join(folder, name), ["at,label", ...texts.map((text) => `${text},1`)].join("\n"));
    const kept = features.filter((feature) => derived.some((each) => each.name === feature.name));
    const { timestamp: _, ...plain } = config(derived, kept);
    const dataset = await prepareDataset({ ...plain, data: { train } }, { cacheDir });
    const stored = await readAll(dataset.splits.train);
    const rows = [...texts.map((at) => ({ at })), { at: new Date("2024-01-02T00:00:00Z") }];
    const { columns } = createRowEncoder(dataset.map).encode(rows);
    for (const { name } of kept) expect([...columns[name]]).toEqual([...stored[name], 2]);
    await dataset.close();
    return stored;
  };
  const ofFile: DerivedConfigInput = { name: "holiday", kind: "lookup", column: "at", file: days };
  const ofValues: DerivedConfigInput = { name: "again", kind: "lookup", column: "at", values: inPlace };
  const found = [1, 2, 1, 0, 0];
  expect(await holidays("at.csv", times, [ofFile, ofValues])).toMatchObject({ holiday: found, again: found });
  // One text among them makes a column of texts.
  const some = [...times, "never"];
  expect(await holidays("some-at.csv", some, [ofFile])).toMatchObject({ holiday: [...found, 0] });
  const twice = { ...inPlace, "2024-01-02 00:00": 3 };
  await expect(holidays("at.csv", times, [{ ...ofValues, values: twice }])).rejects.toThrow(
    "again: the value 2024-01-02 00:00 stands in the table twice",
  );
});

test("features, splits, groups and validation take derived columns like raw ones", async () => {
  const derived: DerivedConfigInput[] = [
    { name: "day", kind: "time", part: "day" },
    { name: "pair", kind: "cross", columns: ["user", "item"] },
    { name: "nothing", kind: "ratio", numerator: "price", denominator: "zero" },
    { name: "zero", kind: "expression", expression: "0 * price" },
  ];
  const input = (order: DerivedConfigInput[]): DataConfigInput => ({
    ...config(order, [
      { name: "pair", kind: "categorical", minCount: 2 },
      { name: "nothing", kind: "numeric" },
    ]),
    data: { train: log, split: { by: "column", column: "day", train: [14, 15, 16, 17], valid: [18, 19] } },
    group: "pair",
  });
  const ordered = [derived[0], derived[1], derived[3], derived[2]];
  const dataset = await prepareDataset(input(ordered), { cacheDir });
  expect(dataset.counts.valid).toBeGreaterThan(0);
  expect(new Set((await readAll(dataset.splits.train))["@group"]).size).toBe(35);
  await dataset.close();
  const { problems, ok } = await validate(input(ordered));
  expect(ok).toBe(true);
  expect(problems.find(({ kind, split }) => kind === "all-null" && split === "train")).toMatchObject({
    column: "nothing",
    message: "feature nothing has no value in any row: it carries nothing",
  });
});

test("an inspection profiles derived columns and writes them into its config", async () => {
  const derived: DerivedConfigInput[] = [
    { name: "hour", kind: "time", part: "hour" },
    { name: "level", kind: "lookup", column: "item", values: { i0: 0.5, Other_One: 2 } },
  ];
  const report = await inspect({ files: [log] }, { label: "label", derived, timestamp: "at" });
  expect(report.columns.find(({ name }) => name === "hour")).toMatchObject({
    valueType: "float64",
    distinct: 24,
  });
  const made = configFromInspection(report);
  expect(made.derived).toMatchObject(derived);
  expect(parseDataConfig(made).derived).toEqual(report.derived);
  expect(inspectionYaml(report)).toContain("Other_One: 2");
  await expect(
    inspect({ files: [log] }, { derived: [{ name: "x", kind: "prefix", column: "none" }] }),
  ).rejects.toThrow(`${log} has no column none, which derived x needs`);
});
