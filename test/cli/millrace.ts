/** Calls the command line as people do: a process of its own, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtMain } from "./built.ts";

const main = builtMain();

export interface Called {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Calling {
  readonly process: ChildProcess;
  readonly ended: Promise<Called>;
  /** Resolves when stderr holds the text. */
  said(text: string): Promise<void>;
}

export function start(args: readonly string[], cwd: string): Calling {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Called>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr.on("data", look);
      look();
      void ended.then(() => reject(new Error(`ended without saying "${text}": ${stderr}`)));
    });
  return { process: child, ended, said };
}

export function millrace(args: readonly string[], cwd: string): Promise<Called> {
  return start(args, cwd).ended;
}

/** A call that must succeed, its one JSON object read. */
export async function millraceJson<T>(args: readonly string[], cwd: string): Promise<T> {
  const { code, stdout, stderr } = await millrace([...args, "--json"], cwd);
  if (code !== 0) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** A folder for one test file, with the call that removes it. */
export function temporaryFolder(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Arguments of a world that is generated in a moment, and of a training run that takes two. */
export const smallWorld = [
  "world",
  "--out",
  "world",
  "--impressions",
  "6000",
  "--users",
  "300",
  "--items",
  "300",
];
export const smallTraining = [
  "--set",
  "training.epochs=2",
  "training.batch_size=512",
  "model.hidden_units=[16]",
];
