import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread from a module beside the caller: `startWorker(new URL("./w.ts", import.meta.url))`.
 * Built code holds `.js` files; from source (tests, scripts) the `.ts` file runs under tsx.
 */
export function startWorker(url: URL, options: WorkerOptions = {}): Worker {
  const fromSource = import.meta.url.endsWith(".ts");
  const target = fromSource ? url : new URL(url.href.replace(/\.ts$/, ".js"));
  return new Worker(target, fromSource ? { ...options, execArgv: ["--import", "tsx"] } : options);
}
