import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { CounterRandom, DataError, MillraceError } from "../core/index.ts";
import type { DataConfigInput } from "./config.ts";
import { encodeForMap, openDataset, prepareDataset } from "./dataset.ts";

const folder = testFolder("dataset");
const cacheDir = join(folder, "cache");
const random = new CounterRandom(3, "dataset test");

/** `user,item,price,day,clicks`, with holes. */
const lines = Array.from({ length: 3000 }, (_, k) => {
  const user = random.uniform(5 * k) < 0.05 ? "" : `u${random.integer(5 * k + 1, 50)}`;
  const price = random.uniform(5 * k + 2) < 0.1 ? "" : (random.normal(5 * k + 3) * 10).toFixed(3);
  return `${user},${random.integer(5 * k + 4, 200)},${price},${Math.floor(k / 300)},${k % 3 === 0 ? 1 : 0}`;
});
const header = "user,item,price,day,clicks";
let path = "";

beforeAll(() => {
  path = writeText(join(folder, "log.csv"), `${header}\n${lines.join("\n")}\n`);
});

const base: Omit<DataConfigInput, "data"> = {
  features: [
    { name: "user", kind: "categorical", minCount: 5 },
    { name: "item", kind: "categorical", maxSize: 20 },
    { name: "price", kind: "numeric" },
  ],
  labels: [{ name: "clicks" }],
};

async function failure(input: DataConfigInput): Promise<MillraceError> {
  const error = await prepareDataset(input, { cacheDir }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MillraceError);
  return error as MillraceError;
}

test("a ratio split has exact sizes, no row twice, and depends on the seed", async () => {
  const split = (seed: number): DataConfigInput => ({
    ...base,
    features: [
      ...base.features,
      { name: "row", kind: "numeric", column: "price", transform: "raw", fill: "zero" },
    ],
    data: { train: path, split: { by: "ratio", train: 0.8, valid: 0.1, test: 0.1, seed } },
  });
  const one = await prepareDataset(split(1), { cacheDir });
  expect(one.counts).toEqual({ train: 2400, valid: 300, test: 300 });
  const two = await prepareDataset(split(2), { cacheDir });
  expect((await readAll(one.splits.test!)).row).not.toEqual((await readAll(two.splits.test!)).row);
  const sum = async (dataset: typeof one): Promise<number> => {
    let total = 0;
    for (const source of Object.values(dataset.splits)) {
      for (const x of (await readAll(source)).row) total += x;
    }
    return total;
  };
  expect(await sum(one)).toBeCloseTo(await sum(two), 3);
  await one.close();
  await two.close();
});

test("a time split keeps equal times together", async () => {
  const byTime = await prepareDataset(
    {
      ...base,
      timestamp: "day",
      data: { train: path, split: { by: "time", train: 0.65, valid: 0.15, test: 0.2 } },
    },
    { cacheDir },
  );
  // Ten days of 300 rows: 65 % ends within day 6, which then trains as a whole.
  expect(byTime.counts).toEqual({ train: 2100, valid: 300, test: 600 });
  await byTime.close();
});

test("time boundaries and column values", async () => {
  const bounded = await prepareDataset(
    { ...base, timestamp: "day", data: { train: path, split: { by: "time", validFrom: 7, testFrom: 9 } } },
    { cacheDir },
  );
  expect(bounded.counts).toEqual({ train: 2100, valid: 600, test: 300 });
  expect(new Set((await readAll(bounded.splits.valid!))["@timestamp"])).toEqual(new Set([7, 8]));
  await bounded.close();
  const chosen = await prepareDataset(
    { ...base, data: { train: path, split: { by: "column", column: "day", train: [0, 1, 2], test: ["9"] } } },
    { cacheDir },
  );
  expect(chosen.counts).toEqual({ train: 900, test: 300 });
  await chosen.close();
});

