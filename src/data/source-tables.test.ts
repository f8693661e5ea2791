import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";
import { testFolder, writeParquet, writeText } from "../../test/data/raw-files.ts";
import { prepareDataset } from "./dataset.ts";
import { openSource } from "./source.ts";
import type { JoinSpec, SourceSpec } from "./source-spec.ts";
import { queryRows } from "./source-sql.ts";
import { validate } from "./validate.ts";

/** Partitioned folders and side tables. */

const folder = testFolder("tables");
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");

afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

async function rowsOf(spec: SourceSpec): Promise<{ rows: Record<string, unknown>[]; notes: string[] }> {
  const source = await openSource(connection, spec);
  const rows = await queryRows(connection, `SELECT * FROM ${source.sql}`);
  await source.close();
  return { rows, notes: source.notes.map(({ kind, count }) => `${kind} ${count}`) };
}

async function writePartition(path: string, ids: readonly number[]): Promise<string> {
  mkdirSync(join(folder, path), { recursive: true });
  const rows = ids.map((id) => ({ id: BigInt(id), label: id % 2 }));
  return writeParquet(join(folder, path, "part.parquet"), { id: "BIGINT", label: "INTEGER" }, rows);
}

test("folders key=value are columns, typed by all their values, files in order", async () => {
  await writePartition("hive/day=2024-05-01/shard=2/place=a%20b", [1, 2]);
  await writePartition("hive/day=2024-05-02/shard=10/place=__HIVE_DEFAULT_PARTITION__", [3]);
  const { rows } = await rowsOf({ files: [join(folder, "hive")], hivePartitioning: true });
  const [first, second] = [new Date("2024-05-01"), new Date("2024-05-02")];
  expect(rows).toEqual([
    { id: 1n, label: 1, day: first, shard: 2n, place: "a b" },
    { id: 2n, label: 0, day: first, shard: 2n, place: "a b" },
    { id: 3n, label: 1, day: second, shard: 10n, place: null },
  ]);
  const plain = await rowsOf({ files: [join(folder, "hive/**/*.parquet")] });
  expect(plain.rows).toEqual([1n, 2n, 3n].map((id) => ({ id, label: Number(id % 2n) })));
});

test("a file that is named twice is read once, and told of", async () => {
  const file = writeText(join(folder, "twice.csv"), "a,b\n1,0\n2,1\n");
  const spelled = `${folder}/./twice.csv`;
  const { rows, notes } = await rowsOf({ files: [file, join(folder, "twi*.csv"), spelled] });
  expect(rows).toHaveLength(2);
  expect(notes).toEqual(["named-twice 3"]);
  const { problems } = await validate({
    data: { train: [file, file] },
    features: [{ name: "a", kind: "categorical" }],
    labels: [{ name: "b" }],
  });
  expect(problems.find(({ kind }) => kind === "named-twice")?.message).toBe(
    `${file} is named 2 times, by itself or by globs, and read once`,
  );
});

test("a folder's value is what stands behind the first =, whatever it is", async () => {
  const values = ["a=b", "NULL", "null", "[1]*", "x%3Dy", ""];
  for (const [k, value] of values.entries()) await writePartition(`odd/at=${k}/k=${value}`, [k]);
  const { rows } = await rowsOf({ files: [join(folder, "odd")], hivePartitioning: true });
  expect(rows.map(({ k }) => k)).toEqual(["a=b", "NULL", "null", "[1]*", "x=y", ""]);
});

test("a dataset of partitioned folders is another when a folder is renamed", async () => {
  await writePartition("renamed/shop=7", [1, 2]);
  const prepare = (): ReturnType<typeof prepareDataset> =>
    prepareDataset(
      {
        data: { train: join(folder, "renamed"), hivePartitioning: true },
        features: [{ name: "shop", kind: "categorical" }],
        labels: [{ name: "label" }],
      },
      { cacheDir: join(folder, "cache") },
    );
  const before = await prepare();
  renameSync(join(folder, "renamed/shop=7"), join(folder, "renamed/shop=8"));
  const after = await prepare();
  expect([before, after].map(({ map }) => map.encoders.shop.vocabulary)).toMatchObject([
    { values: ["7"] },
    { values: ["8"] },
  ]);
  for (const each of [before, after]) await each.close();
});

