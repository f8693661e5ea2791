/**
 * `millrace/browser` as a page downloads it: one module for pages without a bundler, and what it weighs.
 *
 *     millrace-browser.js    ranking and learning
 *     wasm-….js              ONNX Runtime's JavaScript, fetched when the WASM engine starts
 *     webgpu-….js            its GPU form, fetched when that engine is asked for
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";

export interface Weight {
  readonly bytes: number;
  readonly gzipBytes: number;
}

export interface BrowserBundle {
  /** Files by name, to be put into one folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Our code alone: everything, and what a page needs that only ranks. */
  readonly own: Weight;
  readonly ranking: Weight;
  /** ONNX Runtime's JavaScript for the WASM engine. */
  readonly runtime: Weight;
  /** Modules that reach for Node, and who imports them; none, or it would not run in a page. */
  readonly ofNode: readonly string[];
}

/** @param entry module that exports what `millrace/browser` exports */
export async function bundleBrowser(entry: string): Promise<BrowserBundle> {
  const common = {
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    write: false,
    metafile: true,
    logLevel: "silent",
  } as const;
  const withRuntime = await build({
    ...common,
    entryPoints: { "millrace-browser": entry },
    splitting: true,
    chunkNames: "[name]-[hash]",
    outdir: "out",
  });
  const external = ["onnxruntime-web/*"];
  const own = await build({ ...common, external, entryPoints: [entry] });
  const ranking = await build({
    ...common,
    external,
    stdin: {
      contents: `export { loadBundle, Ranker } from ${JSON.stringify(entry)};`,
      resolveDir: dirname(entry),
    },
  });
  const files = new Map(withRuntime.outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const runtime = [...files].find(([name]) => name.startsWith("ort.wasm"));
  if (runtime === undefined) throw new Error(`no runtime among ${[...files.keys()].join(", ")}`);
  return {
    files,
    own: weightOf(own.outputFiles[0].contents),
    ranking: weightOf(ranking.outputFiles[0].contents),
    runtime: weightOf(runtime[1]),
    ofNode: nodeImports(withRuntime.metafile),
  };
}

/** The WebAssembly file that pages serve beside it. */
export function runtimeWasm(): { readonly name: string; readonly bytes: Uint8Array } {
  const name = "ort-wasm-simd-threaded.wasm";
  const folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  return { name, bytes: readFileSync(join(folder, name)) };
}

export function weightOf(bytes: Uint8Array): Weight {
  return { bytes: bytes.byteLength, gzipBytes: gzipSync(bytes, { level: 9 }).byteLength };
}

function nodeImports({ inputs }: Metafile): string[] {
  return Object.entries(inputs).flatMap(([file, { imports }]) =>
    imports.filter(({ path }) => path.startsWith("node:")).map(({ path }) => `${file} imports ${path}`),
  );
}
