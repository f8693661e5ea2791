/** Writes dist/browser/standalone and says what a page downloads: part of `npm run build`. */
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/core/node/index.ts";
import { bundleBrowser, runtimeWasm, type Weight, weightOf } from "./browser-bundle.ts";

const dist = new URL("../dist/browser/", import.meta.url);
const { files, own, ranking, runtime, ofNode } = await bundleBrowser(
  fileURLToPath(new URL("index.js", dist)),
);
if (ofNode.length > 0) throw new Error(`millrace/browser reaches Node: ${ofNode.join("; ")}`);
for (const [name, bytes] of files) writeFileAtomic(fileURLToPath(new URL(`standalone/${name}`, dist)), bytes);

const size = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
const row = (what: string, { bytes, gzipBytes }: Weight): string =>
  `  ${what.padEnd(38)}${size(bytes).padStart(9)}${size(gzipBytes).padStart(10)} gzip`;
const wasm = runtimeWasm();
console.log(
  [
    "millrace/browser, as pages download it:",
    row("ranking and learning", own),
    row("  ranking alone", ranking),
    row("onnxruntime-web, its JavaScript", runtime),
    row(`${wasm.name}, cached`, weightOf(wasm.bytes)),
  ].join("\n"),
);
