/**
 * Writes `clicks.csv`, the log that README and examples use: five thousand impressions of a small generated
 * marketplace, told as a shop would log them. Run by hand: `npx tsx examples/make-clicks.ts`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { generateWorld } from "millrace/world";

const folder = mkdtempSync(join(tmpdir(), "millrace-clicks-"));
const target = fileURLToPath(new URL("clicks.csv", import.meta.url));
await generateWorld(
  { impressions: 5000, users: 120, items: 150, candidates: 30, seed: 7, clickShift: 1.3, warmupDays: 10 },
  folder,
);
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
await connection.run(`
  COPY (
    SELECT
      strftime(TIMESTAMP '2026-03-02' + to_seconds(time), '%Y-%m-%dT%H:%M:%SZ') AS time,
      printf('u%03d', user_id) AS user,
      ['phone', 'tablet', 'desktop', 'tv', 'console'][1 + device % 5] AS device,
      ['home', 'search', 'basket'][1 + log.domain] AS page,
      position,
      printf('i%03d', log.item_id) AS item,
      'c' || log.category AS category,
      round(log.price, 2) AS price,
      array_to_string(list_transform(history_items[-5:], lambda id: printf('i%03d', id)), '|') AS history,
      click
    FROM read_parquet([${["train", "valid", "test"].map((name) => `'${join(folder, name)}.parquet'`).join(", ")}]) log
    ORDER BY log.time, request_id, position
  ) TO '${target}' (HEADER)`);
connection.closeSync();
instance.closeSync();
rmSync(folder, { recursive: true });
