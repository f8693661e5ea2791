import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DataConfigInput } from "./config.ts";
import { prepareDataset } from "./dataset.ts";
import { inspect } from "./inspect.ts";
import { configFromInspection } from "./inspect-config.ts";
import { validate } from "./validate.ts";
import { MAX_PER_KIND, type Problem, type ValidationReport, validationText } from "./validate-report.ts";

const shared = join(import.meta.dirname, "../../../shared/data");
const haveShared = existsSync(shared);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const rows = (count: number, row: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => `${row(k)}\n`).join("");

/** 200 clean rows: user, item, price, time, click. */
const clean = (from = 0): string =>
  `user,item,price,time,click\n${rows(200, (k) => `u${k % 10},${(k * 7) % 20},${(k + from) / 8},${1_700_000_000 + 60 * (k + from)},${(k * k + k) % 3 === 0 ? 1 : 0}`)}`;

function config(train: string, change: Partial<DataConfigInput> = {}): DataConfigInput {
  return {
    data: { train, split: { by: "time", train: 0.5, valid: 0.5 } },
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
      { name: "price", kind: "numeric" },
    ],
    labels: [{ name: "click" }],
    group: "user",
    timestamp: "time",
    ...change,
  };
}

const find = (report: ValidationReport, kind: string): Problem | undefined =>
  report.problems.find((problem) => problem.kind === kind);
const kinds = (report: ValidationReport): string[] => report.problems.map(({ kind }) => kind);

test("clean data: no errors, no warnings", async () => {
  const report = await validate(config(put("clean.csv", clean())));
  expect(report.ok).toBe(true);
  expect(report.counts).toMatchObject({ error: 0, warning: 0 });
  expect(report.splits.train).toMatchObject({ rows: 100 });
  expect(report.splits.valid).toMatchObject({ rows: 100 });
  expect(report.splits.train?.labelMeans.click).toBeCloseTo(0.67, 1);
});

describe("config and files", () => {
  test("every mistake of a config, without touching the data", async () => {
    const report = await validate({
      data: { train: "x.csv", fromat: "csv" },
      features: [{ name: "a", kind: "id" }],
    });
    expect(report.ok).toBe(false);
    expect(kinds(report)).toEqual(["config", "config"]);
    expect(report.problems.map(({ message }) => message).join()).toContain("fromat");
  });

  test("a file that cannot be read: file, line and hint; the others are looked at all the same", async () => {
    const report = await validate(
      config(put("good.csv", clean()), {
        data: {
          train: put("good.csv", clean()),
          valid: put("ragged.csv", "user,item,price,time,click\nu1,2,3\n"),
          test: join(folder, "absent.csv"),
          split: { by: "files" },
        },
      }),
    );
    expect(report.problems.filter(({ kind }) => kind === "unreadable")).toMatchObject([
      {
        split: "valid",
        severity: "error",
        message: expect.stringContaining("line 2 has 3 fields, expected 5"),
      },
      { split: "test", severity: "error", message: expect.stringContaining("no such file") },
    ]);
    expect(report.splits.train?.rows).toBe(200);
  });

  test("missing columns, all of them, with the nearest names", async () => {
    const path = put("names.csv", "usr,item,price,tme,klick\nu1,2,3,4,1\nu2,3,4,5,0\n");
    const report = await validate(config(path));
    const missing = report.problems.filter(({ kind }) => kind === "missing-column");
    expect(missing.map(({ column, hint }) => [column, hint])).toEqual([
      ["user", "did you mean usr?"],
      ["click", "did you mean klick?"],
      ["time", "did you mean tme?"],
    ]);
  });

  test("a feature's type for a column that is missing is a missing column", async () => {
    const path = put("typed.csv", clean());
    const report = await validate(
      config(path, { features: [{ name: "itme", kind: "categorical", type: "int64" }] }),
    );
    expect(find(report, "missing-column")).toMatchObject({ column: "itme", hint: "did you mean item?" });
  });
});

