export { readJson, removePath, writeFileAtomic, writeJsonAtomic } from "./files.ts";
export { startWorker } from "./worker.ts";
