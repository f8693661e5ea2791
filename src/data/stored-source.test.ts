import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testFolder, writeParquet } from "../../test/data/raw-files.ts";
import { CounterRandom } from "../core/index.ts";
import type { BatchOptions, BatchSource, ColumnData, EncodedBatch, RawRow } from "../schema/index.ts";
import { arraySource } from "./array-source.ts";
import { type PreparedDataset, prepareDataset } from "./dataset.ts";
import { openStoredSplits } from "./stored-source.ts";

const folder = testFolder("stored");
const ROWS = 1000;
const random = new CounterRandom(9, "stored");

let dataset: PreparedDataset;
/** The same parts, read in blocks of 100 rows, at most 350 of them together. */
let blocks: BatchSource;

beforeAll(async () => {
  const rows: RawRow[] = Array.from({ length: ROWS }, (_, k) => {
    const history = Array.from({ length: random.integer(k, 7) }, (_, j) => BigInt(k + j));
    return {
      id: k,
      name: `n${k % 40}`,
      history,
      times: history.map((_, j) => BigInt(1000 + k - j)),
      vector: [k, -k, k / 2],
      now: BigInt(2000 + k),
      label: k % 2,
      truth: k / ROWS,
    };
  });
  const types = {
    id: "INTEGER",
    name: "VARCHAR",
    history: "BIGINT[]",
    times: "BIGINT[]",
    vector: "DOUBLE[]",
    now: "BIGINT",
    label: "INTEGER",
    truth: "DOUBLE",
  };
  const path = await writeParquet(join(folder, "rows.parquet"), types, rows);
  dataset = await prepareDataset(
    {
      data: { train: path, keep: ["truth"] },
      features: [
        { name: "id", kind: "numeric", transform: "raw" },
        { name: "name", kind: "categorical" },
        { name: "history", kind: "sequence", maxLength: 5, timesColumn: "times" },
        { name: "vector", kind: "dense", dim: 3 },
      ],
      labels: [{ name: "label" }],
      group: "name",
      timestamp: "now",
    },
    { cacheDir: folder },
  );
  const { parts, layout } = dataset.encodingReport.splits.train!;
  const split = { directory: dataset.directory, parts, layout, blockRows: 100, windowRows: 350 };
  blocks = openStoredSplits({ split }, 0).split;
});

afterAll(async () => {
  await dataset.close();
  await blocks.close();
});

async function collect(source: BatchSource, options: BatchOptions): Promise<EncodedBatch[]> {
  const batches: EncodedBatch[] = [];
  for await (const batch of source.batches(options)) batches.push(batch);
  return batches;
}

function idsOf(batches: readonly EncodedBatch[]): number[] {
  return batches.flatMap(({ columns }) => [...columns.id]);
}

test("the layout carries labels, roles and kept columns, and batches fill it", async () => {
  const source = dataset.splits.train;
  expect(source.rows).toBe(ROWS);
  const [first, ...others] = await collect(source, { batchSize: 300 });
  expect([first.size, ...others.map(({ size }) => size)]).toEqual([300, 300, 300, 100]);
  for (const { name, dtype, width } of source.layout) {
    const column: ColumnData = first.columns[name];
    expect(column.length, name).toBe(300 * width);
    expect(column.constructor.name.toLowerCase()).toContain(
      dtype === "int32" ? "int32" : dtype.replace("float", "float"),
    );
  }
  expect(source.layout.at(-1)).toEqual({ name: "truth", role: "truth", dtype: "float32", width: 1 });
  expect(first.columns.truth[250]).toBe(0.25);
  expect(first.columns["@timestamp"][7]).toBe(2007);
  expect([...first.columns.vector.subarray(6, 9)]).toEqual([2, -2, 1]);
});

