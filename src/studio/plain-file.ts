/** Files of a run as the studio reads them: none that a link leads to, and none may be there yet. */
import { lstatSync, readFileSync } from "node:fs";

export function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Undefined where there is no such file, one that is larger, or none that can be read, as while it is replaced. */
export function jsonOf(path: string, mostBytes = Number.POSITIVE_INFINITY): unknown {
  try {
    if (!isPlainFile(path) || lstatSync(path).size > mostBytes) return undefined;
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
