/** Every verb from end to end on one small world, through real processes. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DuckDBInstance } from "@duckdb/node-api";
import type { RunMetrics } from "../../src/run/index.ts";
import { readCalibrators } from "../../src/serving/calibration.ts";
import { millrace, millraceJson, smallTraining, smallWorld, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("verbs");
const at = (...parts: string[]): string => join(folder.path, ...parts);

let trained: RunMetrics & { directory: string; report: string };

async function sql(statement: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(statement.replaceAll("@", `${folder.path}/`));
  const rows = reader.getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

beforeAll(async () => {
  await millraceJson(smallWorld, folder.path);
  trained = await millraceJson(["train", "world/config.yaml", "--out", "run", ...smallTraining], folder.path);
  await sql(
    "COPY (SELECT user_id, item_id, device, hour, price, click FROM '@world/train.parquet') TO '@clicks.csv'",
  );
}, 120_000);

afterAll(folder.remove);

describe("world", () => {
  test("writes splits, what is known of them, and a configuration to train on", async () => {
    const text = readFileSync(at("world", "config.yaml"), "utf8");
    expect(text).toContain("train: train.parquet");
    expect(text).toContain("name: DCNv2");
    const manifest = JSON.parse(readFileSync(at("world", "manifest.json"), "utf8"));
    expect(manifest.options.impressions).toBe(6000);
    expect(manifest.splits.test.oracle.auc).toBeGreaterThan(0.6);
  });

  test("turns dials, by name in snake_case", async () => {
    const made = await millraceJson<{ options: { likeAgreement: number; seed: number } }>(
      [
        "world",
        "--out",
        "other",
        "--impressions",
        "1000",
        "--users",
        "100",
        "--seed",
        "7",
        "--set",
        "like_agreement=0",
        "items=300",
      ],
      folder.path,
    );
    expect(made.options).toMatchObject({ likeAgreement: 0, seed: 7, items: 300 });
  });
});

describe("inspect", () => {
  test("shows columns, and writes a configuration that keeps its reasons", async () => {
    const { code, stdout } = await millrace(
      ["inspect", "clicks.csv", "--label", "click", "-o", "sub/clicks.yaml"],
      folder.path,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("label click");
    const yaml = readFileSync(at("sub", "clicks.yaml"), "utf8");
    expect(yaml).toContain("train: ../clicks.csv");
    expect(yaml).toMatch(/# .*\n {2}- name: user_id/);
    const again = await millrace(["inspect", "clicks.csv", "-o", "sub/clicks.yaml"], folder.path);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("--force");
  });

  test("gives one JSON object with the configuration in it", async () => {
    const report = await millraceJson<{ rows: number; config: { labels: { name: string }[] } }>(
      ["inspect", "clicks.csv"],
      folder.path,
    );
    expect(report.config.labels[0].name).toBe("click");
    expect(report.rows).toBeGreaterThan(3000);
  });
});

describe("validate", () => {
  test("finds nothing wrong with the world", async () => {
    const report = await millraceJson<{ ok: boolean; counts: { error: number } }>(
      ["validate", "world/config.yaml"],
      folder.path,
    );
    expect(report).toMatchObject({ ok: true, counts: { error: 0 } });
  });

  test("names file, row and value of bad data, with exit code 3", async () => {
    writeFileSync(at("bad.csv"), `user,item,click\n${"1,a,0\n2,b,1\n".repeat(40)}3,c,maybe\n`);
    writeFileSync(
      at("bad.yaml"),
      "data: { train: bad.csv }\nfeatures: [{ name: user, kind: categorical }]\nlabels: [{ name: click }]\n",
    );
    const { code, stdout } = await millrace(["validate", "bad.yaml"], folder.path);
    expect(code).toBe(3);
    expect(stdout).toContain('bad.csv:82: "maybe"');
  });
});

describe("train", () => {
  test("writes a whole run directory, with the oracle beside the model", () => {
    for (const file of [
      "config.json",
      "feature-map.json",
      "model.onnx",
      "bundle.json",
      "metrics.json",
      "report.html",
      "encoding.json",
      "checkpoint/current.json",
    ]) {
      expect(existsSync(at("run", file)), file).toBe(true);
    }
    expect(trained.model).toBe("DCNv2");
    expect(trained.history).toHaveLength(2);
    expect(trained.test?.metrics.click.auc.value).toBeGreaterThan(0.4);
    expect(trained.test?.oracle.click.auc.value).toBeGreaterThan(trained.test?.metrics.click.auc.value ?? 1);
    expect(trained.parameters.embedding).toBeGreaterThan(0);
  });

  test("takes a bare file, says what it chose and keeps it", async () => {
    const args = [
      "train",
      "clicks.csv",
      "--label",
      "click",
      "--model",
      "LR",
      "--set",
      "training.epochs=1",
      "--out",
      "bare",
    ];
    const { code, stdout, stderr } = await millrace(args, folder.path);
    expect(stderr).toContain("features: 4 categorical, 1 numeric");
    expect(stderr).toContain("memory for weights and optimizer");
    expect(code).toBe(0);
    expect(stdout).toContain("auc");
    expect(stdout).toContain("millrace predict bare DATA");
    expect(readFileSync(at("bare", "config.yaml"), "utf8")).toContain("name: LR");
  });
});

describe("evaluate", () => {
  test("measures the run's own test split as training did", async () => {
    const measured = await millraceJson<{
      metrics: RunMetrics["test"] extends infer E | undefined ? (E & { metrics: unknown })["metrics"] : never;
    }>(["evaluate", "run", "--by", "device"], folder.path);
    const { click } = measured.metrics as { click: { [metric: string]: { value: number } } };
    expect(click.log_loss.value).toBeCloseTo(trained.test?.metrics.click.log_loss.value ?? 0, 5);
    expect(click.auc.value).toBeCloseTo(trained.test?.metrics.click.auc.value ?? 0, 4);
    const { by } = measured as unknown as { by: { value: string; evaluation: { rows: number } }[] };
    expect(by.length).toBeGreaterThan(3);
    expect(by.reduce((sum, { evaluation }) => sum + evaluation.rows, 0)).toBe(trained.rows.test);
  });

  test("a slice's AUC is that of `predict`'s probabilities over the slice's rows", async () => {
    const { by } = await millraceJson<{
      by: { value: string; evaluation: { rows: number; metrics: { click: { auc: { value: number } } } } }[];
    }>(["evaluate", "run", "--by", "device"], folder.path);
    await millraceJson(["predict", "run", "world/test.parquet", "-o", "sliced.parquet"], folder.path);
    const rows = (await sql(
      `SELECT CAST(device AS VARCHAR) AS device, CAST(click AS INTEGER) AS click, CAST(probability AS DOUBLE) AS probability
       FROM '@sliced.parquet' JOIN (SELECT device, click, file_row_number + 1 AS row
         FROM read_parquet('@world/test.parquet', file_row_number = true)) USING (row)`,
    )) as { device: string | null; click: number; probability: number }[];
    let compared = 0;
    for (const { value, evaluation } of by) {
      const slice = rows.filter(({ device }) => device === value);
      if (slice.length === 0) continue;
      expect(evaluation.rows).toBe(slice.length);
      const [clicked, passed] = [1, 0].map((label) => slice.filter(({ click }) => click === label));
      if (clicked.length === 0 || passed.length === 0) continue;
      let above = 0;
      for (const a of clicked)
        for (const b of passed) above += (1 + Math.sign(a.probability - b.probability)) / 2;
      expect(evaluation.metrics.click.auc.value).toBeCloseTo(above / (clicked.length * passed.length), 6);
      compared++;
    }
    expect(compared).toBeGreaterThan(2);
  });

  test("measures a data file, with the oracle's figures where it carries the truth", async () => {
    const { code, stdout } = await millrace(
      ["evaluate", "run", "world/test.parquet", "--metrics", "auc,ne"],
      folder.path,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("oracle");
    expect(stdout).toContain(trained.test?.metrics.click.auc.value?.toFixed(4));
  });
});

describe("calibrate", () => {
  test("writes what a cascade reads, fitted on the validation split and measured on the test split", async () => {
    type Figures = { metrics: { click: { [metric: string]: { value: number } } } };
    const { rows, test } = await millraceJson<{ rows: number; test: { before: Figures; after: Figures } }>(
      ["calibrate", "run", "-o", "calibration.json"],
      folder.path,
    );
    expect(rows).toBe(trained.rows.valid);
    expect(test.before.metrics.click.log_loss.value).toBeCloseTo(
      trained.test?.metrics.click.log_loss.value ?? 0,
      5,
    );
    const off = ({ metrics: { click } }: Figures): number =>
      Math.abs(Math.log(click.calibration_ratio.value));
    expect(off(test.after)).toBeLessThan(Math.max(off(test.before), 0.1));
    const { click } = readCalibrators(at("calibration.json"));
    expect(click).toMatchObject({ kind: "isotonic" });
    const platt = await millrace(
      ["calibrate", "run", "world/valid.parquet", "--kind", "platt", "-o", "platt.json"],
      folder.path,
    );
    expect(platt.code).toBe(0);
    expect(platt.stdout).toContain("platt calibrators of click");
    expect(readCalibrators(at("platt.json")).click).toMatchObject({ kind: "platt" });
    const nowhere = await millrace(["calibrate", "run"], folder.path);
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toContain("--out");
  });
});

describe("predict", () => {
  test("writes one line a row in the file's order, labels or not", async () => {
    await sql(
      "COPY (SELECT * EXCLUDE (click, \"like\", true_click) FROM '@world/test.parquet') TO '@unlabelled.parquet'",
    );
    const made = await millraceJson<{
      rows: number;
      features: { [name: string]: { outOfVocabulary: number } };
    }>(
      ["predict", "run", "unlabelled.parquet", "-o", "scores.csv", "--columns", "user_id,item_id"],
      folder.path,
    );
    expect(made.rows).toBe(trained.rows.test);
    expect(made.features.item_id.outOfVocabulary).toBeGreaterThan(0);
    const [{ rows, same }] = await sql(
      `SELECT count(*) AS rows, count(*) FILTER (s.user_id = t.user_id AND s.item_id = t.item_id AND s.row = t.row) AS same
       FROM '@scores.csv' s POSITIONAL JOIN (SELECT user_id, item_id, file_row_number + 1 AS row FROM read_parquet('@unlabelled.parquet', file_row_number = true)) t`,
    );
    expect(Number(same)).toBe(Number(rows));
    expect(Number(rows)).toBe(trained.rows.test);
  });

  test("writes the same probabilities as Parquet and JSON lines", async () => {
    for (const file of ["scores.parquet", "scores.jsonl"]) {
      const { code } = await millrace(
        ["predict", "run", "world/test.parquet", "-o", file, "--quiet"],
        folder.path,
      );
      expect(code).toBe(0);
    }
    const [{ rows, difference }] = await sql(
      `SELECT count(*) AS rows, max(abs(a.probability - b.probability)) AS difference
       FROM '@scores.parquet' a JOIN read_json('@scores.jsonl') b USING (row)`,
    );
    expect(Number(rows)).toBe(trained.rows.test);
    expect(Number(difference)).toBeLessThan(1e-6);
  });
});

describe("data of several labels, and counts", () => {
  const small = (more: object): void =>
    writeFileSync(
      at("small.json"),
      JSON.stringify({
        data: { train: "log.csv", split: { by: "ratio", train: 0.7, valid: 0.3 } },
        features: [{ name: "user", kind: "categorical" }],
        labels: [{ name: "click" }, { name: "buy" }],
        model: { name: "LR" },
        training: { epochs: 1, batch_size: 64 },
        ...more,
      }),
    );
  const line = (k: number): string => `${k % 5},${3600 * k},${k % 3 === 0 ? 1 : 0},${k % 7 === 0 ? 1 : 0}`;
  const log = ["user,time,click,buy", ...Array.from({ length: 200 }, (_, k) => line(k))];

  test("a model of one label learns and reports the first", async () => {
    writeFileSync(at("log.csv"), log.join("\n"));
    small({});
    const made = await millraceJson<{ valid: { metrics: object } }>(
      ["train", "small.json", "--out", "one-label"],
      folder.path,
    );
    expect(Object.keys(made.valid.metrics)).toEqual(["click"]);
    expect(existsSync(at("one-label", "report.html"))).toBe(true);
    const again = await millrace(["report", "one-label", "-o", "again.html"], folder.path);
    expect([again.code, existsSync(at("again.html"))]).toEqual([0, true]);
  });

  test("thinned negatives of the training split count as often as they stand for others", async () => {
    const labels = [{ name: "click", negative_rate: 0.25 }];
    small({ labels, training: { epochs: 1, batch_size: 64 } });
    await millraceJson(["train", "small.json", "--out", "thinned"], folder.path);
    const of = (split: string): Promise<{ negativeWeight: number | null }> =>
      millraceJson(["evaluate", "thinned", "--split", split], folder.path);
    expect((await of("valid")).negativeWeight).toBeNull();
    expect((await of("train")).negativeWeight).toBe(4);
    const { stdout } = await millrace(["evaluate", "thinned", "--split", "train"], folder.path);
    expect(stdout).toContain("each counts 4 times");
  });

  test("rows of the training file under another path are told of, since counts see them twice", async () => {
    small({
      labels: [{ name: "click" }],
      timestamp: "time",
      derived: [{ name: "seen", kind: "count", by: "user" }],
      features: [{ name: "seen", kind: "numeric" }],
    });
    await millraceJson(["train", "small.json", "--out", "counts"], folder.path);
    writeFileSync(at("copy.csv"), log.join("\n"));
    const later = Array.from({ length: 30 }, (_, k) => line(200 + k));
    writeFileSync(at("later.csv"), [log[0], ...log.slice(-20), ...later].join("\n"));
    const told = async (file: string): Promise<string | undefined> => {
      const { code, stderr } = await millrace(["predict", "counts", file, "-o", "counted.csv"], folder.path);
      expect(code).toBe(0);
      return stderr.match(/(\d+ of \d+) rows have the key and time of a row of the training files/)?.[1];
    };
    expect(await told("log.csv")).toBeUndefined();
    expect(await told("copy.csv")).toBe("200 of 200");
    expect(await told("later.csv")).toBe("20 of 50");
    const { stderr } = await millrace(["evaluate", "counts", "copy.csv"], folder.path);
    expect(stderr).toContain("200 of 200 rows have the key and time");
  });
});

describe("export", () => {
  test("writes one file that gives the run's probabilities", async () => {
    const made = await millraceJson<{
      difference: number;
      inputs: { name: string }[];
      outputs: { name: string }[];
    }>(["export", "run", "-o", "model.onnx"], folder.path);
    expect(made.difference).toBeLessThanOrEqual(1e-5);
    expect(made.outputs.map(({ name }) => name)).toEqual(["probability"]);
    expect(made.inputs.map(({ name }) => name)).toContain("user_id");
  });

  test("puts weights beside the model when asked", async () => {
    const { code, stdout } = await millrace(
      ["export", "run", "-o", "split.onnx", "--external-data"],
      folder.path,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("split.onnx.data");
    expect(statSync(at("split.onnx.data")).size).toBeGreaterThan(statSync(at("split.onnx")).size / 10);
  });
});

describe("export --browser", () => {
  test("writes a bundle that gives the run's probabilities, and says what may learn", async () => {
    const made = await millraceJson<{
      id: string;
      difference: number;
      labels: string[];
      trainable: { path: string; kind: string; shape: number[] }[];
    }>(
      ["export", "run", "-o", "feed.millrace", "--browser", "--trainable", "embedding.tables.user_id"],
      folder.path,
    );
    expect(made.difference).toBeLessThanOrEqual(1e-5);
    expect(made.labels).toEqual(["click"]);
    expect(made.trainable).toMatchObject([{ path: "embedding.tables.user_id", kind: "rows" }]);
    expect(made.id).toMatch(/^[0-9a-f]{16}$/);
    expect(statSync(at("feed.millrace")).size).toBeGreaterThan(10_000);
  });

  test.each([
    [["--browser", "--trainable", "embeding"], 'the model has nothing at "embeding"'],
    [["--trainable", "deep"], "it needs --browser"],
    [["--browser", "--external-data"], "a bundle is one file"],
  ])("refuses %o", async (options, message) => {
    const { code, stderr } = await millrace(["export", "run", "-o", "x.millrace", ...options], folder.path);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("report, recipe, bench", () => {
  test("report compares runs on one page", async () => {
    const { code } = await millrace(
      ["report", "run", "bare", "-o", "both.html", "--title", "Two runs"],
      folder.path,
    );
    expect(code).toBe(0);
    const page = readFileSync(at("both.html"), "utf8");
    expect(page).toContain("<title>Two runs</title>");
    expect(page).toContain("LR");
    expect(page).toContain("Calibration");
  });

  test("recipes and benchmarks are listed", async () => {
    const { recipes } = await millraceJson<{ recipes: { name: string }[] }>(["recipe", "list"], folder.path);
    expect(recipes.map(({ name }) => name)).toContain("quickstart");
    const { benchmarks } = await millraceJson<{ benchmarks: { name: string }[] }>(
      ["bench", "list"],
      folder.path,
    );
    expect(benchmarks.map(({ name }) => name)).toContain("train");
  });

  test("the quickstart runs, concludes and resumes", async () => {
    const { code, stdout } = await millrace(["recipe", "quickstart", "--quick"], folder.path);
    expect(code).toBe(0);
    expect(stdout).toMatch(/DCNv2 +0\.\d{4}/);
    expect(stdout).toMatch(/oracle +0\.\d{4}/);
    expect(existsSync(at("runs", "quickstart-quick", "report.html"))).toBe(true);
    const again = await millrace(["recipe", "quickstart", "--quick", "--resume"], folder.path);
    expect(again.stderr).toContain("DCNv2 seed 1: done before");
  });
});
