/** Rows in memory, in a file, in Redis: the same predictions from each, and an answer when Redis is away. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nativeEngine } from "../../src/engine/index.ts";
import { createRowEncoder, type EncodedBatch } from "../../src/schema/index.ts";
import { parseCascade, type NamedCascade, Server } from "../../src/serving/index.ts";
import { ModelRunner } from "../../src/serving/model-runner.ts";
import { publishRows } from "../../src/serving/redis-rows.ts";
import { openServedModel, type RowOptions } from "../../src/serving/served-model.ts";
import { get, rankAt } from "./clients.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
let run: string;
let stored: readonly number[];

beforeAll(async () => {
  // Rows of 64 bytes: a block of a file holds 64 of them, and the items take three.
  run = await trainShop(shop, "final", "final", { embeddingDim: 16 });
  stored = (await predict({})).click;
});

async function open(options: RowOptions): Promise<{ runner: ModelRunner; batch: () => EncodedBatch }> {
  const { source, map } = await openServedModel(run, options);
  const runner = await ModelRunner.load(await nativeEngine(), source);
  const encoder = createRowEncoder(map);
  return { runner, batch: () => encoder.encode(shop.unseen) };
}

async function predict(options: RowOptions): Promise<{ click: number[]; counts: object }> {
  const { runner, batch } = await open(options);
  try {
    await runner.run(batch());
    const { predictions, rows } = await runner.run(batch());
    return { click: [...predictions.click], counts: rows };
  } finally {
    await runner.release();
  }
}

test("memory", async () => {
  const { source } = await openServedModel(run, { storedMb: 0 });
  expect(source.lookups.length).toBeGreaterThan(4);
  const item = source.lookups.find(({ name }) => name.endsWith("item_id"));
  expect(item?.columns.map(({ column }) => column).sort()).toEqual(["history", "item_id"]);
  expect((await predict({ storedMb: 0 })).click).toEqual(stored);
});

test("a file, with room for everything and for one block", async () => {
  const roomy = await predict({ rows: "file", storedMb: 0 });
  expect(roomy.click).toEqual(stored);
  expect(roomy.counts).toMatchObject({ misses: 0, fallbacks: 0 });
  const tight = await predict({ rows: "file", storedMb: 0, cacheMb: 1e-6 });
  expect(tight.click).toEqual(stored);
  expect(tight.counts).not.toMatchObject({ misses: 0 });
});

const redisServer = spawnSync("redis-server", ["--version"]).status === 0;

describe("Redis", () => {
  let redis: Redis;
  beforeAll(async () => {
    if (redisServer) redis = await Redis.start();
  });
  afterAll(() => redis?.stop());
  beforeEach(({ skip }) => skip(!redisServer, "there is no redis-server on this machine"));

  test("gives what memory gives; the second run comes from the cache", async () => {
    const { click, counts } = await predict({ rows: redis.url, storedMb: 0, rowTimeoutMs: 5000 });
    expect(click).toEqual(stored);
    expect(counts).toMatchObject({ misses: 0, fallbacks: 0 });
    expect(counts).not.toMatchObject({ hits: 0 });
  });

  test("rows that turn out to be another run's are not taken for complete", async () => {
    const tables = [{ prefix: "mixed:", data: Float32Array.of(1, 2), dim: 2 }];
    const replaced = () => {
      throw new Error("replaced");
    };
    await expect(publishRows(redis.url, tables, replaced)).rejects.toThrow("replaced");
    expect(await publishRows(redis.url, tables)).toBe(true);
    expect(await publishRows(redis.url, tables, replaced)).toBe(false);
  });

  test("stopped and started under requests: cache or the out-of-vocabulary row, counted, then as before", async () => {
    const cascade = (): NamedCascade => ({
      name: "shop",
      folder: shop.folder,
      config: parseCascade({
        // Room for one row of each table: everything else has to be fetched.
        models: [{ name: "final", run, rows: redis.url, storedMb: 0, cacheMb: 1e-6, rowTimeoutMs: 2000 }],
        users: { file: "users.jsonl", key: "user_id" },
        items: { file: "items.jsonl", key: "item_id" },
        stages: [{ name: "final", model: "final" }],
      }),
    });
    const server = await Server.create([cascade], { port: 0, pool: { workers: 1 } });
    // What rows of Redis go into may change from one request to the next.
    expect(server.services.get("shop")?.release.models[0].split).toBeUndefined();
    const url = await server.listen();
    const ask = () =>
      rankAt(url, "shop", { user: "u1", context: { hour: 2, time: NOW }, candidates: [1, 2, 3, 4, 5, 6] });
    const fallbacks = async (): Promise<number> => {
      const { body } = await get<string>(`${url}/metrics`);
      return Number(/millrace_table_rows_total\{.*outcome="fallback"\} (\d+)/.exec(body)?.[1] ?? 0);
    };
    try {
      const before = await ask();
      expect(await fallbacks()).toBe(0);
      await redis.stop();
      const away = await ask();
      expect(away.items).toHaveLength(6);
      expect(await fallbacks()).toBeGreaterThan(0);
      await redis.again();
      await expect
        .poll(async () => (await ask()).items, { timeout: 20_000, interval: 200 })
        .toEqual(before.items);
    } finally {
      await server.stop();
    }
  });
});

/** A server of our own at a free port, which keeps its data over a restart. */
class Redis {
  readonly port: number;
  #process: ChildProcess;

  private constructor(port: number) {
    this.port = port;
    this.#process = this.#spawn();
  }

  static async start(): Promise<Redis> {
    const redis = new Redis(await freePort());
    await redis.#answering();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async again(): Promise<void> {
    this.#process = this.#spawn();
    await this.#answering();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    spawnSync("redis-cli", ["-p", String(this.port), "shutdown", "save"]);
    await ended;
  }

  #spawn(): ChildProcess {
    const settings = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", shop.folder];
    return spawn("redis-server", [...settings, "--daemonize", "no"], { stdio: "ignore" });
  }

  async #answering(): Promise<void> {
    for (let k = 0; k < 200; k++) {
      const { stdout } = spawnSync("redis-cli", ["-p", String(this.port), "ping"]);
      if (stdout.toString().includes("PONG")) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("redis-server does not answer");
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