describe("labels and roles", () => {
  const labelled = (values: (k: number) => string): string =>
    put(
      "label.csv",
      `user,item,price,time,click\n${rows(60, (k) => `u${k % 6},${k % 4},${k},${1_700_000_000 + k},${values(k)}`)}`,
    );

  test("null and foreign label values name their lines", async () => {
    const path = labelled((k) => (k === 4 ? "" : k === 7 ? "2" : String(k % 2)));
    const report = await validate(config(path));
    expect(find(report, "label-null")).toMatchObject({
      severity: "error",
      effect: "training stops",
      count: 1,
      column: "click",
      examples: [{ file: path, row: 6, value: null }],
    });
    expect(find(report, "label-value")).toMatchObject({
      count: 1,
      examples: [{ file: path, row: 9, value: "2" }],
    });
    const dropped = await validate(
      config(path, {
        data: { train: path, split: { by: "time", train: 0.5, valid: 0.5 }, onBadRow: "drop" },
      }),
    );
    expect(find(dropped, "label-null")).toMatchObject({
      severity: "warning",
      effect: "rows are left out and counted",
    });
    expect(dropped.ok).toBe(true);
  });

  test("one class: an error in training, a warning elsewhere", async () => {
    const none = await validate(config(labelled(() => "0")));
    const found = none.problems.filter(({ kind }) => kind === "label-one-class");
    expect(found.map(({ split, severity }) => [split, severity])).toEqual([
      ["train", "error"],
      ["valid", "warning"],
    ]);
    expect(none.ok).toBe(false);
    const late = await validate(config(labelled((k) => (k < 30 ? String(k % 2) : "1"))));
    expect(late.ok).toBe(true);
    expect(find(late, "label-one-class")).toMatchObject({
      split: "valid",
      message: expect.stringContaining("AUC is undefined"),
    });
  });

  test("weights, groups, domains and times", async () => {
    const path = put(
      "roles.csv",
      `x,w,g,d,time,y\n${rows(40, (k) => `${k % 5},${k === 3 ? -1 : 1},same,${k === 9 ? "" : "a"},${k === 5 ? "noon" : `2024-01-${String(40 - k).padStart(2, "0")}`},${k % 2}`)}`,
    );
    const report = await validate({
      data: { train: path },
      features: [{ name: "x", kind: "categorical" }],
      labels: [{ name: "y" }],
      weight: "w",
      group: "g",
      domain: "d",
      timestamp: "time",
    });
    expect(find(report, "weight")).toMatchObject({ severity: "error", examples: [{ row: 5, value: "-1" }] });
    expect(find(report, "single-group")).toMatchObject({ severity: "warning", column: "g" });
    expect(find(report, "domain-null")).toMatchObject({ count: 1, examples: [{ row: 11 }] });
    // Noon, and the 32nd to the 40th of January.
    expect(find(report, "time-unreadable")).toMatchObject({ severity: "warning", count: 9 });
    expect(find(report, "time-order")?.count).toBeGreaterThan(20);
    expect(kinds(report)).toContain("no-validation");
    expect(kinds(report)).toContain("tiny-split");
  });

  test("times in the future", async () => {
    const path = put("future.csv", clean());
    const report = await validate(config(path), { now: new Date(1_700_000_000_000 + 60_000 * 195) });
    expect(find(report, "time-future")).toMatchObject({ severity: "warning", count: 4, split: "valid" });
  });
});