test("encoders are fitted on the training split alone, and what they leave out is counted", async () => {
  const train = writeText(join(folder, "a.csv"), "c,x,y\na,1,1\na,2,0\nb,3,1\nb,,0\nc,6,1\n");
  const valid = writeText(join(folder, "b.csv"), "c,x,y\nd,100,1\nc,nan,0\n,inf,1\n");
  const dataset = await prepareDataset(
    {
      data: { train, valid, header: true, types: { x: "float64" } },
      features: [
        { name: "c", kind: "categorical", minCount: 2 },
        { name: "top", column: "c", kind: "categorical", maxSize: 1 },
        { name: "x", kind: "numeric" },
        { name: "cut", column: "x", kind: "numeric", transform: "buckets", buckets: 2 },
      ],
      labels: [{ name: "y" }],
    },
    { cacheDir },
  );
  expect(dataset.map.encoders.c).toEqual({
    valueType: "string",
    trim: false,
    vocabulary: { type: "list", values: ["a", "b"], minCount: 2 },
    size: 5,
  });
  // Mean 3, population variance 3.5.
  const scale = 1 / Math.sqrt(3.5);
  expect(dataset.map.features[2]).toMatchObject({ transform: { mean: 3, scale, fill: 0 } });
  expect(dataset.map.features[3]).toMatchObject({ kind: "bucket", boundaries: [2], size: 5 });
  expect(dataset.encodingReport.encoders.top).toEqual({
    type: "list",
    size: 4,
    distinct: 3,
    rare: 0,
    overflow: 2,
  });
  expect(await readAll(dataset.splits.valid!)).toEqual({
    c: [2, 2, 1],
    top: [2, 2, 1],
    x: [Math.fround(97 * scale), 0, 0],
    "x.missing": [0, 1, 1],
    cut: [4, 1, 1],
    y: [1, 0, 1],
  });
  expect(dataset.encodingReport.splits.valid!.features).toEqual({
    c: { missing: 1, outOfVocabulary: 2, unusable: 0 },
    top: { missing: 1, outOfVocabulary: 2, unusable: 0 },
    x: { missing: 2, outOfVocabulary: 0, unusable: 2 },
    cut: { missing: 2, outOfVocabulary: 0, unusable: 2 },
  });
  await dataset.close();
});

test("the same files and config are encoded once, and to the same bytes elsewhere", async () => {
  const config: DataConfigInput = {
    ...base,
    data: { train: path, split: { by: "ratio", train: 0.9, valid: 0.1 } },
  };
  const first = await prepareDataset(config, { cacheDir });
  const again = await prepareDataset(config, { cacheDir });
  expect([first.cached, again.cached, again.directory]).toEqual([false, true, first.directory]);
  const elsewhere = await prepareDataset(config, { cacheDir: join(folder, "other") });
  expect(elsewhere.cached).toBe(false);
  const read = (directory: string, name: string): string => readFileSync(join(directory, name), "utf8");
  for (const name of ["feature-map.json", "encoding.json"]) {
    expect(read(elsewhere.directory, name)).toBe(read(first.directory, name));
  }
  expect(await readAll(elsewhere.splits.train)).toEqual(await readAll(first.splits.train));
  const changed = await prepareDataset({ ...config, weight: "day" }, { cacheDir });
  expect(changed.cached).toBe(false);
  for (const dataset of [first, again, elsewhere, changed]) await dataset.close();
});

test("without a cache nothing stays behind", async () => {
  const own = join(folder, "uncached");
  const dataset = await prepareDataset({ ...base, data: { train: path, cache: false } }, { cacheDir: own });
  expect(existsSync(dataset.directory)).toBe(true);
  await dataset.close();
  expect(readdirSync(own)).toEqual([]);
});

test("a failed encoding leaves nothing that looks like a dataset", async () => {
  const own = join(folder, "failed");
  const bad = writeText(join(folder, "bad.csv"), "c,y\na,1\nb,2\nc,1\n");
  const config: DataConfigInput = {
    data: { train: bad, header: true },
    features: [{ name: "c", kind: "categorical" }],
    labels: [{ name: "y" }],
  };
  await expect(prepareDataset(config, { cacheDir: own })).rejects.toThrow(DataError);
  expect(readdirSync(own)).toEqual([]);
  expect(() => openDataset(own)).toThrow("is no encoded dataset");
});

test("a label that is none is named with file, line and column, or dropped and counted", async () => {
  const bad = writeText(join(folder, "label.csv"), "c,y\na,1\nb,2\nc,0\nd,\ne,1\n");
  const config = (onBadRow: "fail" | "drop"): DataConfigInput => ({
    data: { train: bad, onBadRow, header: true },
    features: [{ name: "c", kind: "categorical" }],
    labels: [{ name: "y" }],
  });
  const error = await failure(config("fail"));
  expect(error.message).toBe(`${bad}: row 3, column y: the label y is "2", expected 0 or 1 (2 such rows)`);
  expect(error.exitCode).toBe(3);
  expect(error.hint).toContain("threshold");
  const dropped = await prepareDataset(config("drop"), { cacheDir });
  expect(dropped.encodingReport.splits.train).toMatchObject({ rows: 3, dropped: 2 });
  expect(dropped.map.encoders.c.vocabulary).toMatchObject({ values: ["a", "c", "e"] });
  await dropped.close();
});

test("thresholds, positive values and real labels", async () => {
  const file = writeText(join(folder, "labels.csv"), "c,stars,verdict\na,4,yes\nb,3, Yes \nc,5,no\n");
  const dataset = await prepareDataset(
    {
      data: { train: file, header: true },
      features: [{ name: "c", kind: "categorical" }],
      labels: [
        { name: "liked", column: "stars", threshold: 3 },
        { name: "verdict", positive: ["yes", "Yes"] },
        { name: "stars", kind: "real" },
      ],
    },
    { cacheDir },
  );
  expect(await readAll(dataset.splits.train)).toMatchObject({
    liked: [1, 0, 1],
    verdict: [1, 1, 0],
    stars: [4, 3, 5],
  });
  expect(dataset.encodingReport.splits.train!.labelMeans).toEqual({ liked: 2 / 3, verdict: 2 / 3, stars: 4 });
  await dataset.close();
});

