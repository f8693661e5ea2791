/** Ctrl-C saves and says how to go on; going on gives the bytes of a run that was never stopped. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { millrace, millraceJson, smallWorld, start, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("interrupt");
const settings = [
  "training.epochs=4",
  "training.batch_size=32",
  "training.early_stop_patience=null",
  "model.hidden_units=[32]",
  "model.net_dropout=0.1",
];
const training = ["train", "world/config.yaml", "--set", ...settings];

beforeAll(() => millraceJson(smallWorld, folder.path));
afterAll(folder.remove);

test("a run stopped by Ctrl-C goes on to the same bytes", async () => {
  const call = start([...training, "--out", "stopped"], folder.path);
  await call.said("epoch 1:");
  call.process.kill("SIGINT");
  const { code, stderr, stdout } = await call.ended;
  expect(stderr).toContain("Ctrl-C again ends at once");
  expect(stderr).toContain("go on with: millrace train stopped --resume");
  expect(stdout).toBe("");
  expect(code).toBe(130);
  expect(existsSync(join(folder.path, "stopped", "bundle.json"))).toBe(false);

  const unfinished = await millrace(["evaluate", "stopped"], folder.path);
  expect(unfinished.code).toBe(3);
  expect(unfinished.stderr).toContain("--resume");

  const resumed = await millrace(["train", "stopped", "--resume"], folder.path);
  expect(resumed.stderr).toContain("going on at epoch");
  expect(resumed.code).toBe(0);
  const whole = await millrace([...training, "--out", "whole"], folder.path);
  expect(whole.code).toBe(0);
  const tables = readdirSync(join(folder.path, "whole", "tables"));
  expect(tables.length).toBeGreaterThan(5);
  for (const file of ["model.onnx", ...tables.map((name) => join("tables", name))]) {
    const [a, b] = ["stopped", "whole"].map((run) => readFileSync(join(folder.path, run, file)));
    expect(a.equals(b), file).toBe(true);
  }
});

test("verbs that have nothing to save end at once", async () => {
  const call = start(["world", "--out", "big", "--impressions", "2000000"], folder.path);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  call.process.kill("SIGINT");
  expect((await call.ended).code).toBe(130);
});