describe("features", () => {
  test("texts for numbers, NaN, infinities, all-null and constant columns", async () => {
    const path = put(
      "features.csv",
      `price,bad,none,same,clip,huge,click\n${rows(50, (k) => `${k === 1 ? "nan" : k === 2 ? "inf" : k / 4},${k === 10 ? "free" : k},,7,${k},${k === 4 ? "-1e39" : "3.4e38"},${k % 2}`)}`,
    );
    const report = await validate({
      data: { train: path },
      features: [
        { name: "price", kind: "numeric" },
        { name: "bad", kind: "numeric" },
        { name: "none", kind: "categorical" },
        { name: "same", kind: "numeric" },
        { name: "clip", kind: "numeric", clip: [0, 40] },
        { name: "huge", kind: "numeric", transform: "raw" },
      ],
      labels: [{ name: "click" }],
    });
    expect(find(report, "not-finite")).toMatchObject({
      column: "price",
      count: 2,
      effect: "the values count as missing",
      examples: [
        { row: 3, value: "nan" },
        { row: 4, value: "inf" },
      ],
    });
    expect(find(report, "not-a-number")).toMatchObject({
      column: "bad",
      count: 1,
      examples: [{ row: 12, value: "free" }],
    });
    expect(find(report, "too-large")).toMatchObject({
      column: "huge",
      count: 1,
      examples: [{ row: 6 }],
    });
    expect(find(report, "all-null")).toMatchObject({ column: "none", severity: "warning" });
    expect(find(report, "constant")).toMatchObject({ column: "same", severity: "warning" });
    expect(find(report, "clipped")).toMatchObject({
      column: "clip",
      count: 9,
      effect: "the values are moved to the bounds",
    });
  });

  test("lists: too long, text without separator, numbers of vectors, histories from the future", async () => {
    const path = put(
      "lists.jsonl",
      rows(40, (k) =>
        JSON.stringify({
          tags: Array.from({ length: 1 + (k % 4) }, (_, i) => `t${i}`),
          text: "a b c",
          vector: k === 5 ? [1, 2] : [1, 2, 3],
          ids: [1, 2],
          times: [90 + k, k === 6 ? 500 : 95 + k],
          at: 100 + k,
          click: k % 2,
        }),
      ),
    );
    const report = await validate({
      data: { train: path },
      features: [
        { name: "tags", kind: "bag", maxLength: 2 },
        { name: "text", kind: "bag" },
        { name: "vector", kind: "dense", dim: 3 },
        { name: "ids", kind: "sequence", timesColumn: "times" },
        { name: "wrong", column: "tags", kind: "numeric" },
      ],
      labels: [{ name: "click" }],
      timestamp: "at",
    });
    expect(find(report, "lists-cut")).toMatchObject({
      column: "tags",
      count: 20,
      effect: "the last entries are kept",
    });
    expect(report.problems.filter(({ kind }) => kind === "wrong-type").map(({ column }) => column)).toEqual([
      "text",
      "tags",
    ]);
    expect(find(report, "vector-length")).toMatchObject({
      count: 1,
      severity: "error",
      examples: [{ row: 6 }],
    });
    expect(find(report, "history-from-the-future")).toMatchObject({ count: 1, examples: [{ row: 7 }] });
  });

  test("vocabularies that overflow, cut, or know nothing of later rows", async () => {
    const path = put(
      "vocabulary.csv",
      `a,b,c,click\n${rows(400, (k) => `${k < 200 ? k % 20 : 1000 + k},${k % 50},${k},${(k >> 1) % 2}`)}`,
    );
    const report = await validate({
      data: { train: path, split: { by: "ratio", train: 0.5, valid: 0.5, seed: 1 } },
      features: [
        { name: "a", kind: "categorical", minCount: 2 },
        { name: "b", kind: "categorical", maxSize: 10 },
        { name: "c", kind: "categorical" },
      ],
      labels: [{ name: "click" }],
    });
    expect(find(report, "vocabulary-overflow")).toMatchObject({
      column: "b",
      effect: "the values are out of vocabulary",
    });
    expect(find(report, "vocabulary-rare")).toMatchObject({
      column: "a",
      effect: "the values are out of vocabulary",
    });
    expect(find(report, "nearly-unique")).toMatchObject({ column: "c" });
    const unseen = report.problems.filter(({ kind }) => kind === "unseen-values");
    expect(unseen.map(({ column, severity }) => [column, severity])).toContainEqual(["c", "warning"]);
    expect(unseen.map(({ column }) => column)).toContain("a");
  });

  test("columns that know the answer", async () => {
    const path = put(
      "leak.csv",
      `user,paid,later,click\n${rows(300, (k) => `u${k % 7},${k % 3 === 0 ? 5 + (k % 4) : 0},${k % 3 === 0 && k % 2 === 0 ? 1 : 0},${k % 3 === 0 ? 1 : 0}`)}`,
    );
    const report = await validate({
      data: { train: path },
      features: [
        { name: "user", kind: "categorical" },
        { name: "paid", kind: "numeric" },
        { name: "later", kind: "numeric" },
        { name: "click_again", column: "click", kind: "categorical" },
      ],
      labels: [{ name: "click" }],
    });
    const leaks = report.problems.filter(({ kind }) => kind === "leak");
    expect(leaks.map(({ column }) => column)).toEqual(["paid", "later"]);
    expect(find(report, "label-as-feature")).toMatchObject({ severity: "error", column: "click" });
  });
});

