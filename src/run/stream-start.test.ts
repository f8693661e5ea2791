import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll } from "../../test/data/raw-files.ts";
import { prepareDataset } from "../data/index.ts";
import { dataConfigOf, parseConfig, readConfig } from "./config.ts";
import { datasetOfRun } from "./run-dataset.ts";
import { openRun } from "./run-directory.ts";
import { encodingOf, historyOf } from "./stream-start.ts";
import { trainRun } from "./train-run.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-stream-"));
  // Two files of two days each; users of the second day of the second file are new.
  for (const [file, days] of Object.entries({ first: [1, 2], second: [3, 4] })) {
    const rows = days.flatMap((day) =>
      Array.from({ length: 120 }, (_, i) => {
        const user = day === 4 ? 100 + (i % 5) : i % 7;
        const time = `2026-01-0${day}T${String(Math.floor(i / 10) + 8).padStart(2, "0")}:00:00Z`;
        return `u${user},${time},${user % 2}`;
      }),
    );
    writeFileSync(join(folder, `${file}.csv`), `user,time,click\n${rows.join("\n")}\n`);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const content = (file: string, training: object) => ({
  data: { train: join(folder, file), cacheDir: join(folder, "cache") },
  features: [{ name: "user", kind: "categorical" as const }],
  labels: [{ name: "click" }],
  timestamp: "time",
  model: { name: "LR" },
  training: { epochs: 30, batchSize: 40, learningRate: 0.05, metrics: ["log_loss"], ...training },
});

test("a stream goes on from a run, window by window, and takes up new values", async () => {
  const start = join(folder, "start");
  await trainRun(parseConfig(content("first.csv", {})), { directory: start });
  const lossesOf = async (name: string, streaming: object): Promise<number[]> => {
    const config = parseConfig(content("second.csv", { streaming }));
    const { history } = await trainRun(config, { directory: join(folder, name) });
    expect(history.map(({ phase }) => phase)).toEqual(["2026-01-03", "2026-01-04"]);
    return history.map(({ valid }) => valid?.click.log_loss as number);
  };
  const fresh = await lossesOf("fresh", {});
  const going = await lossesOf("going", { start });
  expect(fresh[0]).toBeCloseTo(Math.LN2, 3);
  expect(going[0]).toBeLessThan(0.3);
  const known = openRun(start).map.encoders.user.size;
  expect(openRun(join(folder, "going")).map.encoders.user.size).toBe(known + 5);
  await lossesOf("fixed", { start, grow: false });
  expect(openRun(join(folder, "fixed")).map.encoders.user.size).toBe(known);
});

test("counts over the past go on from the rows of the runs before", async () => {
  const counting = (file: string, training: object) =>
    parseConfig({
      ...content(file, { epochs: 1, ...training }),
      derived: [{ name: "seen", kind: "count", by: "user" }],
      features: [{ name: "seen", kind: "numeric", transform: "raw" }],
    });
  const start = join(folder, "counts");
  await trainRun(counting("first.csv", {}), { directory: start });
  const config = counting("second.csv", { streaming: { start } });
  const next = join(folder, "counts-next");
  await trainRun(config, { directory: next });
  const dataset = await prepareDataset(dataConfigOf(config), encodingOf(config));
  // User 0 is there 36 times in the two days before (every seventh of 120 rows each).
  expect((await readAll(dataset.splits.train)).seen[0]).toBe(36);
  const again = await datasetOfRun(openRun(next));
  expect((await readAll(again.splits.train)).seen[0]).toBe(36);
  for (const each of [dataset, again]) await each.close();
  expect(historyOf(openRun(next).config).map(({ files }) => files)).toEqual([
    [join(folder, "first.csv")],
    [join(folder, "second.csv")],
  ]);
});

test("rows without times are refused before anything is written", async () => {
  const start = join(folder, "timeless");
  const { timestamp: _, ...timeless } = content("first.csv", { epochs: 1 });
  await trainRun(parseConfig(timeless), { directory: start });
  for (const [config, message] of [
    [content("second.csv", { streaming: { start } }), "was trained without a timestamp"],
    [{ ...timeless, training: { streaming: {} } }, "the configuration names no timestamp"],
    [content("second.csv", { streaming: { start: folder } }), "holds no run with a checkpoint"],
  ] as const) {
    const directory = join(folder, "unwritten");
    await expect(trainRun(parseConfig(config), { directory })).rejects.toThrow(message);
    expect(existsSync(directory)).toBe(false);
  }
});

test("a start that is no run is said; a relative one is taken from the configuration's folder", async () => {
  mkdirSync(join(folder, "empty"));
  const config = parseConfig(content("second.csv", { streaming: { start: join(folder, "empty") } }));
  await expect(trainRun(config, { directory: join(folder, "never") })).rejects.toThrow(
    "holds no run with a checkpoint",
  );
  writeFileSync(
    join(folder, "stream.json"),
    JSON.stringify({
      data: { train: "second.csv" },
      features: [{ name: "user", kind: "categorical" }],
      labels: [{ name: "click" }],
      timestamp: "time",
      training: { streaming: { start: "start" } },
    }),
  );
  expect(readConfig(join(folder, "stream.json")).training.streaming?.start).toBe(join(folder, "start"));
});
