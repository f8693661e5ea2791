import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, expect, test } from "vitest";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { DataError } from "../core/index.ts";
import { mergeRanges, missingRanges } from "./byte-ranges.ts";
import { prepareDataset } from "./dataset.ts";
import { openSource } from "./source.ts";
import { queryRow } from "./source-sql.ts";

const folder = testFolder("remote");
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const servers: Server[] = [];

afterAll(() => {
  for (const server of servers) server.close();
  connection.closeSync();
  instance.closeSync();
});

interface Served {
  readonly url: string;
  /** Bytes of bodies given out. */
  bytes: number;
  requests: number;
  /** Statuses that the next requests get instead of an answer. */
  failures: number[];
  /** Version of the files, shown as their tag. */
  version: number;
}

/** A file server on this machine, with ranges or without. */
async function serve({ ranges }: { ranges: boolean }): Promise<Served> {
  const served: Served = { url: "", bytes: 0, requests: 0, failures: [], version: 1 };
  const server = createServer((request, response) => {
    served.requests++;
    const failure = served.failures.shift();
    if (failure !== undefined) {
      response.writeHead(failure).end();
      return;
    }
    const name = basename(decodeURIComponent(new URL(request.url ?? "", "http://host").pathname));
    let content: Buffer;
    try {
      content = readFileSync(join(folder, name));
    } catch {
      response.writeHead(404).end();
      return;
    }
    const etag = `"${served.version}"`;
    const range = ranges ? /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") : null;
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304).end();
      return;
    }
    if (range === null) {
      served.bytes += content.length;
      response.writeHead(200, { etag, "content-length": content.length }).end(content);
      return;
    }
    if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== etag) {
      response.writeHead(412).end();
      return;
    }
    const [, first, last] = range;
    const start = first === "" ? Math.max(content.length - Number(last), 0) : Number(first);
    const end = first === "" ? content.length : Math.min(Number(last) + 1, content.length);
    served.bytes += end - start;
    response
      .writeHead(206, { etag, "content-range": `bytes ${start}-${end - 1}/${content.length}` })
      .end(content.subarray(start, end));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(served, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** Rows with a column that takes most of the file, in several row groups. */
async function writeWide(name: string): Promise<number> {
  const path = join(folder, name);
  await connection.run(
    `COPY (SELECT i AS id, i % 10 AS label, 'c' || (i % 7) AS city, [i, i + 1] AS history, md5(CAST(i AS VARCHAR)) || md5(CAST(-i AS VARCHAR)) AS wide
      FROM range(60000) t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 20000, COMPRESSION uncompressed)`,
  );
  return readFileSync(path).length;
}

test("of a Parquet file only the wanted columns are fetched, each once", async () => {
  const size = await writeWide("wide.parquet");
  const served = await serve({ ranges: true });
  const url = `${served.url}/wide.parquet`;
  const cacheDir = join(folder, "ranges");
  const read = async (wanted: readonly string[]): Promise<Record<string, unknown>> => {
    const source = await openSource(connection, { files: [url] }, { wanted, cacheDir });
    expect(source.files).toEqual([url]);
    expect(source.columns.map(({ name }) => name)).toEqual(wanted);
    expect(await source.locate([59_999])).toEqual([{ file: url, row: 60_000 }]);
    const sums = wanted.map((name) => `bit_xor(hash("${name}")) AS "${name}"`);
    const row = await queryRow(connection, `SELECT count(*) AS rows, ${sums.join(", ")} FROM ${source.sql}`);
    await source.close();
    return row;
  };
  const local = (wanted: readonly string[]): Promise<Record<string, unknown>> =>
    queryRow(
      connection,
      `SELECT count(*) AS rows, ${wanted.map((name) => `bit_xor(hash("${name}")) AS "${name}"`).join(", ")} FROM read_parquet('${join(folder, "wide.parquet")}')`,
    );
  expect(await read(["id", "city"])).toEqual(await local(["id", "city"]));
  expect(served.bytes).toBeLessThan(size / 3);
  const before = served.bytes;
  expect(await read(["city", "history"])).toEqual(await local(["city", "history"]));
  const footer = Math.min(size, 1 << 16);
  expect(served.bytes - before, "the new column and the footer").toBeLessThan(size / 3);
  const known = served.bytes;
  await read(["id", "history"]);
  expect(served.bytes - known, "nothing but the footer").toBe(footer);
  served.version = 2;
  await read(["id"]);
  expect(served.bytes - known, "another version is fetched anew").toBeGreaterThan(2 * footer);
});

test("a dataset of an address is that of the file, and found again", async () => {
  await writeWide("dataset.parquet");
  const served = await serve({ ranges: true });
  const cacheDir = join(folder, "dataset");
  const config = (train: string): Parameters<typeof prepareDataset>[0] => ({
    data: { train, split: { by: "ratio", train: 1 } },
    features: [
      { name: "city", kind: "categorical" },
      { name: "history", kind: "bag", minCount: 2 },
    ],
    labels: [{ name: "label", threshold: 3 }],
  });
  const remote = await prepareDataset(config(`${served.url}/dataset.parquet`), { cacheDir });
  const local = await prepareDataset(config(join(folder, "dataset.parquet")), { cacheDir });
  expect(remote.map).toEqual(local.map);
  expect(await readAll(remote.splits.train)).toEqual(await readAll(local.splits.train));
  expect(remote.encodingReport.files).toEqual({ train: [`${served.url}/dataset.parquet`] });
  const again = await prepareDataset(config(`${served.url}/dataset.parquet`), { cacheDir });
  expect([remote.cached, again.cached]).toEqual([false, true]);
  for (const each of [remote, local, again]) await each.close();
});

test("what a server without ranges gives, and text, is fetched whole, and again only when it is another", async () => {
  const size = await writeWide("plain.parquet");
  const served = await serve({ ranges: false });
  const cacheDir = join(folder, "whole");
  const parquet = await openSource(
    connection,
    { files: [`${served.url}/plain.parquet`] },
    { wanted: ["id"], cacheDir },
  );
  expect(parquet.rows).toBe(60_000);
  expect(served.bytes).toBe(size);
  await parquet.close();
  writeText(join(folder, "small.csv"), "a,b\n1,x\n2,y\n");
  const csv = { files: [`${served.url}/small.csv`] };
  const first = await openSource(connection, csv, { cacheDir });
  expect(first.columns.map(({ name, valueType }) => [name, valueType])).toEqual([
    ["a", "int64"],
    ["b", "string"],
  ]);
  await first.close();
  const before = served.bytes;
  await (await openSource(connection, csv, { cacheDir })).close();
  expect(served.bytes).toBe(before);
  served.version = 2;
  writeText(join(folder, "small.csv"), "a,b\n1,x\n2,y\n3\n");
  await expect(openSource(connection, csv, { cacheDir })).rejects.toThrow(
    `${served.url}/small.csv: line 4 has 1 fields, expected 2`,
  );
});

test("servers that fail, passing or for good", async () => {
  writeText(join(folder, "passing.csv"), "a\n1\n2\n");
  const served = await serve({ ranges: true });
  const cacheDir = join(folder, "failing");
  served.failures = [503];
  const source = await openSource(connection, { files: [`${served.url}/passing.csv`] }, { cacheDir });
  expect(source.rows).toBe(2);
  await source.close();
  await expect(openSource(connection, { files: [`${served.url}/none.csv`] }, { cacheDir })).rejects.toThrow(
    `${served.url}/none.csv: the server answers 404 Not Found`,
  );
  writeText(join(folder, "text.parquet"), "no Parquet at all");
  await expect(
    openSource(connection, { files: [`${served.url}/text.parquet`] }, { cacheDir, wanted: ["a"] }),
  ).rejects.toThrow(DataError);
  await expect(
    openSource(connection, { files: [`${served.url}/text.parquet`] }, { cacheDir, wanted: ["a"] }),
  ).rejects.toThrow(`${served.url}/text.parquet is no Parquet file`);
  await expect(openSource(connection, { files: ["s3://bucket/x.parquet"] })).rejects.toThrow(
    "s3://bucket/x.parquet: only local files, http and https addresses are read",
  );
});

/** A server that gives every request to `answer`. */
async function serveBy(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("an address may end like the record of its copy, or in a name that no file may have", async () => {
  const url = await serveBy((_, response) => response.end('{"a":1}\n{"a":2}\n'));
  const cacheDir = join(folder, "names");
  for (const name of ["copy.json", `${"x".repeat(300)}.jsonl`]) {
    const source = await openSource(connection, { files: [`${url}/${name}`] }, { cacheDir });
    expect(source.rows).toBe(2);
    await source.close();
  }
});

test("a body that is cut off is an error that names the address", async () => {
  const url = await serveBy((_, response) => {
    response.writeHead(200, { "content-length": 1000 }).write("a\n1\n");
    setTimeout(() => response.destroy(), 20);
  });
  const opened = openSource(connection, { files: [`${url}/cut.csv`] }, { cacheDir: join(folder, "cut") });
  await expect(opened).rejects.toThrow(DataError);
  await expect(opened).rejects.toThrow(`${url}/cut.csv cannot be read`);
});

test("bytes from another place than was asked for are not taken", async () => {
  await writeWide("elsewhere.parquet");
  const content = readFileSync(join(folder, "elsewhere.parquet"));
  const url = await serveBy((request, response) => {
    const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const length = first === "" ? Number(last) : Number(last) - Number(first) + 1;
    const start = first === "" ? content.length - length : 0;
    response
      .writeHead(206, { "content-range": `bytes ${start}-${start + length - 1}/${content.length}` })
      .end(content.subarray(start, start + length));
  });
  const opened = openSource(
    connection,
    { files: [`${url}/elsewhere.parquet`] },
    { cacheDir: join(folder, "elsewhere"), wanted: ["label"] },
  );
  await expect(opened).rejects.toThrow("changed while it was read");
});

test("sets of bytes", () => {
  expect(
    mergeRanges(
      [
        [5, 7],
        [0, 2],
        [2, 3],
        [9, 9],
      ],
      0,
    ),
  ).toEqual([
    [0, 3],
    [5, 7],
  ]);
  expect(
    mergeRanges(
      [
        [0, 3],
        [5, 7],
      ],
      2,
    ),
  ).toEqual([[0, 7]]);
  expect(
    missingRanges(
      [
        [2, 4],
        [6, 8],
      ],
      [[0, 10]],
    ),
  ).toEqual([
    [0, 2],
    [4, 6],
    [8, 10],
  ]);
  expect(missingRanges([[0, 10]], [[3, 4]])).toEqual([]);
});
