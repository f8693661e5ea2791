import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type DataConfigInput, prepareDataset } from "../../src/data/index.ts";
import { createRowEncoder } from "../../src/schema/index.ts";
import { readAll, testFolder } from "./raw-files.ts";

const shared = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
const cacheDir = testFolder("real-data");

function need(ctx: { skip: (reason: string) => void }, folder: string): void {
  if (!existsSync(join(shared, folder))) ctx.skip(`../shared/data/${folder} is absent`);
}

test("Frappe: published splits, ids of the training split, counts that add up", async (ctx) => {
  need(ctx, "frappe");
  const fields = [
    "user",
    "item",
    "daytime",
    "weekday",
    "isweekend",
    "homework",
    "cost",
    "weather",
    "country",
    "city",
  ];
  const dataset = await prepareDataset(
    {
      data: {
        train: join(shared, "frappe/frappe.train.rebuilt.libfm.gz"),
        valid: join(shared, "frappe/frappe.validation.libfm.gz"),
        test: join(shared, "frappe/frappe.test.libfm.gz"),
        format: "libfm",
      },
      features: fields.map((name, k) => ({ name, column: `f${k}`, kind: "categorical" })),
      labels: [{ name: "used", column: "label", threshold: 0 }],
      group: "f0",
    },
    { cacheDir },
  );
  expect(dataset.counts).toEqual({ train: 202_027, valid: 57_722, test: 28_860 });
  const { splits } = dataset.encodingReport;
  // A third of the rows is a use of an app.
  for (const split of Object.values(splits)) expect(split.labelMeans.used).toBeCloseTo(1 / 3, 1);
  expect(splits.train!.features.user).toEqual({ missing: 0, outOfVocabulary: 0, unusable: 0 });
  expect(dataset.map.encoders.user.size).toBeLessThanOrEqual(957 + 3);
  const valid = await readAll(dataset.splits.valid!, 8192);
  expect(valid.user.filter((id) => id === 2)).toHaveLength(splits.valid!.features.user.outOfVocabulary);
  await dataset.close();
});

test("MovieLens-100k by time: later ratings are tested, unseen items are counted", async (ctx) => {
  need(ctx, "ml-100k");
  const config: DataConfigInput = {
    data: {
      train: join(shared, "ml-100k/ml-100k.inter.gz"),
      format: "tsv",
      split: { by: "time", train: 0.8, valid: 0.1, test: 0.1 },
    },
    features: [
      { name: "user_id", kind: "categorical" },
      { name: "item_id", kind: "categorical", minCount: 2 },
    ],
    labels: [
      { name: "liked", column: "rating", threshold: 3 },
      { name: "rating", kind: "real" },
    ],
    group: "user_id",
    timestamp: "timestamp",
  };
  const dataset = await prepareDataset(config, { cacheDir });
  const { train, valid, test: tested } = dataset.counts;
  expect(train! + valid! + tested!).toBe(100_000);
  expect(train!).toBeGreaterThanOrEqual(80_000);
  expect(train!).toBeLessThan(80_200);
  const before = await readAll(dataset.splits.train, 8192);
  const after = await readAll(dataset.splits.test!, 8192);
  const latest = before["@timestamp"].reduce((a, b) => Math.max(a, b));
  const earliest = after["@timestamp"].reduce((a, b) => Math.min(a, b));
  expect(earliest).toBeGreaterThan(latest);
  expect(dataset.encodingReport.splits.test!.features.user_id.outOfVocabulary).toBeGreaterThan(1000);
  // The first line of the file is user 196, item 242, three stars.
  const encoder = createRowEncoder(dataset.map);
  const { columns } = encoder.encode([{ user_id: 196, item_id: "242" }]);
  const first = before["@timestamp"].findIndex(
    (time, k) => time === 881250949 && before.user_id[k] === columns.user_id[0],
  );
  expect(before.item_id[first]).toBe(columns.item_id[0]);
  expect([before.liked[first], before.rating[first]]).toEqual([0, 3]);
  await dataset.close();
});

test("flights: three million rows of Parquet, shuffled in blocks", async (ctx) => {
  need(ctx, "flights-3m");
  const dataset = await prepareDataset(
    {
      // Eight MiB hold a tenth of the rows.
      data: { train: join(shared, "flights-3m/flights-3m.parquet"), shuffleMemory: 8 },
      features: [
        { name: "origin", kind: "categorical" },
        { name: "destination", kind: "categorical" },
        { name: "distance", kind: "numeric", transform: "buckets", buckets: 20 },
      ],
      labels: [{ name: "late", column: "delay", threshold: 15 }],
      timestamp: "date",
    },
    { cacheDir },
  );
  expect(dataset.counts.train).toBe(3_000_000);
  expect(dataset.encodingReport.encoders).toMatchObject({
    origin: { distinct: 229 },
    destination: { distinct: 228 },
  });
  let late = 0;
  let rows = 0;
  let times = 0;
  for await (const { size, columns } of dataset.splits.train.batches({
    batchSize: 65_536,
    shuffle: { seed: 1, epoch: 0 },
  })) {
    rows += size;
    for (let k = 0; k < size; k++) {
      late += columns.late[k];
      times += columns["@timestamp"][k] - 9.8e8;
    }
  }
  expect(rows).toBe(3_000_000);
  expect(late / rows).toBeCloseTo(dataset.encodingReport.splits.train!.labelMeans.late, 9);
  // 2001-01-01 to 2001-06-30.
  expect(times / rows + 9.8e8).toBeGreaterThan(978_307_200);
  expect(times / rows + 9.8e8).toBeLessThan(993_945_600);
  await dataset.close();
});