describe("splits", () => {
  test("by ratio, turned or not, have the rows that training would take", async () => {
    // The mean tells which rows they are.
    const path = put("ratio.csv", `row,odd\n${rows(401, (k) => `${k},${k % 2}`)}`);
    for (const rotate of [0, 1 / 7, 3 / 7, 6 / 7]) {
      const input: DataConfigInput = {
        data: { train: path, split: { by: "ratio", train: 5 / 7, valid: 1 / 7, test: 1 / 7, rotate } },
        features: [{ name: "odd", kind: "categorical" }],
        labels: [{ name: "row", kind: "real" }],
      };
      const { splits } = await validate(input);
      const dataset = await prepareDataset(input, { cacheDir: join(folder, "cache") });
      for (const name of ["train", "valid", "test"] as const) {
        const values: number[] = [];
        for await (const { columns } of dataset.splits[name]!.batches({ batchSize: 500 }))
          values.push(...columns.row);
        expect(splits[name]?.rows).toBe(values.length);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(splits[name]?.labelMeans.row).toBeCloseTo(mean, 4);
      }
      await dataset.close();
    }
  });

  test("by shares too small for a row have none, for `validate` as for training", async () => {
    const input: DataConfigInput = {
      data: {
        train: put("few.csv", `x,y\n${rows(10, (k) => `${k},${k % 2}`)}`),
        split: { by: "ratio", train: 0.04, valid: 0.5, rotate: 0.05 },
      },
      features: [{ name: "x", kind: "categorical" }],
      labels: [{ name: "y" }],
    };
    await expect(prepareDataset(input)).rejects.toThrow("no rows");
    expect(kinds(await validate(input))).toContain("empty-split");
  });

  const files = (valid: string, test: string, train = put("tr.csv", clean())): DataConfigInput["data"] => ({
    train,
    valid: put("va.csv", valid),
    test: put("te.csv", test),
    split: { by: "files" },
  });

  test("validation that is the test, and rows that training knows", async () => {
    const same = await validate(config("", { data: files(clean(1000), clean(1000)) }));
    expect(find(same, "identical-splits")).toMatchObject({ split: "test", severity: "warning", count: 200 });
    const overlapping = await validate(config("", { data: files(clean(100), clean(1000)) }));
    expect(find(overlapping, "overlapping-splits")).toMatchObject({ split: "valid" });
    expect(find(overlapping, "splits-overlap-in-time")).toMatchObject({
      split: "valid",
      severity: "warning",
    });
  });

  test("duplicates and empty splits", async () => {
    const lines = clean().trimEnd().split("\n");
    const path = put("twice.csv", `${[...lines, ...lines.slice(1)].join("\n")}\n`);
    const report = await validate(config(path, { data: { train: path, split: { by: "ratio", train: 1 } } }));
    expect(find(report, "duplicate-rows")).toMatchObject({ count: 200 });
    const column = await validate(
      config(path, {
        data: { train: path, split: { by: "column", column: "user", train: ["u1"], valid: ["nobody"] } },
      }),
    );
    expect(find(column, "empty-split")).toMatchObject({ split: "valid", severity: "error" });
  });
});

