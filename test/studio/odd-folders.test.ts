/** Folders as they come to be: runs torn, foreign or linked to themselves, deep paths, folders of one name. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRetrievalConfig, trainRetrievalRun } from "../../src/retrieval/index.ts";
import type { Comparison, DataList, RunCurves, RunDetail, RunList } from "../../src/studio/index.ts";
import { makeShop, type Shop, trainShop } from "../serving/shop.ts";
import { type Asked, openStudio } from "./asking.ts";
import { buildPage } from "./built-page.ts";
import { appendPoints, writeStatus } from "./runs.ts";

let shop: Shop;
let asked: Asked;
const page = buildPage();
const folder = mkdtempSync(join(tmpdir(), "millrace-odd-"));
const at = (...parts: string[]): string => join(folder, ...parts);
const copy = (to: string): string => {
  cpSync(shop.path("run"), at("runs", to), { recursive: true });
  return at("runs", to);
};

beforeAll(async () => {
  shop = makeShop();
  await trainShop(shop, "run", "early");
  copy("good");
  for (const name of ["one/logs", "two/logs"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("one/logs/x.csv"), "user,click\na,1\nb,0\n");
  writeFileSync(at("two/logs/x.csv"), "item,click\ni,1\nj,0\nk,0\n");
  asked = await openStudio({ folder: at("runs"), page: page.path, data: [at("one/logs"), at("two/logs")] });
});
afterAll(async () => {
  await asked.studio.close();
  rmSync(shop.folder, { recursive: true });
  page.remove();
  rmSync(folder, { recursive: true });
});

test("a status that cannot be one is a broken run, and no other run suffers", async () => {
  const status = (run: string): string => join(copy(run), "status.json");
  const loop = status("loop");
  rmSync(loop, { force: true });
  symlinkSync("status.json", loop);
  writeFileSync(status("null"), "null");
  writeFileSync(status("words"), '{"version":1,"state":"weird"}');
  writeFileSync(status("torn"), '{"version":1,"sta');
  writeStatus(copy("never"), { updatedAt: "never" });
  writeStatus(copy("ahead"), { updatedAt: "2990-01-01T00:00:00.000Z" });
  const { runs } = await asked.get<RunList>("/api/runs");
  const told = Object.fromEntries(runs.map(({ id, condition, reason }) => [id, [condition, reason]]));
  expect(told).toEqual({
    good: ["finished", undefined],
    loop: ["broken", "status.json is not a plain file"],
    null: ["broken", expect.stringMatching(/^status\.json: the file: /)],
    words: ["broken", expect.stringMatching(/^status\.json: state: /)],
    torn: ["broken", expect.stringMatching(/^status\.json is not valid JSON/)],
    never: ["broken", 'status.json: updatedAt: expected a time in ISO 8601; it is "never"'],
    ahead: ["interrupted", "its process has ended without a word"],
  });
});

test("figures that lack something make the run a broken one, the field named", async () => {
  const metrics = JSON.parse(readFileSync(shop.path("run/metrics.json"), "utf8"));
  const changed = {
    "figures/history": { ...metrics, history: [{ ...metrics.history[0], trainLoss: undefined }] },
    "figures/score": { ...metrics, valid: { ...metrics.valid, metrics: { click: { auc: 0.7 } } } },
    "figures/empty": {},
  };
  for (const [run, content] of Object.entries(changed)) {
    writeFileSync(join(copy(run), "metrics.json"), JSON.stringify(content));
  }
  const summary = async (run: string): Promise<unknown> =>
    (await asked.get<RunDetail>(`/api/run?id=${run}`)).summary;
  expect(await summary("figures/history")).toMatchObject({
    condition: "broken",
    reason: "metrics.json: history[0].trainLoss: expected a number; it is nothing",
  });
  expect(await summary("figures/score")).toMatchObject({
    reason: "metrics.json: valid.metrics.click.auc: expected an object; it is 0.7",
  });
  expect(await summary("figures/empty")).toMatchObject({
    reason: "metrics.json: model: expected a text; it is nothing",
  });
});

test("runs are found however deep they lie", async () => {
  copy("a/b/c/d/e/f/g/h/deep");
  await expect
    .poll(async () => (await asked.get<RunList>("/api/runs")).runs.map(({ id }) => id))
    .toContain("a/b/c/d/e/f/g/h/deep");
});

test("data folders of one name are told apart", async () => {
  const { entries } = await asked.get<DataList>("/api/data");
  const logs = entries.filter(({ id }) => id.endsWith("x.csv"));
  expect(logs.map(({ bytes }) => bytes)).toEqual([19, 23]);
  expect(logs.map(({ id }) => id)).toEqual([
    expect.stringMatching(/one\/logs: x\.csv$/),
    expect.stringMatching(/two\/logs: x\.csv$/),
  ]);
});

test("what the list of data leaves out is told", async () => {
  const before = await asked.get<DataList>("/api/data");
  expect(before).toMatchObject({ limits: { levels: 4, entries: 500 }, more: false });
  mkdirSync(at("one/logs/a/b/c/d/e"), { recursive: true });
  writeFileSync(at("one/logs/a/b/c/d/near.csv"), "user,click\n");
  writeFileSync(at("one/logs/a/b/c/d/e/far.csv"), "user,click\n");
  const after = await asked.get<DataList>("/api/data");
  expect(after.entries).toHaveLength(before.entries.length + 1);
  expect(after.deeper).toBe(before.deeper + 1);
  for (let k = 0; k < 510; k++) writeFileSync(at(`two/logs/${k}.csv`), "user,click\n");
  const many = await asked.get<DataList>("/api/data");
  expect([many.entries.length, many.more]).toEqual([500, true]);
  rmSync(at("one/logs/a"), { recursive: true });
  for (let k = 0; k < 510; k++) rmSync(at(`two/logs/${k}.csv`));
});

test("a place in the curve that is none begins at the first point", async () => {
  appendPoints(copy("curve"), 1, 4);
  const { generation, step } = await asked.get<RunCurves>("/api/curves?id=curve");
  for (const from of ["-2", "x", "1e99"]) {
    const answer = await asked.get<RunCurves>(`/api/curves?id=curve&generation=${generation}&from=${from}`);
    expect([answer.from, answer.step.length]).toEqual(from === "1e99" ? [step.length, 0] : [0, step.length]);
  }
});

test("a retrieval run is listed, opened and measured, and its data outside is left alone", async () => {
  const lists = Array.from({ length: 40 }, (_, u) =>
    [`u${u}`, ...Array.from({ length: 6 }, (_, k) => `i${(u + k) % 20}`)].join(" "),
  ).join("\n");
  for (const [name, train] of [
    ["towers", at("one/logs/lists.txt")],
    ["elsewhere", join(shop.folder, "lists.txt")],
  ]) {
    writeFileSync(train, lists);
    const config = parseRetrievalConfig({
      task: "retrieval",
      interactions: { train, historyLength: 4 },
      model: { name: "MF", embeddingDim: 4 },
      objective: { name: "bpr" },
      training: { epochs: 1, metrics: ["recall@5"] },
    });
    await trainRetrievalRun(config, { directory: at("runs", name) });
  }
  await expect
    .poll(async () => (await asked.get<RunList>("/api/runs")).runs.map(({ id }) => id))
    .toEqual(expect.arrayContaining(["towers", "elsewhere"]));
  const { warnings } = await asked.post<{ warnings: string[] }>("/api/measure", { id: "towers" });
  expect(warnings).toEqual([]);
  const { summary, report, hasReportPage, commands } = await asked.get<RunDetail>("/api/run?id=towers");
  expect(summary).toMatchObject({ kind: "retrieval", condition: "finished", model: "MF" });
  expect(summary.scores.ranking["recall@5"]).toBeGreaterThan(0);
  expect(report?.retrieval?.[0]).toMatchObject({ users: 40, split: "test" });
  expect(hasReportPage).toBe(true);
  expect(commands.map(({ command }) => command).join()).toContain("millrace report");
  const compared = (ids: string): Promise<Comparison> => asked.get<Comparison>(`/api/compare?${ids}`);
  expect((await compared("id=towers&id=elsewhere")).command).toMatch(
    /^millrace report \S+towers \S+elsewhere /,
  );
  const mixed = await compared("id=good&id=towers");
  expect([mixed.command, mixed.apart]).toEqual([
    undefined,
    expect.stringMatching(/^Ranking and retrieval runs/),
  ]);
  expect((await compared("id=good&id=torn")).apart).toBe(
    "Only finished runs stand on one page; torn cannot.",
  );
  const far = await asked.post<{ outside: string[] }>("/api/measure", { id: "elsewhere" });
  expect(far.outside).toEqual([join(shop.folder, "lists.txt")]);
  expect((await asked.get<RunDetail>("/api/run?id=elsewhere")).report?.retrieval).toEqual([]);
}, 60_000);

test("measuring without the data does not take the place of a report that had it", async () => {
  const run = copy("measured");
  const report = JSON.stringify({ calibration: [{ model: "DCNv2" }] });
  writeFileSync(join(run, "report.json"), report);
  const refused = asked.post("/api/measure", { id: "measured" });
  await expect(refused).rejects.toThrow(/^400: .*outside the folder.*--data/);
  expect(readFileSync(join(run, "report.json"), "utf8")).toBe(report);
});
