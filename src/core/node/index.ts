export { AppendFile } from "./append-file.ts";
export { listDirectory, readBytes, readJson, removePath, writeFileAtomic, writeJsonAtomic } from "./files.ts";
export { packageVersion } from "./package-version.ts";
export { startWorker } from "./worker.ts";
