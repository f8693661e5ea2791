/** `verifyRun`: equal where nothing happened to the bundle, and where it was damaged the row that shows it. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../src/onnx/index.ts";
import { digestsOf } from "../../src/run/index.ts";
import type { RawRow } from "../../src/schema/index.ts";
import { readTarget, Server, verifyRun } from "../../src/serving/index.ts";
import { makeShop, NOW, trainShop, writeRows } from "./shop.ts";

const shop = makeShop();
const { tables } = shop;
let run: string;
let rows: string;
let requests: string;

beforeAll(async () => {
  run = await trainShop(shop, "final", "final");
  rows = writeRows(shop.path("rows.log"), shop.unseen);
  const logged = ["u0", "u7", "stranger", null].map((user, k) => ({
    user,
    context: { hour: 5 + k, time: NOW },
    candidates: [
      ...shop.items.slice(0, 30).map(({ item_id }) => item_id),
      { id: 40, features: { price: 12.5, hour: 23 } },
      7,
      "99999",
    ],
    exclude: [3, 4],
    limit: 2,
  }));
  requests = writeRows(shop.path("requests.log"), logged as unknown as RawRow[]);
});
afterAll(() => rmSync(shop.folder, { recursive: true, force: true }));

describe("a run that is whole", () => {
  test("answers raw rows as it was trained, unknown ids, missing values and long lists among them", async () => {
    const found = await verifyRun(run, { log: rows });
    expect(found).toMatchObject({ ok: true, rows: shop.unseen.length, beyond: 0, labels: ["click"] });
    expect(found.largest.difference).toBeLessThan(1e-5);
    expect(found.largest.candidate).toBeNull();
  });

  test("answers requests of ids, which both sides look up on their own", async () => {
    const found = await verifyRun(run, { log: requests, ...tables });
    // 30 items, one with features of its own, one unknown; one comes twice and two are excluded.
    expect(found).toMatchObject({ ok: true, requests: 4, rows: 4 * (30 - 2 + 2) });
    expect(found.largest.difference).toBeLessThan(1e-5);
  });

  test("by a server that runs already", async () => {
    const server = await Server.create([() => readTarget(run, tables)], { port: 0, pool: { workers: 1 } });
    try {
      const url = await server.listen();
      const options = { log: requests, ...tables, url };
      expect(await verifyRun(run, options)).toMatchObject({ ok: true });
      await expect(verifyRun(run, { ...options, service: "other" })).rejects.toThrow(/no service "other"/);
    } finally {
      await server.stop();
    }
  });

  test("as many rows as were asked for", async () => {
    expect(await verifyRun(run, { log: rows, rows: 5 })).toMatchObject({ ok: true, rows: 5, requests: 5 });
    expect(await verifyRun(run, { log: requests, ...tables, rows: 33 })).toMatchObject({ rows: 33 });
  });
});

describe("a run that was damaged after training", () => {
  /** A copy of the run in which one thing is changed. */
  function damaged(name: string, change: (directory: string) => void): string {
    const copy = shop.path(name);
    cpSync(run, copy, { recursive: true });
    change(copy);
    return copy;
  }

  /** The digests are made anew, as of an export that went wrong: files that changed later are refused unread. */
  function sealed(directory: string): string {
    const path = join(directory, "bundle.json");
    const bundle = JSON.parse(readFileSync(path, "utf8"));
    const files = digestsOf(directory, Object.keys(bundle.files));
    writeFileSync(path, JSON.stringify({ ...bundle, files }));
    return directory;
  }

  test("a file that was changed after the run was saved is named", async () => {
    const copy = damaged("changed", (directory) => {
      const path = join(directory, "model.onnx");
      writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)]));
    });
    await expect(verifyRun(copy, { log: rows })).rejects.toThrow(/model\.onnx is not the one/);
  });

  test("one row of a table: found, with the row that reads it", async () => {
    const copy = damaged("table", (directory) => {
      const file = readdirSync(join(directory, "tables")).find((table) => table.includes("user")) as string;
      const path = join(directory, "tables", file);
      const bytes = readFileSync(path);
      const header = 8 + Number(bytes.readBigUInt64LE());
      // Ids begin with three reserved rows of 4 floats; one user's first number.
      const at = header + 4 * 4 * 3;
      bytes.writeFloatLE(bytes.readFloatLE(at) + 0.5, at);
      writeFileSync(path, bytes);
    });
    const everyone = writeRows(
      shop.path("everyone.log"),
      shop.users.map((user, k) => ({ ...shop.items[k], ...user, hour: 3, time: NOW })),
    );
    const found = await verifyRun(sealed(copy), { log: everyone });
    expect(found).toMatchObject({ ok: false, beyond: 1 });
    const map = JSON.parse(readFileSync(join(run, "feature-map.json"), "utf8"));
    expect(found.largest.row.user_id).toBe(map.encoders.user_id.vocabulary.values[0]);
    expect(found.largest.line).toBe(1 + shop.users.findIndex((u) => u.user_id === found.largest.row.user_id));
  });

  test("one weight of the graph: found", async () => {
    const copy = damaged("graph", (directory) => {
      const path = join(directory, "model.onnx");
      const model = decodeModel(readFileSync(path));
      const weight = model.graph?.initializer.find(({ dims }) => dims.length === 2);
      if (weight === undefined) throw new Error("no weight");
      const floats = new DataView(weight.rawData.buffer, weight.rawData.byteOffset, 4);
      floats.setFloat32(0, floats.getFloat32(0, true) + 1, true);
      writeFileSync(path, encodeModel(model));
    });
    const found = await verifyRun(sealed(copy), { log: rows });
    expect(found.ok).toBe(false);
    expect(found.largest.difference).toBeGreaterThan(1e-5);
  });

  test("a bundle that is not the checkpoint's: found", async () => {
    const copy = damaged("older", (directory) => {
      const path = join(directory, "checkpoint");
      const best = readdirSync(path).find((name) => name.startsWith("best-")) as string;
      const file = join(path, best, "weights.safetensors");
      const bytes = readFileSync(file);
      const header = 8 + Number(bytes.readBigUInt64LE());
      bytes.subarray(header).fill(0, 0, 4096);
      writeFileSync(file, bytes);
    });
    expect(await verifyRun(copy, { log: rows })).toMatchObject({ ok: false });
  });

  test("without its checkpoint: said, not passed", async () => {
    const copy = damaged("bare", (directory) => rmSync(join(directory, "checkpoint"), { recursive: true }));
    await expect(verifyRun(copy, { log: rows })).rejects.toThrow(/no checkpoint of the weights/);
  });
});

test.each([
  ["[1]", "an object was expected"],
  ["{", "not JSON"],
  ['{"user": 1}', "names no candidates"],
  ['{"candidate": [1]}', "neither a row of the model's columns nor a /rank request"],
])("a log with the line %s is refused by its number", async (line, message) => {
  const path = shop.path("broken.log");
  writeFileSync(path, `${JSON.stringify(shop.unseen[0])}\n\n${line}\n`);
  await expect(verifyRun(run, { log: path })).rejects.toThrow(`broken.log, line 3: `);
  await expect(verifyRun(run, { log: path })).rejects.toThrow(message);
});
