/**
 * `millrace/browser` in Chromium, on the bundle that the command line's export makes: scores are those of the
 * server's own path, what is learnt from local events helps on events held out and outlives the page, and
 * everything can be taken back.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LocalEvaluation, LocalEvent } from "../../src/browser/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { exportForDevice, openRun, parseConfig, trainRun } from "../../src/run/index.ts";
import { createRowEncoder, type RawRow } from "../../src/schema/index.ts";
import { bundleForBrowser } from "./bundle.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { dataConfigFor, writeClicks } from "./every-kind.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";

/** Two float32 evaluations of one graph differ by rounding of sums; a probability by far less than this. */
const TOLERANCE = 1e-5;

const folder = mkdtempSync(join(tmpdir(), "millrace-device-"));
let browser: Browser | undefined;
let server: LocalServer;
let rows: RawRow[];

const models = [
  {
    name: "DCNv2",
    options: { embeddingDim: 4, hiddenUnits: [16, 8], batchNorm: true, netDropout: 0.2 },
    trainable: ["deep", "embedding.tables.user"],
  },
  {
    name: "DIN",
    options: { embeddingDim: 4, hiddenUnits: [16], attentionHiddenUnits: [8] },
    trainable: ["embedding.tables", "deep.head"],
  },
] as const;

