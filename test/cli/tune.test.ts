/** `millrace tune` from end to end on one small world. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../src/run/index.ts";
import { millrace, millraceJson, smallTraining, smallWorld, start, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("tune");
const small = ["--model", "LR", "--set", "training.batch_size=256", "training.epochs=2"];

beforeAll(async () => {
  await millraceJson(smallWorld, folder.path);
}, 60_000);
afterAll(folder.remove);

const tune = <T>(...args: string[]): Promise<T> =>
  millraceJson<T>(["tune", "world/config.yaml", ...args], folder.path);

test("--find-lr suggests a rate", async () => {
  const found = await tune<{ trials: unknown[]; suggestion: number; ended: string | null }>(
    "--find-lr",
    "--steps",
    "40",
    ...smallTraining,
  );
  expect(found.trials.length).toBeGreaterThan(10);
  expect(found.suggestion).toBeGreaterThan(1e-6);
  expect(found.suggestion).toBeLessThan(1);
});

test("--find-lr starts from the vectors that training starts from", async () => {
  const args = ["tune", "world/config.yaml", "--find-lr", "--set", "tables.user_id.pretrained=nowhere.csv"];
  const { code, stderr } = await millrace(args, folder.path);
  expect(code).toBe(3);
  expect(stderr).toContain("nowhere.csv");
});

test("--grid ranks combinations on validation, writes the best, and goes on where it was", async () => {
  const grid = [
    "--grid",
    "training.learning_rate=0.001,0.03",
    "--grid",
    "training.seed=1,2",
    ...["--trials", "3", "--out", "grid", "--write", "best.yaml"],
    ...small,
  ];
  interface Search {
    best: string[];
    trials: { settings: string[]; directory: string; value: number; seconds: number }[];
  }
  const first = await tune<Search>(...grid);
  expect(first.trials).toHaveLength(3);
  const values = first.trials.map(({ value }) => value);
  expect(values).toEqual(values.toSorted((a, b) => b - a));
  expect(first.trials[0].settings).toEqual(first.best);
  for (const { directory } of first.trials)
    expect(existsSync(join(folder.path, directory, "metrics.json"))).toBe(true);
  const best = readConfig(join(folder.path, "best.yaml"));
  expect(`training.learning_rate=${best.training.learningRate}`).toBe(first.best[0]);
  expect(await tune<Search>(...grid)).toEqual(first);
});

test.each(["training.metrics=[log_loss]", "training.monitor=rmse"])(
  "trials are ranked by the monitored metric, measured or not: %s",
  async (setting) => {
    const grid = ["--grid", "training.seed=1,2", "--out", "measured", ...small, setting];
    const { trials } = await tune<{ trials: { value: number | null }[] }>(...grid);
    expect(trials.map(({ value }) => value)).toEqual([expect.any(Number), expect.any(Number)]);
  },
);

test("a search that was stopped says how it goes on", async () => {
  const grid = [
    "--grid",
    "training.learning_rate=0.001,0.03",
    "--out",
    "stopped",
    "--set",
    "training.epochs=500",
  ];
  const search = start(["tune", "world/config.yaml", ...grid, "--model", "LR"], folder.path);
  await search.said("epoch 1");
  search.process.kill("SIGINT");
  const { code, stderr } = await search.ended;
  expect(code).toBe(130);
  expect(stderr).toContain("run the same command again to go on");
});

test("more folds than rows: the error names the fold and asks for fewer", async () => {
  const rows = ["user,label", "a,1", "b,0", "c,1", "d,0", "e,1"];
  writeFileSync(join(folder.path, "few.csv"), rows.join("\n"));
  const config = {
    data: { train: "few.csv" },
    features: [{ name: "user", kind: "categorical" }],
    labels: [{ name: "label" }],
    model: { name: "LR" },
  };
  writeFileSync(join(folder.path, "few.json"), JSON.stringify(config));
  const { code, stderr } = await millrace(["tune", "few.json", "--folds", "50"], folder.path);
  expect(code).toBe(3);
  expect(stderr).toMatch(/fold \d+ of 50: the \w+ split has no rows/);
  expect(stderr).toContain("take fewer folds");
});

test("a grid over models drops options that another model does not have", async () => {
  const names = ["--grid", "model.name=LR,FM", "--out", "models", "--set", "training.epochs=1"];
  const { trials } = await tune<{ trials: { settings: string[]; parameters: object }[] }>(...names);
  expect(trials.map(({ settings }) => settings[0]).toSorted()).toEqual(["model.name=FM", "model.name=LR"]);
});

test("a trial that diverges is the last, and the others count", async () => {
  const rates = "training.learning_rate=1e60,0.01";
  const sgd = [
    "training.optimizer=sgd",
    "training.embedding_optimizer=sgd",
    "training.max_gradient_norm=null",
  ];
  const grid = ["--grid", rates, "--out", "diverging", ...small, ...sgd];
  const { best, trials } = await tune<{
    best: string[];
    trials: { value: number | null; failure?: string }[];
  }>(...grid);
  expect(best).toEqual(["training.learning_rate=0.01"]);
  expect(trials.map(({ value }) => value)).toEqual([expect.any(Number), null]);
  expect(trials[1].failure).toMatch(/^the (loss|norm of the gradients) became \S+ at step \d+$/);
});

test("each trial has a folder of its own, however long its settings are", async () => {
  const small0 = `0.${"0".repeat(100)}1`;
  const names = ["embedding_regularizer", "net_regularizer"].map((key) => `training.${key}=${small0}`);
  const axes = ["data.valid=./valid.parquet,.//valid.parquet", ...names];
  const { trials } = await tune<{ trials: { directory: string }[] }>(
    ...axes.flatMap((axis) => ["--grid", axis]),
    ...["--out", "long", ...small],
  );
  expect(readdirSync(join(folder.path, "long"))).toHaveLength(2);
  expect(new Set(trials.map(({ directory }) => directory)).size).toBe(2);
});

test("where no trial has the metric none is the best, and nothing is written", async () => {
  const one = "user,x,label\n" + Array.from({ length: 60 }, (_, k) => `u${k % 5},${k},1\n`).join("");
  writeFileSync(join(folder.path, "one.csv"), one);
  const data = "{ train: one.csv, split: { by: ratio, train: 0.6, valid: 0.2, test: 0.2 } }";
  const features = "[{ name: user, kind: categorical }]";
  writeFileSync(
    join(folder.path, "one.yaml"),
    `data: ${data}\nfeatures: ${features}\nlabels: [{ name: label }]\nmodel: { name: LR }\ntraining: { epochs: 1 }\n`,
  );
  const grid = ["--grid", "training.learning_rate=0.01,0.1", "--out", "one", "--write", "none.yaml"];
  const { code, stdout } = await millrace(["tune", "one.yaml", ...grid], folder.path);
  expect(code).toBe(1);
  expect(stdout).toContain("No trial has a value of auc on validation, so that none is the best.");
  expect(existsSync(join(folder.path, "none.yaml"))).toBe(false);
});

describe("--folds", () => {
  beforeAll(async () => {
    const inspected = ["inspect", "world/train.parquet", "--label", "click", "-o", "log.yaml"];
    expect((await millrace(inspected, folder.path)).code).toBe(0);
  }, 60_000);

  test("at random makes parts of all rows", async () => {
    const options = ["log.yaml", "--folds", "3", "--by", "ratio", "--out", "random", ...small];
    const { by, rows, metrics } = await millraceJson<{
      by: string;
      rows: { train: number; valid: number; test: number }[];
      metrics: { click: { auc: { values: number[]; mean: number } } };
    }>(["tune", ...options], folder.path);
    expect(by).toBe("ratio");
    const totals = rows.map(({ train, valid, test }) => train + valid + test);
    expect(new Set(totals).size).toBe(1);
    // Each fold rounds its cuts to a row.
    const tested = rows.reduce((sum, each) => sum + each.test, 0);
    expect(Math.abs(tested - totals[0])).toBeLessThanOrEqual(rows.length);
    for (const { test } of rows) expect(Math.abs(test - totals[0] / 3)).toBeLessThanOrEqual(1);
    const { values, mean } = metrics.click.auc;
    expect(values).toHaveLength(3);
    // Folds of different rows measure differently.
    expect(new Set(values).size).toBe(3);
    expect(mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / 3, 12);
  });

  test("in time order trains on windows that grow", async () => {
    const found = await millraceJson<{
      rows: { train: number; valid: number; test: number }[];
      metrics: { click: { auc: { values: number[]; mean: number; std: number } } };
    }>(
      [
        "tune",
        "log.yaml",
        "--folds",
        "2",
        "--by",
        "time",
        "--out",
        "folds",
        ...small,
        "timestamp=time",
        "timestamp_unit=s",
      ],
      folder.path,
    );
    expect(found.rows).toHaveLength(2);
    expect(found.rows[1].train).toBeGreaterThan(found.rows[0].train * 1.5);
    const { values, mean, std } = found.metrics.click.auc;
    expect(mean).toBeCloseTo((values[0] + values[1]) / 2, 12);
    expect(std).toBeCloseTo(Math.abs(values[0] - values[1]) / Math.SQRT2, 12);
  });

  test("needs data that are not split into files", async () => {
    const { code, stderr } = await millrace(["tune", "world/config.yaml", "--folds", "3"], folder.path);
    expect(code).toBe(2);
    expect(stderr).toContain("cross-validation makes its own splits");
  });
});

test.each([
  [[], "tune takes one of --find-lr, --grid and --folds"],
  [["--find-lr", "--folds", "3"], "tune takes one of --find-lr, --grid and --folds"],
  [["--grid", "training.learning_rat=1,2"], "learning_rate"],
  [["--grid", "training.learning_rate"], "a grid's axis is key=value,value,…"],
  [["--grid", "training.monitor=auc,log_loss"], "ranked by one metric, and these monitor auc and log_loss"],
])("%j is refused before anything is trained", async (args, message) => {
  const { code, stderr } = await millrace(["tune", "world/config.yaml", ...args], folder.path);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test("no trials at all are refused", async () => {
  const args = ["tune", "world/config.yaml", "--grid", "training.seed=1,2", "--trials", "0"];
  const { code, stderr } = await millrace(args, folder.path);
  expect(code).toBe(2);
  expect(stderr).toContain("--trials: expected at least 1, got 0");
});
