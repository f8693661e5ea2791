/**
 * Training in the browser: the same step, engine and kernels, bundled for a page. ONNX Runtime's WASM build
 * is one program, so Chromium's numbers are those that it computes in Node.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type PreparedDataset, prepareDataset } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import { bundleForBrowser } from "./bundle.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { dataConfigFor, writeClicks } from "./every-kind.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";
import { type Lesson, learn } from "./learn.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-browser-step-"));
let browser: Browser | undefined;
let server: LocalServer;
let dataset: PreparedDataset;

beforeAll(async () => {
  server = await LocalServer.start();
  dataset = await prepareDataset(dataConfigFor(folder, writeClicks(folder, 200)));
  if (noChromium === undefined) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server.close();
  await dataset.close();
  rmSync(folder, { recursive: true });
});
beforeEach(({ skip }) => skip(noChromium !== undefined, noChromium));

test.each(["DCNv2", "DIN"])("%s learns in Chromium as it does in Node", async (model) => {
  const lesson = await lessonOf(dataset, model);
  const here = await learn(await createEngine("wasm"), lesson);
  expect(here.losses.at(-1)).toBeLessThan(here.losses[0]);

  server.add("/ort.wasm", runtimeFile("ort-wasm-simd-threaded.wasm"));
  server.add(
    "/learn.js",
    await bundleForBrowser(
      'export { learn } from "./learn.ts"; export { wasmEngine } from "../../src/engine/index.ts";',
    ),
  );
  server.add("/lesson.json", JSON.stringify(lesson));
  const page = await (browser as Browser).newPage();
  await page.goto(server.address);
  const there = await page.evaluate(`(async () => {
    const { learn, wasmEngine } = await import("/learn.js");
    const lesson = await (await fetch("/lesson.json")).json();
    return learn(await wasmEngine({ wasmUrl: "/ort.wasm" }), lesson);
  })()`);
  expect(there).toEqual(here);
});

async function lessonOf({ map, splits }: PreparedDataset, model: string): Promise<Lesson> {
  const batches: Lesson["batches"][number][] = [];
  for await (const { size, columns } of splits.train.batches({ batchSize: 32 })) {
    const plain = Object.entries(columns).map(([name, data]) => [name, [...data]] as const);
    batches.push({ size, columns: Object.fromEntries(plain) });
  }
  // As a page would get it: through JSON.
  return { model, map: JSON.parse(JSON.stringify(map)) as FeatureMap, batches };
}
