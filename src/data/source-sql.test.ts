import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { queryAggregates } from "./source-sql.ts";

test("aggregates come in the order of their terms, however many there are", async () => {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const terms = Array.from({ length: 1700 }, (_, k) => `sum(i) + ${k}`);
  const found = await queryAggregates(connection, ["count(*)", ...terms], "range(4) AS r(i)");
  connection.closeSync();
  instance.closeSync();
  expect(found.map(Number)).toEqual([4, ...terms.map((_, k) => 6 + k)]);
});
