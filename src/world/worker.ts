/** A generating thread: runs blocks until none is left and posts each one's result. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../core/index.ts";
import { type BlockTask, runBlocks } from "./block.ts";

const port = parentPort;
assert(port !== null, "this module runs in a worker thread");
for (const result of runBlocks(workerData as BlockTask)) port.postMessage(result);
