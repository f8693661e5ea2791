/** The page of examples/predict-in-browser.ts: bundled as it stands, it ranks raw rows as Node does. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import { OnnxPredictor } from "../../src/run/index.ts";
import { createRowEncoder, type RawRow } from "../../src/schema/index.ts";
import { bundleForBrowser } from "./bundle.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { trainTiny, writeClicks } from "./every-kind.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-page-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("raw rows in a page give the probabilities that they give in Node", async ({ skip }) => {
  skip(noChromium !== undefined, noChromium);
  const clicks = writeClicks(folder, 200);
  const { dataset, learner, onnx, output } = await trainTiny(folder, clicks, {
    name: "DIN",
    embeddingDim: 4,
    hiddenUnits: [16],
  });
  const lines = readFileSync(clicks, "utf8").trimEnd().split("\n").slice(0, 40);
  const rows: RawRow[] = [...lines.map((line) => JSON.parse(line)), { user: "nobody", item: "nothing" }];
  const predictor = await OnnxPredictor.load(await createEngine("native"), onnx, [], { click: output });
  const { click } = await predictor.predict(createRowEncoder(dataset.map).encode(rows));

  const server = await LocalServer.start();
  server.add("/page.js", await bundleForBrowser('export * from "../../examples/predict-in-browser.ts";'));
  server.add("/model.onnx", onnx);
  server.add("/feature-map.json", JSON.stringify(dataset.map));
  server.add("/ort-wasm-simd-threaded.wasm", runtimeFile("ort-wasm-simd-threaded.wasm"));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    const script = `import("/page.js").then((page) => page.probabilities(${JSON.stringify(rows)}))`;
    const there = (await page.evaluate(script)) as number[];
    expect(there.length).toBe(rows.length);
    for (const [row, probability] of there.entries()) {
      expect(Math.abs(probability - click[row])).toBeLessThanOrEqual(1e-5);
    }
  } finally {
    await browser.close();
    await server.close();
    await predictor.release();
    await learner.release();
    await dataset.close();
  }
});
