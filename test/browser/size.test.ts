/** What pages download stays small, and none of it reaches for Node. `npm run build:browser` prints the sizes. */
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { type BrowserBundle, bundleBrowser } from "../../scripts/browser-bundle.ts";

let bundle: BrowserBundle;
beforeAll(async () => {
  bundle = await bundleBrowser(fileURLToPath(new URL("../../src/browser/index.ts", import.meta.url)));
});

test("no node: import reaches a page", () => {
  expect(bundle.ofNode).toEqual([]);
});

// Compressed, ONNX Runtime's WebAssembly apart: it is one file for all pages, and cached.
test("ranking and learning weigh less than 40 kB", () => {
  expect(bundle.own.gzipBytes).toBeLessThan(40_000);
});

test("a page that only ranks takes less than 18 kB of it", () => {
  expect(bundle.ranking.gzipBytes).toBeLessThan(18_000);
});

test("with ONNX Runtime's JavaScript it is less than 70 kB", () => {
  expect(bundle.own.gzipBytes + bundle.runtime.gzipBytes).toBeLessThan(70_000);
});

test("runtimes are files of their own, fetched when their engine starts", () => {
  const names = [...bundle.files.keys()];
  expect(names).toContain("millrace-browser.js");
  expect(names.filter((name) => /^ort\.(wasm|webgpu)\./.test(name))).toHaveLength(2);
  expect((bundle.files.get("millrace-browser.js") as Uint8Array).length).toBeLessThan(
    1.05 * bundle.own.bytes,
  );
});
