import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { openRun } from "./run-directory.ts";
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
