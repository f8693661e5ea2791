/** A token from a file or the environment: arguments can be read by every user of a machine. */
import { readFileSync } from "node:fs";

/** Undefined where neither names one. */
export function bearerToken(file: string | undefined): string | undefined {
  return file === undefined ? process.env.MILLRACE_TOKEN : readFileSync(file, "utf8").trim();
}
