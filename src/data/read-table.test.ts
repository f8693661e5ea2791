import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { testFolder, writeText } from "../../test/data/raw-files.ts";
import { readTable } from "./read-table.ts";

const folder = testFolder("read-table");

test("values of every type come as the row encoder takes them", async () => {
  const path = join(folder, "all.parquet");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(
    `COPY (SELECT 7::BIGINT AS whole, 9007199254740993::BIGINT AS wide, 1.5::FLOAT AS real, true AS truth,
       'é' AS text, [1, 2]::BIGINT[] AS list, TIMESTAMP '2024-02-03 04:05:06.123456' AS moment,
       DATE '2024-02-03' AS day, {'a': 1} AS nested, NULL::INTEGER AS nothing)
     TO '${path}' (FORMAT parquet)`,
  );
  connection.closeSync();
  const { rows, columns } = await readTable({ files: [path] });
  expect(rows).toBe(1);
  expect(columns).toEqual({
    whole: [7],
    wide: [9007199254740993n],
    real: [1.5],
    truth: [true],
    text: ["é"],
    list: [[1, 2]],
    moment: ["2024-02-03 04:05:06.123456"],
    day: ["2024-02-03 00:00:00"],
    nested: ['{"a":1}'],
    nothing: [null],
  });
});

test("text files are read with declared types", async () => {
  const path = writeText(join(folder, "items.csv"), "item,price\n007,2\n008,\n");
  const { columns } = await readTable({ files: [path], types: { item: "string" } });
  expect(columns).toEqual({ item: ["007", "008"], price: [2, null] });
});
