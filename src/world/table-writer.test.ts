import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DOUBLE, DuckDBInstance, INTEGER } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TableWriter } from "./table-writer.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-table-writer-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("rows of a join leave in the order of the table that it begins with", async () => {
  const rows = 400_000;
  const path = join(folder, "joined.parquet");
  const writer = await TableWriter.open();
  await writer.fill("log", rows, [
    { name: "place", type: INTEGER, at: (row) => row },
    { name: "item", type: INTEGER, at: (row) => (row * 919) % 1000 },
  ]);
  await writer.fill("items", 1000, [
    { name: "item", type: INTEGER, at: (row) => row },
    { name: "price", type: DOUBLE, at: (row) => row / 8 },
  ]);
  await writer.copy("SELECT place, price FROM log JOIN items USING (item)", path);
  writer.close();

  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const found = await connection.runAndReadAll(
    `SELECT count(*)::INT, count(*) FILTER (place <> file_row_number)::INT, count(*) FILTER (price <> (place * 919) % 1000 / 8)::INT
      FROM read_parquet('${path}', file_row_number = true)`,
  );
  connection.closeSync();
  instance.closeSync();
  expect(found.getRows()).toEqual([[rows, 0, 0]]);
});
