import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { openRun } from "./run-directory.ts";
import { readStatus, requestStop, stopRequested } from "./run-status.ts";
import { trainRun } from "./train-run.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-train-run-"));
  const rows = Array.from({ length: 200 }, (_, i) => `u${i % 7},i${i % 5},${i % 3 === 0 ? 1 : 0}`);
  writeFileSync(join(folder, "log.csv"), `user,item,click\n${rows.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = (training: object) =>
  parseConfig({
    data: { train: join(folder, "log.csv"), cacheDir: join(folder, "cache") },
    features: [{ name: "user", kind: "categorical" }],
    labels: [{ name: "click" }],
    model: { name: "LR" },
    training: { epochs: 2, batchSize: 50, ...training },
  });

test("a resume with other options is refused and leaves the finished run as it was", async () => {
  const directory = join(folder, "run");
  await trainRun(config({}), { directory });
  const stored = (): string => readFileSync(join(directory, "config.json"), "utf8");
  const before = stored();
  await expect(trainRun(config({ learningRate: 0.5 }), { directory, resume: true })).rejects.toThrow(
    "made with other data or options",
  );
  expect(stored()).toBe(before);
  expect(openRun(directory).config.training.learningRate).toBe(config({}).training.learningRate);
  const { steps } = await trainRun(config({ epochs: 3 }), { directory, resume: true });
  expect(steps).toBe(12);
  expect(openRun(directory).config.training.epochs).toBe(3);
});

test("a run asked to stop ends with its epoch, finished and measured, and can go on", async () => {
  const directory = join(folder, "stopped");
  const reasons: string[] = [];
  const metrics = await trainRun(config({ epochs: 5, earlyStopPatience: null }), {
    directory,
    onEvent: (event) => {
      if (event.type === "step" && event.epoch === 1) requestStop(directory);
      if (event.type === "stopped") reasons.push(event.reason);
    },
  });
  expect(metrics.history).toHaveLength(2);
  expect(reasons).toEqual(["asked to stop after this epoch"]);
  expect(stopRequested(directory)).toBe(false);
  expect(readStatus(directory)).toMatchObject({
    state: "finished",
    epoch: 1,
    epochs: 5,
    message: "asked to stop after this epoch",
  });
  expect(openRun(directory).predictions.click).toBeDefined();
  const whole = join(folder, "whole");
  const never = await trainRun(config({ epochs: 5, earlyStopPatience: null }), { directory: whole });
  const resumed = await trainRun(config({ epochs: 5, earlyStopPatience: null }), { directory, resume: true });
  expect(resumed.history.map(({ trainLoss }) => trainLoss)).toEqual(
    never.history.map(({ trainLoss }) => trainLoss),
  );
  expect(readFileSync(join(directory, "model.onnx"))).toEqual(readFileSync(join(whole, "model.onnx")));
});

test("a request that an earlier sitting has left stops nothing; a failure is told", async () => {
  const directory = join(folder, "failing");
  const given = config({ epochs: 3 });
  const broken = trainRun(given, {
    directory,
    onEvent: (event) => {
      if (event.type === "epoch") throw new Error("the disk is full");
    },
  });
  await expect(broken).rejects.toThrow("the disk is full");
  expect(readStatus(directory)).toMatchObject({ state: "failed", message: "the disk is full" });
  requestStop(directory);
  expect((await trainRun(given, { directory, resume: true })).history).toHaveLength(3);
  expect(readStatus(directory)?.state).toBe("finished");
});
