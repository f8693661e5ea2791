/**
 * Builds the studio's page into `dist/studio/app` (or the folder that is named): one program, one style sheet, so
 * that whoever has the package needs no tools. Run by `npm run build`.
 */
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../src/studio/app", import.meta.url));
const outDir = resolve(process.argv[2] ?? fileURLToPath(new URL("../dist/studio/app", import.meta.url)));

await build({
  root,
  base: "./",
  configFile: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir, emptyOutDir: true, target: "es2022", modulePreload: false, assetsInlineLimit: 0 },
});

let bytes = 0;
for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
  bytes += statSync(join(outDir, name)).size;
}
console.log(`studio page: ${Math.round(bytes / 1000)} kB`);
