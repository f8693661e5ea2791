export { AppendFile } from "./append-file.ts";
export {
  createFile,
  listDirectory,
  readBytes,
  readJson,
  removePath,
  writeFileAtomic,
  writeJsonAtomic,
} from "./files.ts";
export { packageVersion } from "./package-version.ts";
export { readChecked } from "./read-checked.ts";
export { shellWord } from "./shell-word.ts";
export { startWorker } from "./worker.ts";