test("mistakes in the config say what is known instead", async () => {
  const data = { train: path };
  const cases: [DataConfigInput, string, string | undefined][] = [
    [
      { ...base, data, features: [{ name: "usr", kind: "categorical" }] },
      `${path} has no column usr, which feature usr needs`,
      "did you mean user?",
    ],
    [
      { ...base, data, features: [{ name: "clicks", kind: "numeric" }] },
      "config: the name clicks stands twice",
      "features, labels and kept columns need names of their own",
    ],
    [
      {
        ...base,
        data,
        features: [
          { name: "h", column: "user", kind: "sequence", target: "itm" },
          { name: "item", kind: "categorical" },
        ],
      },
      "config: target of feature h is itm, expected a categorical feature",
      "did you mean item?",
    ],
    [
      {
        ...base,
        data,
        features: [{ name: "n", column: "user", kind: "numeric", transform: "numerals", bits: 20 }],
      },
      "config: feature n has bits 20, with scale quantiles at most 16",
      undefined,
    ],
    [
      {
        ...base,
        data,
        features: [{ name: "n", column: "user", kind: "numeric", transform: "numerals", bases: [2, 3, 2] }],
      },
      "config: feature n names a base twice: 2, 3, 2",
      "the same digits twice add nothing",
    ],
    [
      { ...base, data, features: [{ name: "h", column: "user", kind: "sequence" }] },
      "column user holds text, expected lists",
      "set the feature's separator to what stands between the entries",
    ],
    [
      { ...base, data: { ...data, split: { by: "column", column: "day", train: [99] } } },
      "the train split has no rows",
      "change data.split, or name files with rows",
    ],
    [
      { ...base, data: { ...data, split: { by: "ratio", train: 0.9, valid: 0.3 } } },
      "config data.split: shares are train 0.9, valid 0.3, test 0; expected a sum of at most 1 with rows to train on",
      undefined,
    ],
  ];
  for (const [config, message, hint] of cases) {
    const error = await failure(config);
    expect(error.message).toBe(message);
    expect(error.hint).toBe(hint);
  }
  expect(readdirSync(cacheDir).filter((name) => name.startsWith(".work"))).toEqual([]);
});

test("other data is encoded with a map, with or without labels", async () => {
  const dataset = await prepareDataset({ ...base, group: "user", data: { train: path } }, { cacheDir });
  const bare = writeText(join(folder, "bare.csv"), "price,item,user\n1.5,7,u1\n,9999,nobody\n");
  const encoded = await encodeForMap(dataset.map, { files: [bare] }, { cacheDir });
  expect(encoded.layout.map(({ name }) => name)).toEqual([
    "user",
    "item",
    "price",
    "price.missing",
    "@group",
  ]);
  const columns = await readAll(encoded);
  expect(columns.user[1]).toBe(2);
  expect(columns["price.missing"]).toEqual([0, 1]);
  expect(encoded.report.features.item.outOfVocabulary).toBeGreaterThanOrEqual(1);
  await encoded.close();
  await expect(encodeForMap(dataset.map, { files: [bare] }, { cacheDir, labels: true })).rejects.toThrow(
    `${bare} has no column clicks, which label clicks needs`,
  );
  await dataset.close();
  expect(readdirSync(cacheDir).filter((name) => name.startsWith(".work"))).toEqual([]);
});

test("a declared type that values do not have is named with file, line and column", async () => {
  const types = { user: "int64" } as const;
  const error = await failure({ ...base, data: { train: path, types } });
  const line = lines.findIndex((each) => !each.startsWith(","));
  expect(error.message).toBe(
    `${path}: line ${line + 2}, column user: "${lines[line].split(",")[0]}" is no int64`,
  );
});

test("a feature of numbers whose values are all texts is refused, one that has some is not", async () => {
  const features = (column: string, type: "int64" | "float64"): DataConfigInput["features"] => [
    { name: "who", column, kind: "categorical", type },
  ];
  const refused = await failure({ ...base, data: { train: path }, features: features("user", "int64") });
  expect(refused.message).toMatch(
    /^column user: the type of who is int64, and none of its values is a number, such as "u\d+"$/,
  );
  const few = writeText(join(folder, "few.csv"), "user,clicks\na,0\n7,1\n,0\n");
  const none = writeText(join(folder, "none.csv"), "user,clicks\n,0\n,1\n");
  for (const train of [few, none]) {
    const { map, close } = await prepareDataset(
      { ...base, data: { train }, features: features("user", "float64") },
      { cacheDir },
    );
    expect(map.encoders.who.vocabulary).toMatchObject({ values: train === few ? ["7"] : [] });
    await close();
  }
});
