import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { ConfigError, CounterRandom } from "../core/index.ts";
import type { DataConfigInput } from "./config.ts";
import { type PreparedDataset, prepareDataset } from "./dataset.ts";

const folder = testFolder("negatives");
const random = new CounterRandom(5, "negatives test");
const rows = Array.from({ length: 4000 }, (_, k) => `${k},${random.uniform(k) < 0.2 ? 1 : 0},1`);
const path = join(folder, "log.csv");

const config = (label: object, more: object[] = []): DataConfigInput => ({
  data: { train: path, split: { by: "ratio", train: 0.75, valid: 0.25, rotate: 0 } },
  features: [{ name: "row", kind: "numeric", transform: "raw" }],
  labels: [{ name: "click", ...label }, ...more] as DataConfigInput["labels"],
});

const datasets: PreparedDataset[] = [];
async function prepare(input: DataConfigInput): Promise<PreparedDataset> {
  const dataset = await prepareDataset(input, { cacheDir: join(folder, "cache") });
  datasets.push(dataset);
  return dataset;
}

beforeAll(() => {
  writeText(path, `row,click,other\n${rows.join("\n")}\n`);
});
afterAll(async () => {
  for (const dataset of datasets) await dataset.close();
});

const sum = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, value) => total + value, 0);

test("all positives and a share of the negatives train; validation stays as it is", async () => {
  const whole = await prepare(config({}));
  const sampled = await prepare(config({ negativeRate: 0.25 }));
  const [all, some] = [await readAll(whole.splits.train), await readAll(sampled.splits.train)];
  const positives = sum(all.click);
  expect(sum(some.click)).toBe(positives);
  const negatives = some.click.length - positives;
  const expected = (all.click.length - positives) * 0.25;
  // Four standard deviations of a binomial.
  expect(Math.abs(negatives - expected)).toBeLessThan(4 * Math.sqrt(expected * 0.75));
  expect(sampled.counts.valid).toBe(whole.counts.valid);
  expect(sampled.map.labels[0].negativeRate).toBe(0.25);
  expect(sampled.map.features).toEqual(whole.map.features);
});

test("it needs one binary label and no other", async () => {
  await expect(prepare(config({ negativeRate: 0.5 }, [{ name: "other" }]))).rejects.toThrow(
    "config labels: click has negative_rate 0.5, which needs one binary label and no other",
  );
  await expect(prepare(config({ negativeRate: 0.5, kind: "real" }))).rejects.toThrow(ConfigError);
});

test.each([4, 7])("turns of one draw are %i folds: each row is tested once", async (folds) => {
  const tested: number[] = [];
  const share = 1 / folds;
  for (let fold = 0; fold < folds; fold++) {
    const split = {
      by: "ratio",
      train: 1 - 2 * share,
      valid: share,
      test: share,
      rotate: fold * share,
    } as const;
    const dataset = await prepare({ ...config({}), data: { train: path, split } });
    tested.push(...(await readAll(dataset.splits.test!)).row);
  }
  expect(tested).toHaveLength(4000);
  expect(new Set(tested).size).toBe(4000);
});