beforeAll(async () => {
  server = await LocalServer.start();
  const clicks = writeClicks(folder, 300);
  rows = readFileSync(clicks, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  rows.push({ user: "nobody", item: "nothing" }, { user: null, history: null, vector: [1, 2, 3] });
  for (const { name, options, trainable } of models) {
    const config = parseConfig({
      ...dataConfigFor(folder, clicks),
      // Derived columns are computed in the page as everywhere.
      derived: [
        { name: "hour", kind: "time", column: "time", part: "hour" },
        { name: "price_per_position", kind: "expression", expression: "log1p(price) / (position + 1)" },
        { name: "page_item", kind: "cross", columns: ["page", "item"] },
      ],
      features: [
        ...dataConfigFor(folder, clicks).features,
        { name: "hour", kind: "categorical" },
        { name: "price_per_position", kind: "numeric", transform: "standard" },
        { name: "page_item", kind: "categorical", hashBuckets: 40 },
      ],
      timestampUnit: "s",
      model: { name, ...options },
      training: { batchSize: 64, epochs: 2, learningRate: 0.01 },
    });
    const directory = join(folder, name);
    await trainRun(config, { directory });
    const { bytes } = await exportForDevice(openRun(directory), { trainable });
    server.add(`/${name}.millrace`, bytes);
  }
  server.add("/ort.wasm", runtimeFile("ort-wasm-simd-threaded.wasm"));
  server.add("/millrace.js", await bundleForBrowser('export * from "../../src/browser/index.ts";'));
  if (noChromium === undefined) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

/** A fresh page on which `ranker` and, with options, `tuner` are ready as globals. */
async function open(page: Page, model: string, tuner?: object): Promise<void> {
  await page.goto(server.address);
  await page.evaluate(`(async () => {
    globalThis.millrace = await import("/millrace.js");
    const { loadBundle, Ranker, Tuner, wasmEngine } = millrace;
    const engine = await wasmEngine({ wasmUrl: "/ort.wasm" });
    globalThis.ranker = await Ranker.create(await loadBundle("/${model}.millrace"), { engine });
    const options = ${JSON.stringify(tuner ?? null)};
    if (options) globalThis.tuner = await Tuner.open(ranker, options);
  })()`);
}

const evaluate = async <Result>(page: Page, script: string): Promise<Result> =>
  (await page.evaluate(`(async () => (${script}))()`)) as Result;

/** What the server gives: the run's own predictor behind the row encoder. */
async function served(model: string): Promise<Float32Array> {
  const run = openRun(join(folder, model));
  const predictor = await run.load(await createEngine("native"));
  const { click } = await predictor.predict(createRowEncoder(run.map).encode(rows));
  await predictor.release();
  return click;
}

/** A user who clicks what is cheap, whatever the model thinks. */
function localEvents(): { seen: LocalEvent[]; held: LocalEvent[] } {
  const events = rows.slice(0, 240).map((row): LocalEvent => {
    const price = row.price as number | null;
    return { row: { ...row, user: "me" }, labels: { click: price !== null && price < 40 ? 1 : 0 } };
  });
  return { seen: events.slice(0, 160), held: events.slice(160) };
}

describe.each(models)("$name", ({ name }) => {
  test("scores in the page are the server's", async () => {
    const page = await (browser as Browser).newPage();
    await open(page, name);
    const given = await evaluate<number[]>(
      page,
      `Array.from((await ranker.score(${JSON.stringify(rows)})).click)`,
    );
    const expected = await served(name);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.02);
    expect(given).toHaveLength(rows.length);
    for (const [row, probability] of given.entries()) {
      expect(Math.abs(probability - expected[row]), `row ${row}`).toBeLessThanOrEqual(TOLERANCE);
    }
    await page.close();
  });

  test("what is learnt helps on held-out events, survives a reload, and is taken back", async () => {
    const { seen, held } = localEvents();
    const context = await (browser as Browser).newContext();
    const page = await context.newPage();
    const options = { name, learningRate: 0.02 };
    await open(page, name, options);
    const measure = (model = "tuned"): Promise<LocalEvaluation> =>
      evaluate(page, `await tuner.evaluate(${JSON.stringify(held)}, { model: "${model}" })`);
    expect(await evaluate(page, "tuner.start")).toBe("fresh");
    const before = await measure();
    const { steps, losses } = await evaluate<{ steps: number; losses: number[] }>(
      page,
      `await tuner.learn(${JSON.stringify(seen)}, { epochs: 6 })`,
    );
    expect(steps).toBe(30);
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    const after = await measure();
    expect(after.loss).toBeLessThan(0.9 * (before.loss as number));
    expect(after.metrics.click.auc.value).toBeGreaterThan(before.metrics.click.auc.value as number);
    expect(await measure("shipped")).toEqual(before);
    await evaluate(page, "await tuner.save()");

    await open(page, name, options);
    expect(await evaluate(page, "[tuner.start, tuner.steps]")).toEqual(["restored", 30]);
    expect(await measure()).toEqual(after);

    await evaluate(page, "await tuner.reset()");
    expect(await measure()).toEqual(before);
    await open(page, name, options);
    expect(await evaluate(page, "[tuner.start, tuner.steps]")).toEqual(["fresh", 0]);
    expect(await measure()).toEqual(before);
    await context.close();
  });
});

test("what was learnt belongs to one bundle: another one starts anew", async () => {
  const context = await (browser as Browser).newContext();
  const page = await context.newPage();
  await open(page, "DCNv2", { name: "feed" });
  await evaluate(page, `await tuner.learn(${JSON.stringify(localEvents().seen.slice(0, 5))})`);
  await evaluate(page, "await tuner.save()");
  await open(page, "DIN", { name: "feed" });
  expect(await evaluate(page, "[tuner.start, tuner.steps]")).toEqual(["outdated", 0]);
  await context.close();
});

test("where Chromium has a WebGPU adapter, its scores are the server's too", async ({ skip }) => {
  const flags = ["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader"];
  const gpu = await launchChromium(flags);
  try {
    server.add("/ort-gpu.wasm", runtimeFile("ort-wasm-simd-threaded.asyncify.wasm"));
    const page = await gpu.newPage();
    await page.goto(server.address);
    await evaluate(page, `(globalThis.millrace = await import("/millrace.js"), 0)`);
    skip(!(await evaluate<boolean>(page, "await millrace.webgpuAvailable()")), "no WebGPU adapter here");
    const given = await page.evaluate(`(async () => {
      const { loadBundle, Ranker, webgpuEngine } = millrace;
      const engine = await webgpuEngine({ wasmUrl: "/ort-gpu.wasm" });
      const ranker = await Ranker.create(await loadBundle("/DCNv2.millrace"), { engine });
      return Array.from((await ranker.score(${JSON.stringify(rows)})).click);
    })()`);
    const expected = await served("DCNv2");
    for (const [row, probability] of (given as number[]).entries()) {
      expect(Math.abs(probability - expected[row]), `row ${row}`).toBeLessThanOrEqual(TOLERANCE);
    }
  } finally {
    await gpu.close();
  }
});
