import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ConfigError, CounterRandom, MillraceError, mapKeysDeep, toCamelCase } from "../core/index.ts";
import { checkFeatures } from "./check-features.ts";
import { type DataConfigInput, parseDataConfig } from "./config.ts";
import { inspect } from "./inspect.ts";
import { configFromInspection, inspectionYaml } from "./inspect-config.ts";
import { inspectionText } from "./inspect-text.ts";

const shared = join(import.meta.dirname, "../../../shared/data");
const haveShared = existsSync(shared);
const NO_DATA = "the public data sets of ../shared/data are not here";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A click log whose columns have a little of everything. */
function clickLog(rows = 600): string {
  const random = new CounterRandom(5);
  let at = 0;
  const draw = (n: number): number => Math.floor(random.uniform(at++) * n);
  const path = join(folder, "clicks.csv");
  const lines = [
    "row,user_id,item_id,city,price,age,tags,history,time,like,constant,empty,when_clicked,note,click",
  ];
  for (let k = 0; k < rows; k++) {
    const click = draw(4) === 0 ? 1 : 0;
    const tags = Array.from({ length: 1 + draw(3) }, () => ["red", "green", "blue", "cheap"][draw(4)]).join(
      "|",
    );
    const history = Array.from({ length: 1 + draw(6) }, () => 100 + draw(40)).join(" ");
    lines.push(
      [
        k,
        `u${draw(60)}`,
        100 + draw(40),
        ["Ulm", "Bonn", "Kiel"][draw(3)],
        Math.exp(3 * random.normal(at++)).toFixed(2),
        draw(20) === 0 ? "NA" : 18 + draw(60),
        tags,
        history,
        1_700_000_000 + k * 60,
        click === 1 ? draw(2) : 0,
        7,
        "",
        click === 1 ? 1_700_000_000 + k : 0,
        `row number ${k}`,
        click,
      ].join(","),
    );
  }
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

describe("a bare click log", () => {
  test("every column finds its place", async () => {
    const path = clickLog();
    const report = await inspect({ files: [path] });
    expect(report.label).toMatchObject({ name: "click", column: "click", kind: "binary" });
    expect(report.spec.nullText).toEqual(["NA"]);
    const config = configFromInspection(report);
    expect(config).toEqual({
      data: {
        train: path,
        nullText: ["NA"],
        split: { by: "time", train: 0.8, valid: 0.1, test: 0.1 },
      },
      features: [
        { name: "user_id", kind: "categorical" },
        { name: "item_id", kind: "categorical" },
        { name: "city", kind: "categorical" },
        { name: "price", kind: "numeric", transform: "log_standard" },
        { name: "age", kind: "numeric", transform: "standard" },
        { name: "tags", kind: "bag", separator: "|", maxLength: 3 },
        { name: "history", kind: "sequence", separator: " ", maxLength: 6, target: "item_id" },
      ],
      labels: [{ name: "click" }],
      group: "user_id",
      timestamp: "time",
      timestampUnit: "s",
    });
    const reasons = Object.fromEntries(report.guess.columns.map(({ column, reason }) => [column, reason]));
    expect(reasons.row).toBe("counts the rows");
    expect(reasons.like).toMatch(
      /^suspected to be known only after the event: all \d+ rows where it is set have click = 1/,
    );
    expect(reasons.when_clicked).toMatch(/AUC 1\.0000/);
    expect(reasons.constant).toBe("the same value in every row: 7");
    expect(reasons.empty).toBe("no value in any row");
    expect(reasons.note).toContain("a value of its own in every row");
  });

  test("the YAML says why, and is the same config", async () => {
    const report = await inspect({ files: [clickLog()] });
    const text = inspectionYaml(report, { extra: { model: { name: "deepfm" } } });
    const { model, ...data } = parse(text) as Record<string, unknown>;
    expect(model).toEqual({ name: "deepfm" });
    const config = mapKeysDeep(data, toCamelCase);
    expect(config).toEqual(configFromInspection(report));
    parseDataConfig(config);
    expect(text).toContain("# text: 3 values\n  - name: city");
    expect(text).toContain("#   constant: the same value in every row: 7");
    expect(text).toContain("# by time: train on the past, test on what came after, as in use\n  split:");
    expect(text).toContain("# the user: gAUC compares rows of the same user\ngroup: user_id");
  });

  test("the table for people names every column", async () => {
    const report = await inspect({ files: [clickLog()] });
    const text = inspectionText(report);
    expect(text).toContain("csv, 600 rows, 15 columns");
    for (const { name } of report.columns) expect(text).toContain(`\n${name} `);
  });

  test("the same in every run, and from every k-th row alike in kind", async () => {
    const path = clickLog();
    const report = await inspect({ files: [path] });
    expect(await inspect({ files: [path] })).toEqual(report);
    const sampled = await inspect({ files: [path] }, { sampleRows: 200 });
    expect(sampled.profiledRows).toBe(200);
    expect(sampled.rows).toBe(600);
    expect(configFromInspection(sampled).labels).toEqual(configFromInspection(report).labels);
  });
});

describe("labels", () => {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const rows = (count: number, row: (k: number) => string): string =>
    Array.from({ length: count }, (_, k) => row(k)).join("\n");
  const labelOf = async (path: string, label?: string): Promise<DataConfigInput["labels"]> =>
    configFromInspection(await inspect({ files: [path] }, label === undefined ? {} : { label })).labels;

  test("comparisons, values, texts, signs and real numbers", async () => {
    const path = write(
      "l.csv",
      `site,delay,status,sign,price,grade\n${rows(60, (k) => `s${k % 5},${(k * 37) % 50},${["sold", "open", "lost"][k % 3]},${k % 4 === 0 ? 1 : -1},${k / 7},${k % 5 === 0 ? "yes" : "no"}`)}`,
    );
    expect(await labelOf(path, "delay > 15")).toEqual([
      { name: "delay_over_15", column: "delay", threshold: 15 },
    ]);
    expect(await labelOf(path, "delay >= 15")).toEqual([
      { name: "delay_from_15", column: "delay", threshold: 14.5 },
    ]);
    expect(await labelOf(path, "status == sold")).toEqual([
      { name: "status_is_sold", column: "status", positive: ["sold"] },
    ]);
    expect(await labelOf(path, "sign")).toEqual([{ name: "sign", threshold: -1 }]);
    expect(await labelOf(path, "grade")).toEqual([{ name: "grade", positive: ["yes"] }]);
    expect(await labelOf(path, "price")).toEqual([{ name: "price", kind: "real" }]);
    const config = configFromInspection(await inspect({ files: [path] }, { label: "delay > 15" }));
    expect(config.features.map(({ name }) => name)).not.toContain("delay");
    await expect(labelOf(path, "delya > 15")).rejects.toThrow(/no column delya/);
    await expect(labelOf(path, "status > 3")).rejects.toThrow(ConfigError);
    await expect(labelOf(path, "delay < 3")).rejects.toThrow(/cannot be kept/);
    await expect(labelOf(path, "status")).rejects.toThrow(/neither numbers nor two texts/);
  });

  test("another label than the inspection's, and none at all", async () => {
    const path = write("n.csv", `a,b,c\n${rows(40, (k) => `v${k % 7},${k % 2},${k % 3}`)}`);
    const report = await inspect({ files: [path] });
    expect(report.label).toBeUndefined();
    expect(() => configFromInspection(report)).toThrow(/which column is the label/);
    try {
      configFromInspection(report);
    } catch (error) {
      expect((error as ConfigError).hint).toContain("columns with two values: b");
    }
    const config = configFromInspection(report, { label: "b" });
    expect(config.labels).toEqual([{ name: "b" }]);
    expect(config.features.map(({ name }) => name)).toEqual(["a", "c"]);
  });

  test("a column that says which split", async () => {
    const path = write(
      "s.csv",
      `x,split,label\n${rows(60, (k) => `${k % 9},${["train", "train", "valid", "test"][k % 4]},${k % 2}`)}`,
    );
    const config = configFromInspection(await inspect({ files: [path] }));
    expect(config.data.split).toEqual({
      by: "column",
      column: "split",
      train: ["train"],
      valid: ["valid"],
      test: ["test"],
    });
  });
});

test("columns called as batches call theirs become features of another name", async () => {
  const path = join(folder, "names.csv");
  const rows = Array.from({ length: 60 }, (_, k) => `a${k % 3},b${k % 7},c${k % 5},text${k % 2},${k % 2}`);
  writeFileSync(path, `@weight,x.missing,x,true_click,click\n${rows.join("\n")}\n`);
  const report = await inspect({ files: [path] }, { label: "click" });
  const config = configFromInspection(report);
  expect(config.features.map(({ name, column }) => [name, column])).toEqual([
    ["weight", "@weight"],
    ["x_missing", "x.missing"],
    ["x", undefined],
  ]);
  expect(config.data.keep).toBeUndefined();
  expect(() => checkFeatures(parseDataConfig(config))).not.toThrow();
  expect(inspectionYaml(report)).toContain("text: 3 values\n  - name: weight");
});

test("damaged files end in an error of ours or in a valid config", async () => {
  const text = Buffer.from(readFileSync(clickLog(40)));
  const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(text);
      for (const [at, byte] of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
      const path = join(folder, "damaged.csv");
      writeFileSync(path, bytes);
      try {
        parseDataConfig(configFromInspection(await inspect({ files: [path] }, { label: "click" })));
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
      }
    }),
    { numRuns: 12, seed: 31 },
  );
});

