/**
 * Random tables and random damage. What was written well comes back value for value; what was damaged
 * ends in an error of ours or in a table that a plain reading of the bytes gives, too.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MillraceError } from "../core/index.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";
import { queryRows } from "./source-sql.ts";

let connection: DuckDBConnection;
let folder: string;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(":memory:")).connect();
  folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-"));
});
afterAll(() => {
  connection.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

async function tryOpen(
  name: string,
  bytes: string | Uint8Array,
  spec: Partial<SourceSpec>,
): Promise<{ source: RawSource; rows: unknown[][] } | MillraceError> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  let source: RawSource;
  try {
    source = await openSource(connection, { ...spec, files: [path] });
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  const rows = await queryRows(connection, `SELECT * FROM ${source.sql}`);
  await source.close();
  expect(rows.length).toBe(source.rows);
  return { source, rows: rows.map((row) => Object.values(row)) };
}

const cell = fc.string({
  unit: fc.constantFrom(..."abzé09.-+ #'", '"', ",", ";", "\t", "|", "\n", "\\", "日"),
  maxLength: 6,
});
const table = (columns: number) =>
  fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 12 });

function writeCell(text: string, separator: string): string {
  const plain = !/["\n\r]|^\s|\s$/.test(text) && !text.includes(separator);
  return plain ? text : `"${text.replaceAll('"', '""')}"`;
}

test("any table of texts comes back value for value", async () => {
  await fc.assert(
    fc.asyncProperty(
      table(3),
      fc.constantFrom(",", ";", "\t", "|"),
      fc.constantFrom("\n", "\r\n"),
      fc.boolean(),
      fc.boolean(),
      async (cells, separator, end, lastEnd, zip) => {
        const lines = [["one", "two", "three"], ...cells].map((row) =>
          row.map((text) => writeCell(text, separator)).join(separator),
        );
        const text = lines.join(end) + (lastEnd ? end : "");
        const types = { one: "string", two: "string", three: "string" } as const;
        const opened = await tryOpen(zip ? "t.csv.gz" : "t.csv", zip ? gzipSync(text) : text, {
          separator,
          header: true,
          types,
        });
        if (opened instanceof MillraceError) throw opened;
        expect(opened.rows).toEqual(cells.map((row) => row.map((value) => (value === "" ? null : value))));
      },
    ),
    { numRuns: 150, seed: 11 },
  );
});

test("numbers are found to be numbers, exactly", async () => {
  const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const double = fc.double({ noNaN: true, noDefaultInfinity: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(integer, fc.option(integer), double), { minLength: 1, maxLength: 20 }),
      async (rows) => {
        const text = `a,b,c\n${rows.map(([a, b, c]) => `${a},${b ?? ""},${c}`).join("\n")}\n`;
        const opened = await tryOpen("n.csv", text, {});
        if (opened instanceof MillraceError) throw opened;
        const [, second, third] = opened.source.columns;
        const asText = third.valueType === "string"; // a whole number of sixteen digits and more
        expect(opened.rows).toEqual(
          rows.map(([a, b, c]) => [
            a,
            second.valueType === "string" ? null : b,
            asText ? String(c) : third.valueType === "int64" ? BigInt(c) : c + 0,
          ]),
        );
      },
    ),
    { numRuns: 60, seed: 12 },
  );
});

/** Replaces, inserts, deletes or cuts off bytes. */
const damage = fc.array(
  fc.record({
    kind: fc.constantFrom("set", "insert", "delete", "cut"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.oneof(fc.constantFrom(0, 0x22, 0x2c, 0x0a, 0x0d, 0xff, 0xc3, 0x7b, 0x7d, 0x3a), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 3 },
);

function applyDamage(bytes: Buffer, steps: readonly { kind: string; at: number; byte: number }[]): Buffer {
  let damaged = bytes;
  for (const { kind, at, byte } of steps) {
    const k = Math.min(damaged.length, Math.floor(at * damaged.length));
    const tail = damaged.subarray(kind === "insert" ? k : k + 1);
    if (kind === "cut") damaged = damaged.subarray(0, k);
    else if (kind === "delete") damaged = Buffer.concat([damaged.subarray(0, k), tail]);
    else damaged = Buffer.concat([damaged.subarray(0, k), Buffer.from([byte]), tail]);
  }
  return damaged;
}

/** Lines cut at commas: what CSV without quotes means. */
function plainReading(bytes: Buffer): string[][] {
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  const lines = text.split(/\r?\n/);
  return lines.filter((line) => line !== "").map((line) => line.split(","));
}

test("damaged CSV: an error of ours, or what the bytes plainly say", async () => {
  const clean = Buffer.from(
    `user,item,price,click\n${Array.from({ length: 30 }, (_, k) => `u${k % 7},${k},${k / 4},${k % 2}`).join("\n")}\n`,
  );
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(damage, async (steps) => {
      const bytes = applyDamage(clean, steps);
      const types = { user: "string", item: "string", price: "string", click: "string" } as const;
      const opened = await tryOpen("d.csv", bytes, { header: true, separator: "," });
      if (opened instanceof MillraceError) return;
      if (bytes.includes('"')) return; // two quotes may enclose what they like
      accepted++;
      const [header, ...rows] = plainReading(bytes);
      expect(opened.rows.length).toBe(rows.length);
      if (header.join() !== Object.keys(types).join()) return;
      const texts = await tryOpen("d.csv", bytes, { header: true, separator: ",", types });
      if (texts instanceof MillraceError) throw texts;
      expect(texts.rows).toEqual(rows.map((row) => row.map((value) => (value === "" ? null : value))));
    }),
    { numRuns: 250, seed: 13 },
  );
  expect(accepted).toBeGreaterThan(20);
});

test("damaged bytes with everything left to the own look", async () => {
  const clean = Buffer.from('id;text;n\n1;"a;b";2\n2;c;3\n3;"d ""e""";4\n');
  await fc.assert(
    fc.asyncProperty(damage, fc.constantFrom("x.csv", "x.txt", "x.data", "x"), async (steps, name) => {
      await tryOpen(name, applyDamage(clean, steps), {});
    }),
    { numRuns: 150, seed: 14 },
  );
});

test("damaged gzip never gives a part of the file", async () => {
  const text = `a,b\n${Array.from({ length: 4000 }, (_, k) => `${k},${(k * 7919) % 1000}`).join("\n")}\n`;
  const whole = gzipSync(text);
  await fc.assert(
    fc.asyncProperty(damage, async (steps) => {
      const bytes = applyDamage(whole, steps);
      const opened = await tryOpen("g.csv.gz", bytes, {});
      if (opened instanceof MillraceError) return;
      expect(opened.rows.length).toBe(4000);
    }),
    { numRuns: 80, seed: 15 },
  );
});

test("JSON lines: clean ones come back, damaged ones end in an error of ours or as many rows as lines", async () => {
  const record = fc.record(
    {
      id: fc.integer(),
      name: fc.string({ unit: "grapheme", maxLength: 5 }),
      x: fc.double({ noNaN: true, noDefaultInfinity: true }),
    },
    { requiredKeys: ["id"] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 10 }),
      fc.option(damage),
      async (records, steps) => {
        const clean = Buffer.from(records.map((value) => JSON.stringify(value)).join("\n"));
        const bytes = steps === null ? clean : applyDamage(clean, steps);
        const opened = await tryOpen("j.jsonl", bytes, {});
        if (opened instanceof MillraceError) {
          const nul = bytes.includes("\\u0000"); // JSON may escape what text columns refuse
          if (steps === null && !nul) throw opened;
          return;
        }
        const lines = bytes
          .toString("utf8")
          .split("\n")
          .filter((line) => line.trim() !== "");
        expect(opened.rows.length).toBe(lines.length);
        if (steps !== null) return;
        const id = opened.source.columns.findIndex((column) => column.name === "id");
        expect(opened.rows.map((row) => row[id])).toEqual(records.map((value) => BigInt(value.id)));
      },
    ),
    { numRuns: 150, seed: 16 },
  );
});

test("damaged Parquet ends in an error of ours or in as many rows as the footer says", async () => {
  const path = join(folder, "clean.parquet");
  await connection.run(
    `COPY (SELECT range AS a, 'v' || (range % 9) AS s, range / 3 AS x, [range, 1] AS l FROM range(300)) TO '${path}' (FORMAT parquet)`,
  );
  const clean = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(damage, async (steps) => {
      await tryOpen("p.parquet", applyDamage(clean, steps), {});
    }),
    { numRuns: 250, seed: 17 },
  );
});

test("damaged libsvm text", async () => {
  const clean = Buffer.from("1 1:1 5:1 9:1\n-1 2:1 6:1 9:1\n1 3:0.5\n");
  await fc.assert(
    fc.asyncProperty(damage, async (steps) => {
      await tryOpen("s.svm", applyDamage(clean, steps), {});
    }),
    { numRuns: 80, seed: 18 },
  );
});
