import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJson } from "./files.ts";

/** The package's version, from its own package.json. */
export function packageVersion(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return (readJson(join(here, "..", "..", "..", "package.json")) as { version: string }).version;
}
