import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRequestLog } from "./request-log.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-log-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function kinds(lines: readonly object[], columns: readonly string[]): Promise<string[]> {
  const path = join(folder, "log.jsonl");
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join("\n"));
  return (await readRequestLog(path, { columns })).map(({ kind }) => kind);
}

const request = { user: 3, context: { hour: 9 }, candidates: [1, { id: 2, features: { price: 3 } }] };

test("a request is one, also where the model has a column called user", async () => {
  expect(await kinds([request], ["user_id", "hour"])).toEqual(["rank"]);
  expect(await kinds([request], ["user", "hour"])).toEqual(["rank"]);
});

test("rows have the model's columns, be they called as a request's keys", async () => {
  const rows = [{ user: 3 }, { user: 3, hour: 9, candidates: "none" }, { hour: 9, label: 1 }];
  expect(await kinds(rows, ["user", "hour"])).toEqual(["row", "row", "row"]);
  expect(await kinds([request], ["user", "candidates"])).toEqual(["row"]);
});
