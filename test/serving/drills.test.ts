/** The drills of `npm run bench:overload` in small form: overload, swaps, a killed process, Redis away. */
import { spawn, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  freePort,
  overload,
  pause,
  pointTo,
  redisOutage,
  ServerProcess,
  swapUnderLoad,
} from "../../bench/serve/drills.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
const pointer = shop.path("current");
const body = {
  user: "u4",
  context: { hour: 9, time: NOW },
  candidates: shop.items.map(({ item_id }) => item_id),
  limit: shop.items.length,
};
const servers: ServerProcess[] = [];

beforeAll(async () => {
  await trainShop(shop, "one", "final", { seed: 1 });
  await trainShop(shop, "two", "final", { seed: 2 });
  pointTo(pointer, shop.path("one"));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(shop.folder, { recursive: true, force: true });
});

async function serve(name: string, model: object, options: readonly string[]): Promise<ServerProcess> {
  const config = {
    name: "shop",
    models: [{ name: "final", ...model }],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file: "items.jsonl", key: "item_id" },
    stages: [{ name: "final", model: "final" }],
  };
  writeFileSync(shop.path(name), JSON.stringify(config));
  const server = await ServerProcess.start(shop.path(name), ["--workers", "1", ...options]);
  servers.push(server);
  return server;
}

test("many more requests than fit: those taken are answered, the others told to come back; then swaps; then kill -9", async () => {
  const server = await serve("plain.json", { run: pointer }, ["--max-in-flight", "4"]);
  const found = await overload(server, "/rank/shop", body, { perSecond: 400, seconds: 2 });
  expect(found).toMatchObject({ alive: true, other: 0 });
  expect(found.accepted).toBeGreaterThan(0);
  expect(found.refused).toBeGreaterThan(0);
  const swaps = await swapUnderLoad(server, "/rank/shop", body, {
    pointer,
    runs: [shop.path("one"), shop.path("two")],
    swaps: 4,
    connections: 3,
  });
  expect(swaps).toMatchObject({ failed: 0, mixed: 0 });
  expect(swaps.requests).toBeGreaterThan(0);
  expect(await server.killAndRestart()).toBeGreaterThan(0);
  const answer = await fetch(`${server.url}/rank/shop`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}, 120_000);

const redisHere = spawnSync("redis-server", ["--version"]).status === 0;

test("Redis away and back under load", async ({ skip }) => {
  skip(!redisHere, "there is no redis-server here");
  const port = await freePort();
  let child: ReturnType<typeof spawn> | undefined;
  const start = async (): Promise<void> => {
    const settings = ["--port", String(port), "--bind", "127.0.0.1", "--dir", shop.folder];
    child = spawn("redis-server", settings, { stdio: "ignore" });
    while (
      !spawnSync("redis-cli", ["-p", String(port), "ping"])
        .stdout.toString()
        .includes("PONG")
    )
      await pause(50);
  };
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child?.once("exit", resolve));
    spawnSync("redis-cli", ["-p", String(port), "shutdown", "save"]);
    await ended;
  };
  await start();
  const model = { run: shop.path("one"), rows: `redis://127.0.0.1:${port}`, stored_mb: 0, cache_mb: 0.0001 };
  const server = await serve("redis.json", model, []);
  try {
    const found = await redisOutage(server, "/rank/shop", [body], { start, stop, seconds: 1 });
    expect(found).toMatchObject({ failed: 0, recovered: true });
    expect(found.fallbacks).toBeGreaterThan(0);
  } finally {
    await server.stop();
    await stop();
  }
}, 120_000);
