/**
 * A run that is killed again and again, between steps and in the middle of writing a checkpoint, ends with
 * the same bytes as one that was never stopped: tables, weights, optimizer state, exported model.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import { DirectoryCheckpoints } from "../../src/training/node/index.ts";
import { builtMain } from "../cli/built.ts";

const child = fileURLToPath(new URL("./child.mjs", import.meta.url));
/** What starts twenty times over is not compiled each time. */
const compiled = pathToFileURL(join(dirname(builtMain()), "../run/index.js")).href;
const killer = fileURLToPath(new URL("./kill-at-byte.mjs", import.meta.url));
/** All twenty in continuous integration; a few where a person waits. */
const kills = process.env.MILLRACE_LONG === undefined ? 6 : 20;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-resume-"));
  writeFileSync(join(folder, "log.csv"), log(900));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 900 rows: the training split's last batch is partial. */
function log(rows: number): string {
  const random = new CounterRandom(3, "log");
  const lines = ["user,item,price,history,click"];
  for (let i = 0; i < rows; i++) {
    const draw = (k: number): number => random.uniform(10 * i + k);
    const history = Array.from(
      { length: Math.floor(draw(0) * 7) },
      (_, k) => `i${Math.floor(draw(1 + (k % 5)) * 40)}`,
    );
    const item = Math.floor(draw(6) * 40);
    const click = draw(7) < 0.2 + 0.5 * (item % 2) ? 1 : 0;
    lines.push(
      `u${Math.floor(draw(8) * 60)},i${item},${(draw(9) * 50).toFixed(2)},${history.join(" ")},${click}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function run(
  directory: string,
  env: { [name: string]: string } = {},
): { signal: string | null; status: number | null; output: string } {
  const result = spawnSync(
    process.execPath,
    ["--import", killer, child, compiled, join(folder, "log.csv"), directory],
    { env: { ...process.env, ...env }, encoding: "utf8" },
  );
  return { signal: result.signal, status: result.status, output: `${result.stdout}${result.stderr}` };
}

/** Everything that must be equal, by file. */
function bytesOf(directory: string): { [file: string]: string } {
  const checkpoint = join(directory, "checkpoint");
  const read = (path: string): string => readFileSync(path).toString("base64");
  const files: { [file: string]: string } = { "model.onnx": read(join(directory, "model.onnx")) };
  for (const table of readdirSync(join(directory, "tables")))
    files[table] = read(join(directory, "tables", table));
  for (const kind of ["current", "best"]) {
    const { folder: name } = JSON.parse(readFileSync(join(checkpoint, `${kind}.json`), "utf8"));
    files[kind] = read(join(checkpoint, name, "weights.safetensors"));
  }
  const progress = new DirectoryCheckpoints(checkpoint).loadCurrent()?.progress;
  const history = progress?.history.map(({ seconds, ...record }) => record);
  return { ...files, progress: JSON.stringify({ ...progress, history, seconds: 0 }) };
}

test("killed at random steps and at random bytes of checkpoints, a run ends with the same bytes", () => {
  const whole = run(join(folder, "whole"));
  expect(whole.output).toContain("rate 0.002");
  expect(whole.status, whole.output).toBe(0);
  const killed = join(folder, "killed");
  const random = new CounterRandom(Number(process.env.KILL_SEED ?? 11), "kills");
  let died = 0;
  for (let k = 0; k < kills; k++) {
    const afterSteps = String(1 + random.integer(2 * k, 14));
    const atByte = String(1 + random.integer(2 * k + 1, 150_000));
    const result = run(killed, k % 2 === 0 ? { KILL_AFTER_STEPS: afterSteps } : { KILL_AT_BYTE: atByte });
    if (result.signal === "SIGKILL") died++;
    else expect(result.status, result.output).toBe(0);
    // Whatever byte it died at, what is there can be loaded: a complete checkpoint or none.
    const checkpoint = join(killed, "checkpoint");
    if (existsSync(checkpoint)) new DirectoryCheckpoints(checkpoint).loadCurrent();
    if (existsSync(join(killed, "bundle.json"))) expect(existsSync(join(killed, "model.onnx"))).toBe(true);
  }
  expect(died).toBe(kills);
  const last = run(killed);
  expect(last.status, last.output).toBe(0);
  expect(bytesOf(killed)).toEqual(bytesOf(join(folder, "whole")));
}, 600_000);
