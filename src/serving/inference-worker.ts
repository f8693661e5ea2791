/** The worker thread that holds sessions and runs batches on them, one core each. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../core/index.ts";
import { createEngine, type EngineName } from "../engine/index.ts";
import type { ServedBatch } from "./batch-pieces.ts";
import { type ModelAnswer, ModelRunner, type ModelSource } from "./model-runner.ts";

export interface InferenceWorkerData {
  readonly engine: EngineName | "auto";
}

export type WorkerRequest =
  | { readonly type: "load"; readonly key: string; readonly source: ModelSource }
  | { readonly type: "run"; readonly id: number; readonly key: string; readonly batch: ServedBatch }
  | { readonly type: "release"; readonly key: string }
  | { readonly type: "end" };

export type WorkerReply =
  | { readonly type: "loaded"; readonly key: string; readonly immediate: boolean }
  | { readonly type: "refused"; readonly key: string; readonly error: Error }
  | { readonly type: "done"; readonly id: number; readonly answer: ModelAnswer; readonly seconds: number }
  | { readonly type: "failed"; readonly id: number; readonly error: Error };

assert(parentPort !== null, "inference runs in a worker thread");
const parent = parentPort;
// That the slow engine had to be taken is said once, by the main thread.
const engine = await createEngine((workerData as InferenceWorkerData).engine, { onNotice: () => {} });
/** By key, from the moment that loading begins: a run may arrive before it has ended. */
const runners = new Map<string, Promise<ModelRunner>>();

function reply(message: WorkerReply, transfer: ArrayBuffer[] = []): void {
  parent.postMessage(message, transfer);
}

async function handle(request: Exclude<WorkerRequest, { type: "end" }>): Promise<void> {
  switch (request.type) {
    case "load":
      try {
        const loading = ModelRunner.load(engine, request.source);
        runners.set(request.key, loading);
        const runner = await loading;
        reply({ type: "loaded", key: request.key, immediate: runner.immediate });
      } catch (error) {
        reply({ type: "refused", key: request.key, error: error as Error });
      }
      return;
    case "run":
      try {
        const runner = await runners.get(request.key);
        assert(runner !== undefined, `model ${request.key} is not loaded`);
        const started = performance.now();
        const answer = await runner.run(request.batch);
        reply({ type: "done", id: request.id, answer, seconds: (performance.now() - started) / 1e3 });
      } catch (error) {
        reply({ type: "failed", id: request.id, error: error as Error });
      }
      return;
    case "release": {
      const runner = runners.get(request.key);
      runners.delete(request.key);
      // One that could not be loaded has nothing to free, and was reported then.
      await runner?.then((loaded) => loaded.release()).catch(() => {});
    }
  }
}

const underWay = new Set<Promise<void>>();

parent.on("message", async (request: WorkerRequest) => {
  if (request.type === "end") {
    // From outside, a thread could be ended while a session is being made, which takes the process with it.
    await Promise.all(underWay);
    process.exit();
  }
  const handled = handle(request);
  underWay.add(handled);
  await handled;
  underWay.delete(handled);
});