test("problems of one kind are bounded", async () => {
  const names = Array.from({ length: MAX_PER_KIND + 10 }, (_, k) => `c${k}`);
  const path = put(
    "wide.csv",
    `${names.join(",")},click\n${rows(10, (k) => `${names.map(() => "").join(",")},${k % 2}`)}`,
  );
  const report = await validate({
    data: { train: path },
    features: names.map((name) => ({ name, kind: "categorical" })),
    labels: [{ name: "click" }],
  });
  const found = report.problems.filter(({ kind }) => kind === "all-null");
  expect(found).toHaveLength(MAX_PER_KIND + 1);
  expect(found.at(-1)?.message).toBe("10 more of this kind");
});

test("the text says where, what and what will be done", async () => {
  const path = put("text.csv", "a,click\n1,0\n2,\n3,1\n");
  const report = await validate({
    data: { train: path },
    features: [{ name: "a", kind: "numeric" }],
    labels: [{ name: "click" }],
  });
  const text = validationText(report);
  expect(text).toContain("train: 3 rows, mean click 0.5");
  expect(text).toContain(
    `error (train, column click): label click is empty in 1 of 3 rows\n    ${path}:3: empty\n    effect: training stops`,
  );
  JSON.stringify(report); // no bigints
});

test("docs/bad-input.md names every kind of problem and note", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/bad-input.md"), "utf8");
  const sources = readdirSync(import.meta.dirname).filter((name) =>
    /^(validate|source|libsvm).*(?<!test)\.ts$/.test(name),
  );
  const named = sources.flatMap((name) => [
    ...readFileSync(join(import.meta.dirname, name), "utf8").matchAll(
      /\bkind: (?:[^"\n]*\? )?"([a-z-]+)"(?: : "([a-z-]+)")?/g,
    ),
  ]);
  const all = new Set(
    named
      .flatMap(([, ...found]) => found)
      .filter((kind) => kind !== undefined && kind !== "category" && kind !== "number"),
  );
  expect(all.size).toBeGreaterThan(40);
  for (const kind of all) expect(docs, kind).toContain(`\`${kind}\``);
});

test("damaged data and damaged configs always end in a report", async () => {
  const base = Buffer.from(clean().slice(0, 900));
  const parquetLike = Buffer.from("PAR1 not really PAR1");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
      fc.boolean(),
      async (changes, cut) => {
        const bytes = Buffer.from(base);
        for (const [at, byte] of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
        const path = put("fuzz.csv", cut ? bytes.subarray(0, bytes.length >> 1) : bytes);
        const report = await validate(config(path));
        expect(report.counts.error + report.counts.warning + report.counts.info).toBe(report.problems.length);
      },
    ),
    { numRuns: 25, seed: 21 },
  );
  expect((await validate(config(put("fake.parquet", parquetLike)))).ok).toBe(false);
  await fc.assert(
    fc.asyncProperty(fc.anything(), async (anything) => {
      expect((await validate(anything)).ok).toBe(false);
    }),
    { numRuns: 30, seed: 22 },
  );
});

describe.skipIf(!haveShared)("public data (skipped when ../shared/data is absent)", () => {
  test.each([
    ["ml-100k/ml-100k.inter.gz", undefined],
    ["criteo-7k/train.tsv.gz", undefined],
    ["amazon-access/train.csv.gz", undefined],
  ])("%s: its own first config validates", async (file, label) => {
    const report = await inspect({ files: [join(shared, file)] }, label === undefined ? {} : { label });
    const validation = await validate(configFromInspection(report));
    expect(validation.problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(Object.values(validation.splits).reduce((sum, { rows: count }) => sum + count, 0)).toBe(
      report.rows,
    );
  });
});
