import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread from a module beside the caller: `startWorker(new URL("./w.ts", import.meta.url))`.
 * Built code holds `.js` files; from source (tests, scripts) the `.ts` file runs under tsx.
 */
export function startWorker(url: URL, options: WorkerOptions = {}): Worker {
  if (import.meta.url.endsWith(".ts")) return new Worker(underTsx(url), options);
  return new Worker(new URL(url.href.replace(/\.ts$/, ".js")), options);
}

/** Node 20 ignores `--import` for workers, so that the worker itself must register the loader first. */
function underTsx(url: URL): URL {
  // `require.resolve` would find the CommonJS build, whose `register` fails here.
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json"));
  const loader = new URL("./dist/esm/api/index.mjs", tsx).href;
  const program = `import { register } from ${JSON.stringify(loader)};
register();
await import(${JSON.stringify(url.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(program)}`);
}