test("names that partitioned files cannot have", async () => {
  const write = async (name: string, column: string): Promise<string> => {
    mkdirSync(join(folder, name, "day=1"), { recursive: true });
    await writeParquet(join(folder, name, "day=1", "part.parquet"), { [column]: "BIGINT" }, [
      { [column]: 1n },
    ]);
    return join(folder, name);
  };
  const opening = async (name: string, column: string): Promise<unknown> =>
    openSource(connection, { files: [await write(name, column)], hivePartitioning: true });
  await expect(opening("taken", "file_index")).rejects.toThrow("cannot be called file_index");
  await expect(opening("cased", "Day")).rejects.toThrow("have the same name: Day and day");
});

test("partitioned folders train like any files, and mistakes name the folder", async () => {
  const train = join(folder, "hive");
  const dataset = await prepareDataset(
    {
      data: { train, hivePartitioning: true, split: { by: "time", testFrom: "2024-05-02" } },
      features: [{ name: "shard", kind: "categorical" }],
      labels: [{ name: "label" }],
      timestamp: "day",
    },
    { cacheDir: join(folder, "cache") },
  );
  expect(dataset.counts).toEqual({ train: 2, test: 1 });
  await dataset.close();
  await writePartition("uneven/day=1", [1]);
  await writePartition("uneven/other", [1]);
  await expect(
    openSource(connection, { files: [join(folder, "uneven")], hivePartitioning: true }),
  ).rejects.toThrow(
    `${join(folder, "uneven/other/part.parquet")} lies in no folder day=…, as other files do`,
  );
  const csv = writeText(join(folder, "plain.csv"), "a\n1\n");
  await expect(openSource(connection, { files: [csv], hivePartitioning: true })).rejects.toThrow(
    "hive_partitioning is for Parquet",
  );
  const { problems } = await validate({
    data: { train: join(train, "day=2024-05-01/**/*.parquet") },
    features: [{ name: "day", kind: "categorical" }],
    labels: [{ name: "label" }],
  });
  expect(problems.find(({ kind }) => kind === "missing-column")?.hint).toBe(
    "set data.hive_partitioning: the column stands in the folders' names",
  );
});

const log = writeText(
  join(folder, "log.csv"),
  "user,item,label\n1,a,0\n2,b,1\n3.0,e\u0301,0\n,a,1\n9,zz,0\n1,b,1\n",
);
const users = writeText(join(folder, "users.csv"), "id,age,city\n3,30,x\n1,10,007\n2,,y\n");

function join1(source: SourceSpec, on: JoinSpec["on"], prefix = ""): JoinSpec {
  return { source, on, prefix };
}

test("side tables come beside the rows, in the rows' order; keys that are not there are counted", async () => {
  const items = await writeParquet(
    join(folder, "items.parquet"),
    { item: "VARCHAR", price: "DOUBLE", tags: "VARCHAR[]" },
    [
      { item: "\u00e9", price: 3, tags: ["p", "q"] },
      { item: "a", price: 1, tags: [] },
      { item: "b", price: null, tags: null },
      { item: "unused", price: 9, tags: null },
    ],
  );
  const { rows, notes } = await rowsOf({
    files: [log],
    joins: [join1({ files: [users] }, { user: "id" }, "user_"), join1({ files: [items] }, { item: "item" })],
  });
  expect(rows.map(({ user_age, user_city, price, tags }) => [user_age, user_city, price, tags])).toEqual([
    [10n, "007", 1, []],
    [null, "y", null, null],
    [30n, "x", 3, ["p", "q"]],
    [null, null, 1, []],
    [null, null, null, null],
    [10n, "007", null, null],
  ]);
  expect(notes).toEqual(["join-missing 2", "join-missing 1"]);
});

