/**
 * The command line compiled as `npm run build` does, once for each state of the sources: a process that
 * runs JavaScript starts in a third of the time of one that compiles TypeScript on the way.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Path of the compiled `cli/main.js`, beside which Node finds the repository's packages. */
export function builtMain(): string {
  const cache = join(root, "node_modules", ".cache", "millrace-cli");
  const directory = join(cache, sourceHash());
  if (!existsSync(directory)) compile(cache, directory);
  return join(directory, "dist", "cli", "main.js");
}

function compile(cache: string, directory: string): void {
  mkdirSync(cache, { recursive: true });
  const old = readdirSync(cache);
  const output = join(cache, `building-${randomUUID()}`);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = [
    "-p",
    join(root, "tsconfig.build.json"),
    "--outDir",
    join(output, "dist"),
    "--declaration",
    "false",
  ];
  execFileSync(process.execPath, [tsc, ...options], { stdio: "inherit" });
  copyFileSync(join(root, "package.json"), join(output, "package.json"));
  try {
    renameSync(output, directory);
  } catch (error) {
    // Another test process was first.
    rmSync(output, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
  // Another call may be running from the newer ones.
  const hourAgo = Date.now() - 3_600_000;
  for (const path of old.map((name) => join(cache, name))) {
    // Another process may have removed it.
    const { mtimeMs = hourAgo } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < hourAgo) rmSync(path, { recursive: true, force: true });
  }
}

function sourceHash(): string {
  const hash = createHash("sha256");
  const source = join(root, "src");
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" }).sort()) {
    const { mtimeMs, size } = statSync(join(source, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}