describe.skipIf(!haveShared)(`public data (skipped when ${NO_DATA})`, () => {
  const config = async (file: string, label?: string): Promise<DataConfigInput> => {
    const made = configFromInspection(
      await inspect(
        { files: [join(shared, file)] },
        { sampleRows: 100_000, ...(label === undefined ? {} : { label }) },
      ),
    );
    parseDataConfig(made);
    return made;
  };
  const named = (made: DataConfigInput, name: string) =>
    made.features.find((feature) => feature.name === name);

  test("MovieLens-100k", async () => {
    const made = await config("ml-100k/ml-100k.inter.gz");
    expect(made.features.map(({ name, kind }) => `${name}:${kind}`)).toEqual([
      "user_id:categorical",
      "item_id:categorical",
    ]);
    expect(made.labels).toEqual([{ name: "rating_from_4", column: "rating", threshold: 3.5 }]);
    expect(made).toMatchObject({
      group: "user_id",
      timestamp: "timestamp",
      timestampUnit: "s",
      data: { split: { by: "time" } },
    });
  });

  test("flights", async () => {
    const made = await config("flights-3m/flights-3m.parquet", "delay > 15");
    expect(made.features.map(({ name }) => name)).toEqual(["distance", "origin", "destination"]);
    expect(made.labels).toEqual([{ name: "delay_over_15", column: "delay", threshold: 15 }]);
    expect(made.timestamp).toBe("date");
  });

  test("Criteo: no header, 13 numbers and 26 categories", async () => {
    const made = await config("criteo-7k/train.tsv.gz");
    expect(made.labels).toEqual([{ name: "column0" }]);
    expect(made.features).toHaveLength(39);
    expect(made.features.slice(13).every(({ kind }) => kind === "categorical")).toBe(true);
    expect(named(made, "column5")).toMatchObject({ kind: "numeric", transform: "log_standard" });
  });

  test("census-income: comma and blank, a text label", async () => {
    const made = await config("census-income/census-income.test.gz");
    expect(made.labels).toEqual([{ name: "column41", positive: ["50000+."] }]);
    expect(named(made, "column0")).toMatchObject({ kind: "numeric" });
    expect(named(made, "column16")).toMatchObject({ kind: "numeric", transform: "log_standard" });
    expect(named(made, "column7")).toMatchObject({ kind: "categorical" });
  });

  test("KuaiRand: what is known only after the impression is no feature", async () => {
    const made = await config("kuairand-pure/log_standard_4_25_to_4_30_pure.csv.gz");
    expect(made.features.map(({ name }) => name)).toEqual([
      "user_id",
      "video_id",
      "hourmin",
      "duration_ms",
      "tab",
    ]);
    expect(made).toMatchObject({
      labels: [{ name: "is_click" }],
      group: "user_id",
      domain: "tab",
      timestamp: "time_ms",
      timestampUnit: "ms",
    });
  });

  test("amazon-access and Frappe: ids", async () => {
    const access = await config("amazon-access/train.csv.gz");
    expect(access.labels).toEqual([{ name: "ACTION" }]);
    expect(access.features).toHaveLength(9);
    expect(access.features.every(({ kind }) => kind === "categorical")).toBe(true);
    const frappe = await config("frappe/frappe.validation.libfm.gz");
    expect(frappe.labels).toEqual([{ name: "label", threshold: -1 }]);
    expect(frappe.features.map(({ name, kind }) => `${name}:${kind}`)).toEqual(
      Array.from({ length: 10 }, (_, k) => `f${k}:categorical`),
    );
  });
});
