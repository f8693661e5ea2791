/** A folder of runs as people have them: finished, training, interrupted, failed, broken, and as many as wanted. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CounterRandom } from "../../src/core/index.ts";
import { readJson, writeJsonAtomic } from "../../src/core/node/index.ts";
import { prepareDataset } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { writeRunReport } from "../../src/report/index.ts";
import {
  compareRows,
  dataConfigOf,
  EventLog,
  openRun,
  type ResultRow,
  type RunStatus,
  recipeResult,
  resultRow,
  writeResult,
} from "../../src/run/index.ts";
import { makeShop, type Shop, trainShop } from "../serving/shop.ts";

export interface RunsFolder {
  readonly shop: Shop;
  /** What the studio is opened on; data lies in it too. */
  readonly path: string;
  at(...parts: string[]): string;
  remove(): void;
}

export async function makeRuns(): Promise<RunsFolder> {
  const shop = makeShop();
  await trainShop(shop, "shop/early", "early");
  await trainShop(shop, "shop/final", "final");
  await writeReport(shop.path("shop/final"));
  const at = (...parts: string[]): string => shop.path(...parts);
  copyRun(at("shop/early"), at("troubles/table-gone"));
  rmSync(at("troubles/table-gone/tables"), { recursive: true });
  copyRun(at("shop/early"), at("troubles/torn"));
  writeFileSync(at("troubles/torn/metrics.json"), '{"version": 1, "mod');
  copyRun(at("shop/early"), at("troubles/half"));
  for (const name of ["bundle.json", "metrics.json", "status.json"]) rmSync(at("troubles/half", name));
  copyRun(at("shop/early"), at("troubles/full-disk"));
  rmSync(at("troubles/full-disk/bundle.json"));
  writeStatus(at("troubles/full-disk"), { state: "failed", message: "no space left on device" });
  liveRun(at("shop/early"), at("live"));
  writeFileSync(
    at("clicks.csv"),
    `user,item,price,click\n${Array.from({ length: 300 }, (_, k) => `u${k % 17},i${k % 23},${k % 7 === 0 ? "" : (k % 50) / 4},${Number(k % 3 === 0)}`).join("\n")}\n`,
  );
  writeFileSync(
    at("clicks.yaml"),
    "data:\n  train: clicks.csv\n  split: { by: ratio, train: 0.8, valid: 0.2 }\nfeatures:\n  - { name: user, kind: categorical }\n  - { name: price, kind: numeric }\nlabels: [{ name: click }]\nmodel: { name: LR }\n",
  );
  writeResults(at("results"));
  return { shop, path: shop.folder, at, remove: () => rmSync(shop.folder, { recursive: true, force: true }) };
}

/** One claim that was measured, and a file that is no result. */
function writeResults(folder: string): void {
  const row = (variant: string, role: ResultRow["role"], values: readonly number[]): ResultRow =>
    resultRow({
      data: "kuairand-pure",
      setting: { conflict: "strong" },
      variant,
      role,
      task: "like",
      domain: null,
      metric: "auc",
      values,
      parameters: 1_200_000,
      trainSeconds: 61,
      trials: 8,
    });
  const method = row("stem-net", "method", [0.812, 0.815, 0.813]);
  const rows = [
    method,
    row("mmoe", "baseline", [0.803, 0.805, 0.804]),
    row("ple", "baseline", [0.81, 0.816, 0.812]),
    row("shared-bottom", "baseline", [0.814, 0.818, 0.816]),
  ];
  const result = recipeResult({
    system: "S07",
    recipe: "stem",
    claim: "positive transfer also on samples where tasks compare, ahead of MMoE and PLE",
    date: "2026-01-02T03:04:05Z",
    machine: "2 cores",
    codeCommit: "0123456789abcdef",
    configHash: "fedcba",
    cpuMinutes: 34,
    rows,
    comparisons: rows.slice(1).map((baseline) => compareRows(method, baseline)),
    note: "Made up for a test.",
  });
  writeResult(folder, result, { quick: false });
  writeFileSync(join(folder, "torn.json"), "{");
}

async function writeReport(directory: string): Promise<void> {
  const engine = await createEngine("native");
  const dataset = await prepareDataset(dataConfigOf(openRun(directory).config));
  await writeRunReport([directory], join(directory, "report.html"), {
    engine,
    dataPath: join(directory, "report.json"),
    splitsOf: async () => dataset.splits,
  });
  await dataset.close();
}

function copyRun(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}

export function writeStatus(directory: string, change: Partial<RunStatus>): void {
  const now = new Date().toISOString();
  const status: RunStatus = {
    version: 1,
    state: "training",
    pid: process.pid,
    startedAt: now,
    updatedAt: now,
    epoch: 2,
    epochs: 10,
    rows: 600,
    epochRows: 1200,
    step: 12,
    samplesPerSecond: 800,
    ...change,
  };
  writeJsonAtomic(join(directory, "status.json"), status);
}

/** A run that trains: this process stands for the one that does. */
export function liveRun(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  writeJsonAtomic(join(to, "config.json"), readJson(join(from, "config.json")));
  writeStatus(to, {});
  appendPoints(to, 1, 12);
}

/** Logged points of steps `first` to `last`, a loss that falls with some noise. */
export function appendPoints(directory: string, first: number, last: number): void {
  const random = new CounterRandom(5, "points");
  const log = new EventLog(directory);
  for (let step = first; step <= last; step++) {
    log.scalars(step, {
      "train/loss": 0.45 + 0.25 * Math.exp(-step / 2500) + 0.04 * (random.uniform(step) - 0.5),
      "train/samples_per_second": 80_000 + 4000 * random.uniform(step + 1e6),
      "train/learning_rate": step < 6000 ? 1e-3 : 1e-4,
    });
  }
  log.close();
}

/** `count` finished runs that differ in seed and learning rate, made of one. */
export function manyRuns(from: string, folder: string, count: number): void {
  const config = readJson(join(from, "config.json")) as { training: object };
  const metrics = readJson(join(from, "metrics.json")) as {
    valid: { metrics: { click: { auc: { value: number } } } };
  };
  const random = new CounterRandom(9, "many");
  // A thousand files need not reach the disk one by one.
  const write = (path: string, value: object): void => writeFileSync(path, JSON.stringify(value));
  for (let k = 0; k < count; k++) {
    const to = join(folder, `grid-${String(k).padStart(3, "0")}`);
    copyRun(from, to);
    const training = { ...config.training, seed: k, learning_rate: [0.1, 0.01, 0.001][k % 3] };
    write(join(to, "config.json"), { ...config, training });
    const shifted = structuredClone(metrics);
    shifted.valid.metrics.click.auc.value = 0.6 + 0.2 * random.uniform(k);
    write(join(to, "metrics.json"), shifted);
  }
}
