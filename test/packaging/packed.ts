/** The package as npm would publish it, packed in a copy of the repository and installed elsewhere. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What packing reads: a copy, so that the repository's own `dist` is left alone. */
function needed(): string[] {
  const { files } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { files: string[] };
  const built = ["src", "scripts", "package.json", "tsconfig.json", "tsconfig.build.json"];
  return [...built, ...files.filter((name) => name !== "dist")];
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function execute(command: string, args: readonly string[], cwd: string): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: ownEnvironment() });
    const out = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (out[stream] += text));
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...out }));
  });
}

/** Without what an `npm test` around us tells its children about this repository. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|config_((local_)?prefix|onnxruntime.*))|INIT_CWD|NODE_ENV|NODE_OPTIONS|VITEST)/.test(
        name,
      ),
  );
  return { ...Object.fromEntries(inherited), npm_config_update_notifier: "false" };
}

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/** Runs `npm pack` (which builds) in a copy under `folder`; the tarball's path and what it holds. */
export async function pack(
  folder: string,
): Promise<{ readonly tarball: string; readonly files: readonly PackedFile[] }> {
  const copy = join(folder, "repository");
  mkdirSync(copy);
  for (const name of needed()) {
    if (existsSync(join(repository, name))) {
      cpSync(join(repository, name), join(copy, name), { recursive: true });
    }
  }
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
  const { code, stdout, stderr } = await execute(
    "npm",
    ["pack", "--json", "--pack-destination", folder],
    copy,
  );
  if (code !== 0) throw new Error(`npm pack failed:\n${stdout}\n${stderr}`);
  // The build may print lines before the JSON; newer npm keys the list by package name.
  const parsed: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  const [{ filename, files }] = Object.values(parsed as object) as {
    filename: string;
    files: PackedFile[];
  }[];
  return { tarball: join(folder, filename), files };
}

/** Installs into an empty project; why it could not be tried, when the registry is out of reach. */
export async function install(app: string, packages: readonly string[]): Promise<string | undefined> {
  mkdirSync(app, { recursive: true });
  const manifest = join(app, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true, "type": "module" }\n');
  const quick = ["--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1"];
  const { code, stderr } = await execute("npm", ["install", ...quick, ...packages], app);
  if (code === 0) return undefined;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ERR_SOCKET/.test(stderr)) {
    return "the package registry is out of reach, so nothing can be installed";
  }
  throw new Error(`npm install failed:\n${stderr}`);
}
