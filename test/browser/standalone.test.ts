/** examples/rank-in-page.html as it stands, with the module that the package ships for pages without a bundler. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundleBrowser } from "../../scripts/browser-bundle.ts";
import { exportForDevice, openRun, parseConfig, trainRun } from "../../src/run/index.ts";
import { launchChromium, noChromium } from "./chromium.ts";
import { LocalServer, runtimeFile } from "./local-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("a page without a bundler ranks, learns, and goes on after a reload", async ({ skip }) => {
  skip(noChromium !== undefined, noChromium);
  const folder = mkdtempSync(join(tmpdir(), "millrace-standalone-"));
  const server = await LocalServer.start();
  const browser = await launchChromium();
  try {
    const names = ["user", "device", "page", "position", "item"];
    const config = parseConfig({
      data: { train: join(root, "examples/clicks.csv"), cacheDir: join(folder, "cache") },
      features: names.map((name) => ({ name, kind: "categorical" as const })),
      labels: [{ name: "click" }],
      model: { name: "DeepFM", embeddingDim: 4, hiddenUnits: [16] },
      training: { epochs: 1, batchSize: 256, learningRate: 0.01 },
    });
    await trainRun(config, { directory: join(folder, "run") });
    const trainable = ["deep", "embedding.tables.user"];
    const { bytes } = await exportForDevice(openRun(join(folder, "run")), { trainable });
    const { files } = await bundleBrowser(join(root, "src/browser/index.ts"));
    for (const [name, content] of files) server.add(`/millrace/${name}`, content);
    const wasm = "ort-wasm-simd-threaded.wasm";
    server.add(`/millrace/${wasm}`, runtimeFile(wasm));
    server.add("/shop.millrace", bytes);
    server.add("/page", readFileSync(join(root, "examples/rank-in-page.html")));

    const page = await browser.newPage();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const load = async (): Promise<string[]> => {
      await page.goto(`${server.address}/page`);
      await page.waitForSelector("body[data-ready]");
      return page.locator("li").allTextContents();
    };
    const shipped = await load();
    expect(shipped).toHaveLength(5);
    expect(asked.filter((path) => path.includes("webgpu"))).toEqual([]);
    const last = shipped[4].split(":")[0];
    for (let k = 0; k < 6; k++) {
      const before = await page.locator("ol").textContent();
      await page.click(`button:text("${last}")`);
      await page.waitForFunction((text) => document.querySelector("ol")?.textContent !== text, before);
    }
    const learnt = await page.locator("li").allTextContents();
    expect(learnt[0].split(":")[0]).toBe(last);
    expect(await load()).toEqual(learnt);
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
