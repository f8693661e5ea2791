/** `millrace serve` as people run it: listening, answering, reloading by signal, stopping. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RankClient } from "../../src/serving/client/index.ts";
import { millrace, millraceJson, smallTraining, smallWorld, start, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("serve");

beforeAll(async () => {
  await millraceJson(smallWorld, folder.path);
  for (const run of ["one", "two"]) {
    const settings = [...smallTraining, `training.seed=${run.length + run.charCodeAt(0)}`];
    await millraceJson(["train", "world/config.yaml", "--out", run, ...settings], folder.path);
  }
});
afterAll(folder.remove);

interface Line {
  readonly event: string;
  readonly url?: string;
  readonly outcome?: string;
}

test("serves a pointer file, swaps by SIGHUP, stops by SIGTERM with exit code 0", async () => {
  const pointer = join(folder.path, "current");
  writeFileSync(pointer, "one\n");
  const tables = ["--users", "world/users.parquet:user_id", "--items", "world/items.parquet:item_id"];
  const call = start(["serve", "current", "--port", "0", "--workers", "1", "--json", ...tables], folder.path);
  let log = "";
  call.process.stderr?.on("data", (chunk) => (log += chunk));
  const lines = (): Line[] =>
    log
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
  await call.said('"event":"listening"');
  const client = new RankClient(lines().find(({ event }) => event === "listening")?.url as string);
  const request = {
    user: 3,
    context: { hour: 9, domain: 1, position: 1, item_age: 4 },
    candidates: [1, 2, 3],
  };
  const before = await client.rank("current", request);
  expect(before.items).toHaveLength(3);
  writeFileSync(pointer, "two\n");
  call.process.kill("SIGHUP");
  await call.said('"event":"reload"');
  const after = await client.rank("current", request);
  expect(after.version).not.toBe(before.version);
  call.process.kill("SIGTERM");
  const { code, stdout } = await call.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ requests: 2, services: [{ name: "current" }] });
  expect(lines().map(({ event }) => event)).toEqual(
    expect.arrayContaining(["listening", "request", "reload", "stopping", "stopped"]),
  );
});

test("SIGHUP while services are being loaded does not end the start, and is not lost", async () => {
  writeFileSync(join(folder.path, "first"), "one\n");
  const tables = ["--users", "world/users.parquet:user_id", "--items", "world/items.parquet:item_id"];
  const call = start(
    ["serve", "first", "one", "two", "--port", "0", "--workers", "1", ...tables],
    folder.path,
  );
  // The first service is there; the others are still to come.
  await call.said('"event":"split"');
  writeFileSync(join(folder.path, "first"), "two\n");
  call.process.kill("SIGHUP");
  await call.said('"event":"listening"');
  await call.said('"name":"first","outcome":"swapped"');
  call.process.kill("SIGTERM");
  expect((await call.ended).code).toBe(0);
});

test("a signal during the start ends it with 130, a second one at once, without a crash", async () => {
  const begin = async () => {
    const tables = ["--users", "world/users.parquet:user_id", "--items", "world/items.parquet:item_id"];
    const call = start(["serve", "one", "two", "--port", "0", "--workers", "1", ...tables], folder.path);
    await call.said('"event":"split"');
    call.process.kill("SIGTERM");
    return call;
  };
  const once = await (await begin()).ended;
  expect(once).toMatchObject({ code: 130, stdout: "" });
  expect(once.stderr).not.toContain('"event":"listening"');
  const twice = await begin();
  await twice.said("Ctrl-C again");
  twice.process.kill("SIGTERM");
  await twice.ended;
  expect([130, null]).toContain(twice.process.exitCode);
  expect([null, "SIGTERM"]).toContain(twice.process.signalCode);
});

test("writes the OpenAPI document and ends", async () => {
  const { paths } = await millraceJson<{ paths: string[] }>(
    ["serve", "one", "--openapi", "openapi.json"],
    folder.path,
  );
  expect(paths).toContain("/rank/{name}");
  const document = JSON.parse(readFileSync(join(folder.path, "openapi.json"), "utf8"));
  expect(document.openapi).toBe("3.1.0");
});

test.each([
  [["serve", "nothing"], 2, "there is no run and no cascade nothing"],
  [["serve", "world"], 3, "holds no finished run"],
  [["serve", "one", "--users", "world/users.parquet"], 2, "takes a file and its key column"],
  [["serve", "one", "--users", "world/users.parquet:user"], 3, 'no key column "user"'],
  [["serve", "one", "--host", "0.0.0.0"], 2, "without a token"],
  [["serve", "one", "--port", "many"], 2, "whole number"],
  [["serve", "one", "--max-connections", "0"], 2, "maxConnections"],
  [["serve", "one", "--token", "a secret of some length"], 2, "unknown option"],
])("%j ends with %i", async (args, code, message) => {
  const called = await millrace(args, folder.path);
  expect(called.stderr).toContain(message);
  expect(called.code).toBe(code);
});

test("verify says whether a server answers what was trained, by its exit code and one JSON object", async () => {
  const log = Array.from({ length: 5 }, (_, user) => ({
    user,
    context: { hour: 9, domain: 1, position: 1, item_age: 4 },
    candidates: [1, 2, 3, 50 + user],
  }));
  writeFileSync(join(folder.path, "requests.jsonl"), log.map((line) => JSON.stringify(line)).join("\n"));
  const tables = ["--users", "world/users.parquet:user_id", "--items", "world/items.parquet:item_id"];
  const asked = ["--log", "requests.jsonl", ...tables];
  const equal = await millrace(["verify", "one", ...asked, "--json"], folder.path);
  expect(equal.code).toBe(0);
  expect(JSON.parse(equal.stdout)).toMatchObject({ ok: true, requests: 5, rows: 20, labels: ["click"] });
  // The bundle of one run with the checkpoint of another.
  cpSync(join(folder.path, "one"), join(folder.path, "mixed"), { recursive: true });
  rmSync(join(folder.path, "mixed", "checkpoint"), { recursive: true });
  cpSync(join(folder.path, "two", "checkpoint"), join(folder.path, "mixed", "checkpoint"), {
    recursive: true,
  });
  const other = await millrace(["verify", "mixed", ...asked], folder.path);
  expect(other.code).toBe(1);
  expect(other.stdout).toMatch(/^NOT EQUAL: mixed as trained.*\n20 rows of 5 requests/);
  expect(other.stdout).toMatch(
    /\nat line \d, candidate \d+, click: trained 0\.\d+, served 0\.\d+\nrow: \{"user_id"/,
  );
  // Files of one bundle that are not its own are refused before anything is compared.
  cpSync(join(folder.path, "two", "model.onnx"), join(folder.path, "mixed", "model.onnx"));
  const refused = await millrace(["verify", "mixed", ...asked], folder.path);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("model.onnx is not the one that the run was saved with");
});
