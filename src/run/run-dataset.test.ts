import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine } from "../engine/index.ts";
import { type Config, parseConfig } from "./config.ts";
import { datasetOfRun } from "./run-dataset.ts";
import { openRun } from "./run-directory.ts";
import { trainRun } from "./train-run.ts";
import { openTrainedPredictor } from "./trained-predictor.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-run-dataset-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Users whose numbers decide their clicks and likes, named by a letter. */
function write(file: string, letters: string): void {
  const rows = Array.from({ length: 200 }, (_, i) => {
    const user = i % letters.length;
    return `${letters[user]},2026-01-0${1 + Math.floor(i / 100)}T00:00:00Z,${user % 2},${user % 3 === 0 ? 1 : 0}`;
  });
  writeFileSync(join(folder, file), `user,time,click,like\n${rows.join("\n")}\n`);
}

const configOf = (file: string, more: object = {}): Config =>
  parseConfig({
    data: { train: join(folder, file), cacheDir: join(folder, "cache") },
    features: [{ name: "user", kind: "categorical" }],
    labels: [{ name: "click" }],
    timestamp: "time",
    model: { name: "LR" },
    ...more,
    training: { epochs: 2, batchSize: 32, ...("training" in more ? (more.training as object) : {}) },
  });

/** User ids of the training split, in order. */
async function idsOf(directory: string): Promise<{ ids: number[]; cached: boolean }> {
  const dataset = await datasetOfRun(openRun(directory));
  const ids: number[] = [];
  for await (const { columns } of dataset.splits.train.batches({ batchSize: 50 })) ids.push(...columns.user);
  await dataset.close();
  return { ids, cached: dataset.cached };
}

test("what training encoded is found again; of changed files the run's ids are given", async () => {
  write("a.csv", "abcd");
  const directory = join(folder, "run");
  await trainRun(configOf("a.csv"), { directory });
  const before = await idsOf(directory);
  expect(before.cached).toBe(true);
  // A user more, the most frequent one: fitted anew, all ids would move.
  const lines = readFileSync(join(folder, "a.csv"), "utf8").trimEnd().split("\n");
  const newcomer = Array.from({ length: 90 }, () => "z,2026-01-03T00:00:00Z,1,0");
  writeFileSync(join(folder, "a.csv"), `${[...lines, ...newcomer].join("\n")}\n`);
  const { ids } = await idsOf(directory);
  expect(ids.slice(0, 200)).toEqual(before.ids);
  expect(new Set(ids.slice(200))).toEqual(new Set([2]));
});

test("a run that went on from another is measured with the vocabulary that it took over", async () => {
  write("old.csv", "pqrs");
  write("new.csv", "srx");
  const start = join(folder, "start");
  await trainRun(configOf("old.csv"), { directory: start });
  const directory = join(folder, "going");
  await trainRun(configOf("new.csv", { training: { streaming: { start } } }), { directory });
  const { vocabulary } = openRun(directory).map.encoders.user;
  if (vocabulary.type !== "list") throw new Error("a list");
  const { ids } = await idsOf(directory);
  expect(ids.slice(0, 3)).toEqual([..."srx"].map((user) => 3 + vocabulary.values.indexOf(user)));
});

test("what a method of training remembers does not keep a run from being predicted with", async () => {
  write("tasks.csv", "abcdef");
  const directory = join(folder, "tasks");
  const tasks = configOf("tasks.csv", {
    labels: [{ name: "click" }, { name: "like" }],
    model: { name: "SharedBottom", embeddingDim: 2, bottomHiddenUnits: [4], towerHiddenUnits: [2] },
    training: { multiTask: { weighting: "auto-lambda" } },
  });
  await trainRun(tasks, { directory });
  const predictor = await openTrainedPredictor(directory, await createEngine("auto"));
  const predicted = await predictor.predict({ files: [join(folder, "tasks.csv")] });
  expect(predicted.click).toHaveLength(200);
  await predictor.release();
});
