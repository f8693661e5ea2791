import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdRun, refuseHeldRun } from "./run-lock.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-lock-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const holder = (pid: number, host = hostname()) =>
  writeFileSync(join(directory, "lock"), JSON.stringify({ pid, host }));

test("a run that is held is refused until it is let go", () => {
  const letGo = holdRun(directory);
  expect(() => holdRun(directory)).toThrow(`${directory} is being written by process ${process.pid}`);
  letGo();
  expect(existsSync(join(directory, "lock"))).toBe(false);
  holdRun(directory)();
});

test("the lock of a living process holds, that of one that is gone does not", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  holder(child.pid as number);
  expect(() => refuseHeldRun(directory)).toThrow(`process ${child.pid}`);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  holdRun(directory)();
});

test("another machine's lock holds, a torn one does not", () => {
  holder(1, "elsewhere");
  expect(() => holdRun(directory)).toThrow("process 1 on elsewhere");
  writeFileSync(join(directory, "lock"), '{"pid":');
  holdRun(directory)();
});

test("a lock of this process's number from before a restart does not hold", () => {
  holder(process.pid);
  holdRun(directory)();
});

test("a directory made for nothing goes again", () => {
  const made = join(directory, "run");
  holdRun(made)();
  expect(existsSync(made)).toBe(false);
  const letGo = holdRun(made);
  writeFileSync(join(made, "config.json"), "{}");
  letGo();
  expect(existsSync(made)).toBe(true);
});
