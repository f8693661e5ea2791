/** The studio's page, built as `npm run build` does, into a folder of its own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../scripts/build-studio.mjs", import.meta.url));

export function buildPage(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-page-"));
  const path = join(folder, "app");
  execFileSync(process.execPath, [script, path], { stdio: ["ignore", "ignore", "inherit"] });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