test.each([true, false])(
  "keys that are times are instants, however they are written (untyped: %s)",
  async (untyped) => {
    const times = [
      "2024-01-01T00:00:00Z",
      "2024-01-02 00:00:00",
      "2024-01-01T02:00:00+02:00",
      "2024-01-03T00:00:00Z",
    ];
    const days = writeText(join(folder, "days.csv"), "day,holiday\n2024-01-01,1\n2024-01-02,2\n");
    const found = async (name: string, texts: readonly string[]): Promise<unknown[]> => {
      const file = writeText(
        join(folder, name),
        ["at,label", ...texts.map((text) => `${text},1`)].join("\n"),
      );
      const joins = [join1({ files: [days] }, { at: "day" })];
      const source = await openSource(connection, { files: [file], joins }, { untyped });
      const rows = await queryRows(connection, `SELECT holiday FROM ${source.sql}`);
      await source.close();
      return rows.map(({ holiday }) => holiday);
    };
    expect(await found("times.csv", times)).toEqual([1n, 2n, 1n, null]);
    // One text among them makes a column of texts.
    expect(await found("some-times.csv", [...times, "never"])).toEqual([1n, 2n, 1n, null, null]);
  },
);

test("keys of several columns, and many rows in their order", async () => {
  await connection.run(
    `COPY (SELECT i AS row, i * 7919 % 1000 AS a, i % 3 AS b, i % 2 AS label FROM range(200000) t(i)) TO '${join(folder, "many.csv")}' (HEADER)`,
  );
  await connection.run(
    `COPY (SELECT a, b, a * 10 + b AS sum FROM range(1000) s(a), range(3) t(b) ORDER BY hash(a + b)) TO '${join(folder, "pairs.parquet")}'`,
  );
  const side = { files: [join(folder, "pairs.parquet")] };
  const source = await openSource(
    connection,
    { files: [join(folder, "many.csv")], joins: [join1(side, { a: "a", b: "b" })] },
    { untyped: true },
  );
  const [check] = await queryRows(
    connection,
    `SELECT count(*) AS rows, count(*) FILTER (CAST(row AS BIGINT) = r AND sum = CAST(a AS BIGINT) * 10 + CAST(b AS BIGINT)) AS good
     FROM (SELECT row_number() OVER () - 1 AS r, * FROM ${source.sql})`,
  );
  expect(check).toEqual({ rows: 200_000n, good: 200_000n });
  await source.close();
});

test("a key twice, names that both sides have, and keys that are not there are errors", async () => {
  const twice = writeText(join(folder, "twice.csv"), "id,age\n1,10\n2,20\n1.0,30\n");
  await expect(
    openSource(connection, { files: [log], joins: [join1({ files: [twice] }, { user: "id" })] }),
  ).rejects.toThrow(`${twice}: row 4, column id: the key "1.0" stands in row 2 already`);
  const taken = writeText(join(folder, "taken.csv"), "id,Label\n1,10\n");
  await expect(
    openSource(connection, { files: [log], joins: [join1({ files: [taken] }, { user: "id" })] }),
  ).rejects.toThrow(`${taken} brings a column Label, which ${log} has too`);
  await expect(
    openSource(connection, { files: [log], joins: [join1({ files: [users] }, { usr: "id" })] }),
  ).rejects.toThrow(`${log} has no column usr, which data.joins needs`);
});

test("joined columns train and validate like the log's own; every split is joined", async () => {
  const config = {
    data: {
      train: log,
      valid: log,
      joins: [{ source: users, on: { user: "id" }, prefix: "user_" }],
    },
    features: [
      { name: "user_age", kind: "numeric" as const, transform: "raw" as const },
      { name: "user_city", kind: "categorical" as const },
    ],
    labels: [{ name: "label" }],
  };
  const dataset = await prepareDataset(config, { cacheDir: join(folder, "cache") });
  expect(dataset.encodingReport.splits.valid?.features.user_city.missing).toBe(2);
  expect(dataset.map.encoders.user_city.vocabulary).toMatchObject({ values: ["007", "x", "y"] });
  expect(dataset.encodingReport.notes.map(({ kind }) => kind)).toEqual(["join-missing", "join-missing"]);
  await dataset.close();
  const { ok, problems } = await validate(config);
  expect(ok).toBe(true);
  expect(problems.find(({ kind }) => kind === "join-missing")).toMatchObject({
    split: "train",
    column: "user",
    count: 2,
    severity: "info",
  });
});