test("lists are padded behind, keep their last entries, and ages belong to them", async () => {
  const [batch] = await collect(dataset.splits.train, { batchSize: ROWS });
  const values = dataset.map.encoders.history.vocabulary;
  for (const k of [0, 17, 500, 999]) {
    const length = batch.columns["history.length"][k];
    const raw = Array.from({ length: random.integer(k, 7) }, (_, j) => k + j);
    const kept = raw.slice(-5);
    expect(length).toBe(kept.length);
    const ids = [...batch.columns.history.subarray(k * 5, k * 5 + 5)];
    const known = values.type === "list" ? kept.map((value) => 3 + values.values.indexOf(String(value))) : [];
    expect(ids).toEqual([...known, ...Array(5 - length).fill(0)]);
    const ages = [...batch.columns["history.age"].subarray(k * 5, k * 5 + length)];
    expect(ages).toEqual(kept.map((value) => 2000 + k - (1000 + k - (value - k))));
  }
});

test("each row comes exactly once, shuffled or not, in memory or in blocks", async () => {
  const all = Array.from({ length: ROWS }, (_, k) => k);
  for (const source of [dataset.splits.train, blocks]) {
    expect(idsOf(await collect(source, { batchSize: 64 }))).toEqual(all);
    const shuffled = idsOf(await collect(source, { batchSize: 64, shuffle: { seed: 1, epoch: 0 } }));
    expect(shuffled).not.toEqual(all);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(all);
  }
});

test("the order is a function of seed and epoch alone", async () => {
  for (const source of [dataset.splits.train, blocks]) {
    const order = async (seed: number, epoch: number, batchSize = 128): Promise<number[]> =>
      idsOf(await collect(source, { batchSize, shuffle: { seed, epoch } }));
    const one = await order(1, 0);
    expect(await order(1, 0)).toEqual(one);
    expect(await order(1, 0, 77)).toEqual(one);
    expect(await order(1, 1)).not.toEqual(one);
    expect(await order(2, 0)).not.toEqual(one);
  }
});

test("skipping batches gives the rest of the same batches, column by column", async () => {
  for (const source of [dataset.splits.train, blocks]) {
    for (const shuffle of [undefined, { seed: 4, epoch: 2 }]) {
      const whole = await collect(source, { batchSize: 96, shuffle });
      for (const skip of [1, 4, 10, 11, 20]) {
        const rest = await collect(source, { batchSize: 96, shuffle, skip });
        expect(rest).toEqual(whole.slice(skip));
      }
    }
  }
});

test("passes may run side by side, and may be left early", async () => {
  const options = { batchSize: 50, shuffle: { seed: 1, epoch: 0 } };
  const expected = idsOf(await collect(blocks, options));
  const first = blocks.batches(options)[Symbol.asyncIterator]();
  const second = blocks.batches(options)[Symbol.asyncIterator]();
  const seen: number[][] = [[], []];
  for (let k = 0; k < 20; k++) {
    for (const [which, iterator] of [first, second].entries()) {
      const { value } = await iterator.next();
      seen[which].push(...(value as EncodedBatch).columns.id);
    }
  }
  expect(seen).toEqual([expected, expected]);
  await first.return?.();
  for await (const batch of blocks.batches(options)) {
    expect(batch.size).toBe(50);
    break;
  }
  expect(idsOf(await collect(blocks, options))).toEqual(expected);
});

test("a missing part is an error of the pass, and batch sizes are checked", async () => {
  const { parts, layout } = dataset.encodingReport.splits.train!;
  const broken = { directory: folder, parts, layout, blockRows: 100, windowRows: 350 };
  const { split } = openStoredSplits({ split: broken }, 0);
  await expect(collect(split, { batchSize: 10 })).rejects.toThrow("part-00000.parquet");
  await split.close();
  expect(() => blocks.batches({ batchSize: 0 })).toThrow("batch_size is 0, expected a whole number from 1");
  expect(() => blocks.batches({ batchSize: 1, skip: -1 })).toThrow("skip is -1");
});

test("arrays give the same batches as the stored split that they came from", async () => {
  const [whole] = await collect(dataset.splits.train, { batchSize: ROWS });
  const source = arraySource(dataset.splits.train.layout, whole.columns);
  for (const options of [
    { batchSize: 128 },
    { batchSize: 128, shuffle: { seed: 3, epoch: 1 }, skip: 2 },
  ] satisfies BatchOptions[]) {
    expect(await collect(source, options)).toEqual(await collect(dataset.splits.train, options));
  }
  expect(() => arraySource(source.layout, { ...whole.columns, label: [1] })).toThrow(
    "column label has 1 values, expected 1000 rows of 1",
  );
});
