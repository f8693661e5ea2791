/** Inference threads that die when a test wants them to. */
import type { Worker } from "node:worker_threads";

/** How a thread can end, and the message that makes the real one do so by itself. */
export const ways: readonly [string, unknown][] = [
  ["throws", null],
  ["exits", { type: "end" }],
];

/** Threads that the process starts from now on, filled as they start. */
export function startedWorkers(): readonly Worker[] {
  const started: Worker[] = [];
  process.on("worker", (worker: Worker) => started.push(worker));
  return started;
}

/** The thread ends with the next run that it is given: to the pool it is under way, and no answer ever comes. */
export function endsWithNextRun(worker: Worker, death: unknown): void {
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (message: { readonly type?: string }, transfer?: unknown): void => {
    if (message.type === "run") {
      worker.postMessage = post;
      post(death);
    }
    post(message, transfer as []);
  };
}
