/** Loaded before the program: SIGKILLs the process when it has written so many bytes, in the middle of a write. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const limit = Number(process.env.KILL_AT_BYTE);
const { writeSync } = fs;
let written = 0;

fs.writeSync = (file, data, offset = 0, length = data.length - offset, ...rest) => {
  if (typeof data === "string" || !(limit > 0)) return writeSync(file, data, offset, length, ...rest);
  if (written + length >= limit) {
    writeSync(file, data, offset, Math.max(0, limit - written));
    process.kill(process.pid, "SIGKILL");
  }
  written += length;
  return writeSync(file, data, offset, length, ...rest);
};
syncBuiltinESMExports();
