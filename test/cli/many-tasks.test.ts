/** A model of two labels and several domains from end to end, through real processes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareDataset } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { expertCovariance } from "../../src/evaluation/index.ts";
import { dataConfigOf, observeRun, openRun, type RunMetrics } from "../../src/run/index.ts";
import { millrace, millraceJson, smallWorld, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("many-tasks");
let trained: RunMetrics & { directory: string };

type Metrics = { readonly [label: string]: { readonly [metric: string]: { readonly value: number | null } } };

beforeAll(async () => {
  await millraceJson(smallWorld, folder.path);
  const model =
    "model={name: Crocodile, embedding_dim: 4, embedding_sets: 2, expert_hidden_units: [8], tower_hidden_units: [4]}";
  const settings = [
    "labels=[{name: click}, {name: like}]",
    model,
    "training.epochs=1",
    "training.batch_size=512",
    "training.domain_balance=true",
  ];
  const set = settings.flatMap((setting) => ["--set", setting]);
  trained = await millraceJson(["train", "world/config.yaml", "--out", "run", ...set], folder.path);
}, 120_000);

afterAll(folder.remove);

test("training measures each label, and each domain", () => {
  expect(Object.keys(trained.test?.metrics ?? {})).toEqual(["click", "like"]);
  const stored: RunMetrics = JSON.parse(readFileSync(join(folder.path, "run", "metrics.json"), "utf8"));
  const domains = Object.values(stored.testDomains ?? {});
  expect(domains.length).toBe(3);
  expect(domains.reduce((sum, { rows }) => sum + rows, 0)).toBe(stored.rows.test);
  expect(readFileSync(join(folder.path, "run", "report.html"), "utf8")).toContain("like by domain");
});

test("evaluate --by domain says the same of the run's files, for every label", async () => {
  const given = ["evaluate", "run", "--by", "domain"];
  const measured = await millraceJson<{
    metrics: Metrics;
    by: { value: string; evaluation: { metrics: Metrics } }[];
  }>(given, folder.path);
  const stored = trained.test?.metrics as Metrics;
  for (const label of ["click", "like"]) {
    expect(measured.metrics[label].auc.value).toBeCloseTo(stored[label].auc.value ?? Number.NaN, 4);
    for (const { value, evaluation } of measured.by) {
      const own = trained.testDomains?.[value].metrics[label].auc.value;
      expect(evaluation.metrics[label].auc.value).toBeCloseTo(own ?? Number.NaN, 4);
    }
  }
  const { stdout } = await millrace(given, folder.path);
  expect(stdout).toContain("click by domain");
  expect(stdout).toContain("like by domain");
});

test("predict writes a column a label; the exported file predicts the same", async () => {
  const predicted = await millrace(["predict", "run", "world/test.parquet", "-o", "scores.csv"], folder.path);
  expect(predicted.code, predicted.stderr).toBe(0);
  const [header, first] = readFileSync(join(folder.path, "scores.csv"), "utf8").split("\n");
  expect(header).toContain("click");
  expect(header).toContain("like");
  expect(
    first
      .split(",")
      .slice(-2)
      .map(Number)
      .every((p) => p > 0 && p < 1),
  ).toBe(true);
  const exported = await millrace(["export", "run", "-o", "model.onnx"], folder.path);
  expect(exported.code, exported.stderr).toBe(0);
});

test("a run shows what its experts and gates say", async () => {
  const run = openRun(join(folder.path, "run"));
  const dataset = await prepareDataset(dataConfigOf(run.config));
  const engine = await createEngine("native");
  const shown = await observeRun(run, engine, dataset.splits.valid ?? dataset.splits.train, { rows: 200 });
  await dataset.close();
  expect(Object.keys(shown)).toEqual(["experts.shared.0", "experts.shared.1", "gates"]);
  expect(shown.gates.shape).toEqual([2, 8]);
  for (let at = 0; at < 200 * 8; at++) {
    const [row, dim] = [Math.floor(at / 8), at % 8];
    expect(shown.gates.data[row * 16 + dim] + shown.gates.data[row * 16 + 8 + dim]).toBeCloseTo(1, 5);
  }
  const experts = [0, 1].map((m) => ({ data: shown[`experts.shared.${m}`].data, width: 8 }));
  expect(experts[0].data.length).toBe(1600);
  expect(expertCovariance(experts).covariance.value).toBeGreaterThan(0);
});
