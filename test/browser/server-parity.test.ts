/** The same raw rows to a running server and to a page: the same scores, in the same order. */
import { rmSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { exportForDevice, openRun } from "../../src/run/index.ts";
import type { RawRow } from "../../src/schema/index.ts";
import { readTarget, Server } from "../../src/serving/index.ts";
import { rankAt } from "../serving/clients.ts";
import { makeShop, NOW, trainShop } from "../serving/shop.ts";
import { bundleForBrowser } from "./bundle.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";

const TOLERANCE = 1e-5;
const shop = makeShop();
let server: Server;
let url: string;
let files: LocalServer;
let browser: Browser | undefined;

beforeAll(async () => {
  const run = await trainShop(shop, "final", "final");
  const target = () =>
    readTarget(run, {
      users: { file: shop.path("users.jsonl"), key: "user_id" },
      items: { file: shop.path("items.jsonl"), key: "item_id" },
    });
  server = await Server.create([target], { port: 0, pool: { workers: 1, maxBatchRows: 64 } });
  url = await server.listen();
  files = await LocalServer.start();
  files.add("/shop.millrace", (await exportForDevice(openRun(run), { trainable: ["deep"] })).bytes);
  files.add("/ort.wasm", runtimeFile("ort-wasm-simd-threaded.wasm"));
  files.add("/millrace.js", await bundleForBrowser('export * from "../../src/browser/index.ts";'));
  if (noChromium === undefined) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await files?.close();
  await server?.stop();
  rmSync(shop.folder, { recursive: true });
});

beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

test.each(["u0", "u7", "stranger"])("for %s", async (user) => {
  const candidates = shop.items.map(({ item_id }) => item_id as number);
  const answer = await rankAt(url, "final", {
    user,
    context: { hour: 5, time: NOW },
    candidates,
    limit: candidates.length,
  });
  const known: RawRow = shop.users.find(({ user_id }) => user_id === user) ?? { user_id: user };
  const page = await (browser as Browser).newPage();
  await page.goto(files.address);
  const ranked = (await page.evaluate(`(async () => {
    const { loadBundle, Ranker, wasmEngine } = await import("/millrace.js");
    const engine = await wasmEngine({ wasmUrl: "/ort.wasm" });
    const ranker = await Ranker.create(await loadBundle("/shop.millrace"), { engine });
    const context = ${JSON.stringify({ ...known, hour: 5, time: NOW })};
    return ranker.rank({ context, candidates: ${JSON.stringify(shop.items)} });
  })()`)) as { candidate: RawRow; score: number }[];
  await page.close();
  expect(ranked).toHaveLength(answer.items.length);
  const byId = new Map(answer.items.map(({ id, score }) => [id, score as number]));
  for (const { candidate, score } of ranked) {
    const served = byId.get(candidate.item_id as number) ?? Number.NaN;
    expect(Math.abs(score - served), `item ${String(candidate.item_id)}`).toBeLessThanOrEqual(TOLERANCE);
  }
  // Neighbours may swap where they are closer than rounding.
  for (const [place, { score }] of ranked.entries()) {
    expect(Math.abs(score - (answer.items[place].score as number))).toBeLessThanOrEqual(TOLERANCE);
  }
});
