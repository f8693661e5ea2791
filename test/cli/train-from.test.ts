/** `millrace train --from`: a finished run goes on with rows of new days. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRun, type RunMetrics } from "../../src/run/index.ts";
import { millrace, millraceJson, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("from");
const at = (name: string): string => join(folder.path, name);
const small = ["--set", "training.batch_size=50", "training.epochs=8", "training.learning_rate=0.05"];

/** Users of the later days are partly new; every third clicks more often. */
beforeAll(async () => {
  for (const [file, days] of Object.entries({ old: [1, 2, 3], new: [4, 5] })) {
    const rows = days.flatMap((day) =>
      Array.from({ length: 200 }, (_, k) => {
        const user = day === 5 && k % 2 === 0 ? 100 + (k % 10) : k % 9;
        const minute = String(k % 60).padStart(2, "0");
        const time = `2026-01-0${day}T${String(8 + Math.floor(k / 60)).padStart(2, "0")}:${minute}:00Z`;
        return `${time},u${user},${["home", "search"][k % 2]},${Number((k * 7) % 10 < (user % 3 === 0 ? 8 : 2))}`;
      }),
    );
    writeFileSync(at(`${file}.csv`), `time,user,page,click\n${rows.join("\n")}\n`);
  }
  const newest = readFileSync(at("new.csv"), "utf8");
  writeFileSync(at("newest.csv"), newest.replaceAll("2026-01-", "2026-02-").replaceAll(",u10", ",v10"));
  await millraceJson(
    ["train", "old.csv", "--label", "click", "--model", "FM", ...small, "--out", "old"],
    folder.path,
  );
}, 60_000);
afterAll(folder.remove);

const users = (run: string): number => openRun(at(run)).map.encoders.user.size;

test("new days are predicted by the old model, then learnt; vocabularies stay, or grow where asked", async () => {
  const from = (...args: string[]): Promise<RunMetrics> =>
    millraceJson(["train", "new.csv", "--from", "old", ...args], folder.path);
  const kept = await from("--out", "kept");
  expect(kept.history.map(({ phase }) => phase)).toEqual(["2026-01-04", "2026-01-05"]);
  // The old model knows the users of the first new day.
  const [known] = kept.history.map(({ valid }) => valid?.click.auc as number);
  expect(known).toBeGreaterThan(0.7);
  expect(users("kept")).toBe(users("old"));
  await from("--grow", "--out", "grown");
  expect(users("grown")).toBe(users("old") + 5);
  // What a run goes on from stands in its configuration, so that it can be trained again.
  expect(JSON.parse(readFileSync(at("grown/config.json"), "utf8")).training.streaming).toMatchObject({
    start: at("old"),
    grow: true,
  });
  // Growing is asked for each time: it is no inheritance.
  const { stdout } = await millrace(
    ["train", "newest.csv", "--from", "grown", "--out", "third"],
    folder.path,
  );
  expect(users("third")).toBe(users("grown"));
  expect(stdout).toMatch(/^FM: .* 2 windows, /);
  expect(stdout).toContain("each window predicted before it was trained on");
}, 60_000);

test("a retrieval run is not gone on from", async () => {
  mkdirSync(at("towers"));
  for (const [file, content] of Object.entries({ config: { task: "retrieval" }, "feature-map": {} })) {
    writeFileSync(at(`towers/${file}.json`), JSON.stringify(content));
  }
  for (const target of ["new.csv", "old/config.yaml"]) {
    const { code, stderr } = await millrace(
      ["train", target, "--from", "towers", "--out", "none"],
      folder.path,
    );
    expect(code).toBe(2);
    expect(stderr).toContain("--from: towers is a retrieval run, and only ranking runs go on with new data");
  }
  expect(existsSync(at("none"))).toBe(false);
});

test.each([
  [["new.csv", "--grow"], "--grow lets the vocabularies of a run grow, so it needs --from"],
  [["new.csv", "--from", "nowhere"], "--from: nowhere holds no finished run"],
  [["new.csv", "--from", "old", "--model", "LR"], "leave --model out"],
  [["other.yaml", "--from", "old"], "in the feature map it is page"],
  [
    ["same.yaml", "--from", "old", "--set", "model.embedding_dim=3"],
    "the saved weights do not fit the grown model",
  ],
  [["same.yaml", "--from", "old", "--model", "LR"], "the grown model has no place for the saved weights"],
])(
  "%j does not fit and is refused in words",
  async (args, message) => {
    const config = readFileSync(at("old/config.yaml"), "utf8");
    writeFileSync(at("same.yaml"), config);
    writeFileSync(at("other.yaml"), config.replace("name: page", "name: device\n    column: page"));
    const out = `refused-${args.join("-").replace(/[^a-z]+/gi, "-")}`;
    const { code, stderr } = await millrace(["train", ...args, "--out", out], folder.path);
    expect(code).toBeGreaterThan(1);
    expect(stderr).toContain(message);
  },
  60_000,
);
