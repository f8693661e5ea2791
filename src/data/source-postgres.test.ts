import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PostgresServer, postgresPrograms, startPostgres } from "../../test/data/postgres-server.ts";
import { readAll, testFolder, writeText } from "../../test/data/raw-files.ts";
import { prepareDataset } from "./dataset.ts";
import { openSource } from "./source.ts";
import { queryRow, queryRows } from "./source-sql.ts";
import { validate } from "./validate.ts";

const folder = testFolder("postgres");
const instance = await DuckDBInstance.create(":memory:", { memory_limit: "200MiB" });
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");

afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

const programs = postgresPrograms();
if (programs === undefined) {
  describe("sources by query", () => {
    test("read a real server", ({ skip }) =>
      skip("no Postgres server is installed (Debian: apt-get install postgresql)"));
  });
}

describe.skipIf(programs === undefined)("sources by query", () => {
  let server: PostgresServer;
  const query = (sql: string): Parameters<typeof openSource>[1] => ({
    files: [],
    query: { sql, server: server.url },
  });

  beforeAll(async () => {
    server = await startPostgres(programs!);
    await server.run(`
      CREATE TYPE mood AS ENUM ('sad', 'glad');
      CREATE TABLE things (
        id bigint, small smallint, price numeric(10, 2), code numeric(12, 0), ratio real, score double precision,
        flag boolean, name text, at timestamptz, day date, tags text[], ids bigint[], grid int[], body jsonb, feel mood, u uuid);
      INSERT INTO things VALUES
        (1, 2, 3.50, 123456789012, 0.1, 1e300, true, 'a "b", \\c', '2024-05-01 12:00:00.25+02', '2024-05-01',
         '{p,"q r",NULL}', '{1,9007199254740993}', '{{1,2},{3,4}}', '{"k": [1]}', 'glad', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
        (2, NULL, 'NaN', NULL, 'Infinity', 0.1, false, '', '1969-12-31 23:59:59.5+00', NULL, '{}', NULL, NULL, NULL, 'sad', NULL),
        (9223372036854775807, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
      CREATE TABLE log AS SELECT i AS id, i % 500 AS item, i % 3 = 0 AS label, 'user ' || i % 1000 AS "user"
        FROM generate_series(0, 299999) i;
      CREATE TABLE items AS SELECT i AS item, i * 0.5 AS price FROM generate_series(0, 399) i;`);
  }, 60_000);
  afterAll(() => server.stop());

  test("values keep their types, whatever the server's settings", async () => {
    const source = await openSource(connection, query("SELECT * FROM things ORDER BY id;\n"));
    expect(source.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "id BIGINT",
      "small BIGINT",
      "price DOUBLE",
      "code BIGINT",
      "ratio FLOAT",
      "score DOUBLE",
      "flag BOOLEAN",
      "name VARCHAR",
      "at TIMESTAMP",
      "day TIMESTAMP",
      "tags VARCHAR[]",
      "ids BIGINT[]",
      "grid BIGINT[]",
      "body VARCHAR",
      "feel VARCHAR",
      "u VARCHAR",
    ]);
    const rows = await queryRows(connection, `SELECT * FROM ${source.sql}`);
    expect(rows[0]).toEqual({
      id: 1n,
      small: 2n,
      price: 3.5,
      code: 123456789012n,
      ratio: Math.fround(0.1),
      score: 1e300,
      flag: true,
      name: 'a "b", \\c',
      at: new Date("2024-05-01T10:00:00.25Z"),
      day: new Date("2024-05-01"),
      tags: ["p", "q r", null],
      ids: [1n, 9007199254740993n],
      grid: [1n, 2n, 3n, 4n],
      body: '{"k": [1]}',
      feel: "glad",
      u: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    });
    expect(rows[1]).toMatchObject({
      price: Number.NaN,
      ratio: Number.POSITIVE_INFINITY,
      name: "",
      at: new Date("1969-12-31T23:59:59.5Z"),
      tags: [],
      ids: null,
    });
    expect(Object.values(rows[2]).slice(1)).toEqual(Array(15).fill(null));
    expect(await source.locate([2])).toEqual([
      { file: 'Postgres query "SELECT * FROM things ORDER BY id;"', row: 3 },
    ]);
    await source.close();
  });

  test("many rows come through a cursor in parts, in order", async () => {
    const source = await openSource(connection, query("SELECT * FROM log ORDER BY id"));
    const row = await queryRow(
      connection,
      `SELECT count(*) AS rows, bool_and(id = r) AS ordered FROM (SELECT row_number() OVER () - 1 AS r, id FROM ${source.sql})`,
    );
    expect(row).toEqual({ rows: 300_000n, ordered: true });
    expect(await source.locate([290_000])).toEqual([
      { file: 'Postgres query "SELECT * FROM log ORDER BY id"', row: 290_001 },
    ]);
    await source.close();
  });

  test("a query trains as its rows in a file do, is joined by a query, and is found again", async () => {
    const cacheDir = join(folder, "cache");
    process.env.MILLRACE_TEST_DATABASE = server.url;
    const postgres = "$MILLRACE_TEST_DATABASE";
    const config: Parameters<typeof prepareDataset>[0] = {
      data: {
        train: { query: "SELECT * FROM log WHERE id < 20000 ORDER BY id", postgres },
        split: { by: "ratio", train: 0.8, test: 0.2 },
        joins: [{ source: { query: "SELECT * FROM items", postgres }, on: "item" }],
      },
      features: [
        { name: "user", kind: "categorical" },
        { name: "item", kind: "categorical" },
        { name: "price", kind: "numeric" },
      ],
      labels: [{ name: "label" }],
    };
    const first = await prepareDataset(config, { cacheDir });
    expect(first.counts).toEqual({ train: 16_000, test: 4000 });
    expect(first.encodingReport.notes).toMatchObject([{ kind: "join-missing", count: 4000 }]);
    const lines = Array.from({ length: 20_000 }, (_, i) => {
      const price = i % 500 < 400 ? String((i % 500) * 0.5) : "";
      return `${i},${i % 500},${i % 3 === 0},user ${i % 1000},${price}`;
    });
    const csv = writeText(join(folder, "log.csv"), `id,item,label,user,price\n${lines.join("\n")}\n`);
    const { joins: _, ...data } = config.data;
    const plain = await prepareDataset({ ...config, data: { ...data, train: csv } }, { cacheDir });
    expect(first.map).toEqual(plain.map);
    expect(await readAll(first.splits.test!)).toEqual(await readAll(plain.splits.test!));
    const again = await prepareDataset(config, { cacheDir });
    expect(again.cached).toBe(true);
    await server.run("UPDATE items SET price = 7 WHERE item = 3");
    const other = await prepareDataset(config, { cacheDir });
    expect(other.cached).toBe(false);
    for (const each of [first, plain, again, other]) await each.close();
  });

  test("a whole number that is NaN is missing, and arrays of times are lists of times", async () => {
    const source = await openSource(
      connection,
      query(
        "SELECT i AS id, (CASE WHEN i = 2 THEN 'NaN'::numeric ELSE i END)::numeric(12, 0) AS code, ARRAY['2024-05-01 12:00:00+02'::timestamptz, NULL] AS at, ARRAY['2024-05-01'::date] AS days FROM generate_series(1, 2) i ORDER BY i",
      ),
    );
    expect(source.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "id BIGINT",
      "code BIGINT",
      "at TIMESTAMP[]",
      "days TIMESTAMP[]",
    ]);
    const at = [new Date("2024-05-01T10:00:00Z"), null];
    const days = [new Date("2024-05-01")];
    expect(await queryRows(connection, `SELECT * FROM ${source.sql}`)).toEqual([
      { id: 1n, code: 1n, at, days },
      { id: 2n, code: null, at, days },
    ]);
    await source.close();
  });

  test("a query is one statement, which cannot end the read-only transaction", async () => {
    await server.run("CREATE TABLE kept AS SELECT 1 AS a");
    await expect(openSource(connection, query("SELECT 1 AS a; COMMIT; DROP TABLE kept"))).rejects.toThrow(
      "cannot insert multiple commands",
    );
    const source = await openSource(connection, query("SELECT * FROM kept; -- all of it"));
    expect(source.rows).toBe(1);
    await source.close();
  });

  test("an error in the rows does not ask whether the server is there", async () => {
    const opened = openSource(connection, query("SELECT 1 / (id - 9000) AS a FROM log ORDER BY id"));
    await expect(opened).rejects.toMatchObject({
      message: expect.stringContaining("division by zero"),
      hint: undefined,
    });
  });

  test("mistakes come in the server's words", async () => {
    const bad = (sql: string): Promise<unknown> => openSource(connection, query(sql));
    await expect(bad("SELECT * FROM nowhere")).rejects.toThrow(
      'Postgres query "SELECT * FROM nowhere": relation "nowhere" does not exist',
    );
    await expect(bad("DELETE FROM log")).rejects.toThrow("syntax error");
    await expect(bad("WITH gone AS (DELETE FROM log RETURNING 1) SELECT * FROM gone")).rejects.toThrow(
      'Postgres query "WITH gone',
    );
    await expect(bad("SELECT 1 AS a, 2 AS a")).rejects.toThrow("have the same name: a");
    await expect(bad("SELECT * FROM log WHERE id < 0")).rejects.toThrow("gives no rows");
    const { ok, problems } = await validate({
      data: { train: { query: "SELECT nothing FROM log", postgres: server.url } },
      features: [{ name: "item", kind: "categorical" }],
      labels: [{ name: "label" }],
    });
    expect(ok).toBe(false);
    expect(problems[0].message).toContain('column "nothing" does not exist');
  });
});

test("servers that are not there, and passwords in configurations", async () => {
  const open = (server: string): Promise<unknown> =>
    openSource(connection, { files: [], query: { sql: "SELECT 1 AS a", server } });
  await expect(open("postgresql://nobody@127.0.0.1:1/none")).rejects.toThrow("ECONNREFUSED");
  await expect(open("postgresql://me:secret@127.0.0.1:1/none")).rejects.toThrow(
    "postgres: a password in a configuration would be copied into every run",
  );
  await expect(open("$NO_SUCH_VARIABLE_HERE")).rejects.toThrow(
    "the environment variable NO_SUCH_VARIABLE_HERE is not set",
  );
  await expect(open("not an address")).rejects.toThrow("postgres: expected an address");
});
