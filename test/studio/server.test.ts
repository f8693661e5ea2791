/** The studio's server: what it tells of runs, data and servers, what it writes, and whom it refuses. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCascade, Server } from "../../src/serving/index.ts";
import type {
  Claims,
  Comparison,
  DataList,
  Inspection,
  RunCurves,
  RunDetail,
  RunList,
  RunSummary,
  ServingView,
  Validation,
} from "../../src/studio/index.ts";
import { Studio } from "../../src/studio/index.ts";
import { type Asked, openStudio, raw } from "./asking.ts";
import { buildPage } from "./built-page.ts";
import { appendPoints, makeRuns, type RunsFolder, writeStatus } from "./runs.ts";

let runs: RunsFolder;
let asked: Asked;
let server: Server;
const page = buildPage();
const outside = mkdtempSync(join(tmpdir(), "millrace-outside-"));

beforeAll(async () => {
  runs = await makeRuns();
  const config = parseCascade({
    models: [
      { name: "early", run: "shop/early" },
      { name: "final", run: "shop/final" },
    ],
    users: { file: "users.jsonl", key: "user_id" },
    items: { file: "items.jsonl", key: "item_id" },
    candidates: { source: "all" },
    stages: [
      { name: "early", model: "early", keep: 20 },
      { name: "final", model: "final" },
    ],
  });
  const token = "a token of the server";
  server = await Server.create([() => ({ name: "feed", folder: runs.path, config })], {
    port: 0,
    token,
    pool: { workers: 1 },
  });
  asked = await openStudio({
    folder: runs.path,
    page: page.path,
    results: [runs.at("results")],
    serving: { url: await server.listen(), token },
  });
});
afterAll(async () => {
  await asked.studio.close();
  await server.stop();
  runs.remove();
  page.remove();
  rmSync(outside, { recursive: true });
});

const runOf = (list: RunList, id: string): RunSummary => {
  const found = list.runs.find((run) => run.id === id);
  if (found === undefined) throw new Error(`no run ${id} among ${list.runs.map((run) => run.id).join(", ")}`);
  return found;
};

describe("runs", () => {
  test("are found at any depth, each with its condition, and why where it is a bad one", async () => {
    const list = await asked.get<RunList>("/api/runs");
    const told = Object.fromEntries(list.runs.map(({ id, condition, reason }) => [id, [condition, reason]]));
    expect(told).toEqual({
      live: ["training", undefined],
      "shop/early": ["finished", undefined],
      "shop/final": ["finished", undefined],
      "troubles/full-disk": ["failed", "no space left on device"],
      "troubles/half": ["interrupted", "training has not finished"],
      "troubles/table-gone": ["broken", "tables/embedding.tables.user_id.safetensors is missing"],
      "troubles/torn": ["broken", expect.stringMatching(/^metrics\.json is not valid JSON/)],
    });
  });

  test("carry their figures and the settings in which they differ", async () => {
    const list = await asked.get<RunList>("/api/runs");
    const metrics = JSON.parse(readFileSync(runs.at("shop/final/metrics.json"), "utf8"));
    const final = runOf(list, "shop/final");
    expect(final).toMatchObject({ model: "DIN", kind: "ranking", split: "valid", epochs: 1, steps: 5 });
    expect(final.scores.click.auc).toBe(metrics.valid.metrics.click.auc.value);
    expect(final.settings["model.name"]).toBe("DIN");
    expect(list.differing).toContain("model.name");
    expect(list.differing).not.toContain("training.seed");
  });

  test("in full: configuration, report, files, and how to get them again", async () => {
    const detail = await asked.get<RunDetail>("/api/run?id=shop/final");
    expect(detail).toMatchObject({ hasReportPage: true, rows: { train: 1200, valid: 300 } });
    expect(detail.report?.features.map(({ name }) => name)).toContain("item_id");
    expect(detail.report?.calibration).toHaveLength(1);
    expect(detail.files.map(({ name }) => name)).toContain("model.onnx");
    expect(detail.commands[0].command).toMatch(/^millrace train .*shop\/final\/config\.json --out/);
  });

  test("side by side: every setting, and which differ", async () => {
    const { settings, command } = await asked.get<Comparison>("/api/compare?id=shop/early&id=shop/final");
    const of = (key: string) => settings.find((setting) => setting.key === key);
    expect(of("model.name")).toEqual({ key: "model.name", values: ["DCNv2", "DIN"], differs: true });
    expect(of("training.seed")).toMatchObject({ values: ["1", "1"], differs: false });
    expect(of("model.cross_layers")?.values).toEqual(["1", null]);
    expect(command).toMatch(/^millrace report \S+shop\/early \S+shop\/final -o comparison\.html$/);
  });
});

describe("a run that trains", () => {
  const curves = (query = ""): Promise<RunCurves> => asked.get(`/api/curves?id=live${query}`);

  test("tells only new points of its curves; a file that was cut begins anew", async () => {
    const first = await curves();
    expect([first.from, first.step.at(-1)]).toEqual([0, 12]);
    expect(first.loss.every(Number.isFinite)).toBe(true);
    appendPoints(runs.at("live"), 13, 20);
    const more = await curves(`&from=${first.step.length}&generation=${first.generation}`);
    expect([more.from, ...more.step]).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const nothing = await curves(`&from=20&generation=${first.generation}`);
    expect(nothing.step).toEqual([]);
    // A resumed run drops what came after its checkpoint, and writes on.
    const { EventLog } = await import("../../src/run/index.ts");
    const log = new EventLog(runs.at("live"), { resumeStep: 5 });
    for (let step = 6; step <= 40; step++) log.scalars(step, { "train/loss": 1 });
    log.close();
    const anew = await curves(`&from=20&generation=${first.generation}`);
    expect(anew.generation).not.toBe(first.generation);
    expect([anew.from, anew.step.length, anew.loss.at(-1)]).toEqual([0, 40, 1]);
  });

  test("is asked to stop after its epoch by a file, which can be taken back", async () => {
    const after = await asked.post<RunSummary>("/api/stop", { id: "live", stop: true });
    expect([after.stopRequested, existsSync(runs.at("live/stop-after-epoch"))]).toEqual([true, true]);
    const back = await asked.post<RunSummary>("/api/stop", { id: "live", stop: false });
    expect([back.stopRequested, existsSync(runs.at("live/stop-after-epoch"))]).toEqual([false, false]);
    await expect(asked.post("/api/stop", { id: "shop/early", stop: true })).rejects.toThrow(
      "is not training",
    );
  });

  test("whose process has ended is interrupted", async () => {
    const old = new Date(Date.now() - 60_000).toISOString();
    writeStatus(runs.at("live"), { pid: 2 ** 22 + 1, updatedAt: old });
    const told = runOf(await asked.get<RunList>("/api/runs"), "live");
    expect([told.condition, told.reason]).toEqual(["interrupted", "its process has ended without a word"]);
    writeStatus(runs.at("live"), {});
    expect(runOf(await asked.get<RunList>("/api/runs"), "live").condition).toBe("training");
  });
});

describe("data", () => {
  test("files and configurations of the folder are listed, encoded data is not", async () => {
    const { entries } = await asked.get<DataList>("/api/data");
    expect(entries.map(({ id }) => id)).toEqual([
      "clicks.csv",
      "clicks.yaml",
      "items.jsonl",
      "train.jsonl",
      "users.jsonl",
      "valid.jsonl",
    ]);
  });

  test("are inspected and validated as the command line does", async () => {
    const { report } = await asked.post<Inspection>("/api/inspect", { id: "clicks.csv" });
    expect(report).toMatchObject({ rows: 300, label: { name: "click" } });
    const validation = await asked.post<Validation>("/api/validate", { id: "clicks.yaml" });
    expect(validation.report.splits.train?.rows).toBe(240);
    const refused = asked.post("/api/inspect", { id: "clicks.csv", label: "clik" });
    await expect(refused).rejects.toThrow(/^400: .*clik.*did you mean click/);
  });

  test("that a configuration names outside the folder is not read, whichever way it is named", async () => {
    writeFileSync(join(outside, "secret.csv"), "user,click\na,1\nb,0\n");
    symlinkSync(join(outside, "secret.csv"), runs.at("linked.csv"));
    mkdirSync(runs.at("odd"));
    for (const [name, file] of [
      ["absolute", join(outside, "secret.csv")],
      ["climbing", `../../${outside.split("/").at(-1)}/secret.csv`],
      ["linked", "../linked.csv"],
      ["glob", `${outside}/*.csv`],
      ["climbing-glob", "*/../../*/secret.csv"],
      ["address", "https://example.org/clicks.csv"],
    ]) {
      const yaml = `data: { train: ${JSON.stringify(file)} }\nfeatures: [{ name: user, kind: categorical }]\nlabels: [{ name: click }]\nmodel: { name: LR }\n`;
      writeFileSync(runs.at(`odd/${name}.yaml`), yaml);
      const { entries } = await asked.get<DataList>("/api/data");
      expect(entries.find(({ id }) => id === `odd/${name}.yaml`)?.outside, name).toHaveLength(1);
      await expect(asked.post("/api/validate", { id: `odd/${name}.yaml` }), name).rejects.toThrow(
        "outside the folder",
      );
    }
    const { entries: list } = await asked.get<DataList>("/api/data");
    expect(list.map(({ id }) => id)).not.toContain("linked.csv");
    rmSync(runs.at("odd"), { recursive: true });
    rmSync(runs.at("linked.csv"));
  });

  test("a run is measured where a button asks for it, and its report written", async () => {
    expect(existsSync(runs.at("shop/early/report.json"))).toBe(false);
    await asked.post("/api/measure", { id: "shop/early" });
    const detail = await asked.get<RunDetail>("/api/run?id=shop/early");
    expect(detail.report?.calibration).toHaveLength(1);
    expect(detail.hasReportPage).toBe(true);
  });
});

describe("claims", () => {
  test("stand beside what was measured; a file that is no result is named", async () => {
    const { claims, broken } = await asked.get<Claims>("/api/claims");
    expect(claims).toHaveLength(52);
    const stem = claims.find(({ id }) => id === "S07");
    expect(stem?.verdict).toBe("partly");
    expect(stem?.results[0].comparisons).toHaveLength(3);
    expect(claims.filter(({ verdict }) => verdict === undefined)).toHaveLength(51);
    expect(broken.map(({ file }) => file)).toEqual(["torn.json"]);
  });
});

describe("a running server", () => {
  test("is a funnel with counts, and is asked for explained rankings", async () => {
    const request = { user: "u3", context: { hour: 4 }, limit: 5 };
    const answer = await asked.post<{ items: { explanation?: { stages: { stage: string }[] } }[] }>(
      "/api/rank",
      {
        service: "feed",
        request,
      },
    );
    expect(answer.items).toHaveLength(5);
    expect(answer.items[0].explanation?.stages.map(({ stage }) => stage)).toEqual(["early", "final"]);
    const { services } = await asked.get<ServingView>("/api/serving");
    expect(services).toHaveLength(1);
    const [{ name, requests, stages, latency }] = services;
    expect([name, requests]).toEqual(["feed", { 200: 1 }]);
    expect(stages.map((stage) => [stage.name, stage.runs, stage.candidates])).toEqual([
      ["candidates", 1, 1000],
      ["early", 1, 150],
      ["final", 1, 20],
    ]);
    expect(latency.p99Ms).toBeGreaterThan(0);
  });

  test("tells its refusals as its own", async () => {
    const body = { service: "nothing", request: {} };
    await expect(asked.post("/api/rank", body)).rejects.toThrow('404: {"error":"the server answered 404');
    await expect(asked.post("/api/rank", { service: "feed", request: { limit: 0 } })).rejects.toThrow(
      "request.limit",
    );
  });

  test("that is away is said to be; without an address there is a hint", async () => {
    const other = await openStudio({
      folder: runs.path,
      page: page.path,
      serving: { url: "http://127.0.0.1:1" },
    });
    const view = await other.get<ServingView>("/api/serving");
    expect(view.unreachable).toMatch(/fetch failed/);
    await other.studio.close();
    const without = await openStudio({ folder: runs.path, page: page.path });
    await expect(without.get("/api/serving")).rejects.toThrow("--serving http://127.0.0.1:8080");
    await without.studio.close();
  });
});

describe("who may ask", () => {
  const paths = ["/", "/api/info", "/api/runs", "/api/run?id=live", "/api/data", "/report?id=shop/final"];

  test.each(paths)("%s needs the token", async (path) => {
    expect((await raw(asked.origin, path)).status).toBe(401);
    expect((await raw(asked.origin, path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    const between = path.includes("?") ? "&" : "?";
    expect((await raw(asked.origin, `${path}${between}token=${asked.token}x`)).status).toBe(401);
    const headers = { authorization: `Bearer ${asked.token}` };
    expect((await raw(asked.origin, path, { headers })).status).toBe(200);
  });

  test("the page's program tells nothing, and needs none", async () => {
    const { body } = await raw(asked.origin, `/?token=${asked.token}`);
    const script = /src="\.(\/assets\/[\w-]+\.js)"/.exec(body)?.[1] ?? "";
    const answer = await raw(asked.origin, script);
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(answer.body).not.toContain(runs.path);
  });

  test("a foreign name is refused even with the token: no page elsewhere can have it resolve here", async () => {
    for (const host of ["example.org", "millrace.example:80", "169.254.0.1", "127.0.0.1.example.org"]) {
      const headers = { host, authorization: `Bearer ${asked.token}` };
      expect((await raw(asked.origin, "/api/runs", { headers })).status, host).toBe(421);
    }
    const { port } = new URL(asked.origin);
    const headers = { host: `localhost:${port}`, authorization: `Bearer ${asked.token}` };
    expect((await raw(asked.origin, "/api/runs", { headers })).status).toBe(200);
  });

  test("another page's requests are refused, and changes are made by no link", async () => {
    const authorization = `Bearer ${asked.token}`;
    const foreign = { origin: "https://example.org", authorization };
    expect((await raw(asked.origin, "/api/runs", { headers: foreign })).status).toBe(403);
    const body = JSON.stringify({ id: "live", stop: true });
    const headers = { "content-type": "application/json" };
    const byLink = await raw(asked.origin, `/api/stop?token=${asked.token}`, {
      method: "POST",
      headers,
      body,
    });
    expect(byLink.status).toBe(401);
    const form = { authorization, "content-type": "text/plain" };
    expect((await raw(asked.origin, "/api/stop", { method: "POST", headers: form, body })).status).toBe(415);
    expect(existsSync(runs.at("live/stop-after-epoch"))).toBe(false);
  });

  test("pages load nothing from elsewhere; what a run has written runs nothing", async () => {
    const start = await raw(asked.origin, `/?token=${asked.token}`);
    const policy = String(start.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(start.headers["referrer-policy"]).toBe("no-referrer");
    const report = await raw(asked.origin, `/report?id=shop/final&token=${asked.token}`);
    expect(String(report.headers["content-security-policy"])).toMatch(/^sandbox; default-src 'none'/);
  });
});

describe("no path leaves the folder", () => {
  const headers = (): { authorization: string } => ({ authorization: `Bearer ${asked.token}` });

  test.each([
    "../outside",
    "shop/../../etc",
    "/etc",
    "..%2f..%2fetc",
    "%2e%2e/%2e%2e/etc",
    "shop/final/../../..",
    "shop/final%00",
    "..\\..\\etc",
    ".",
    "",
    "shop",
    "__proto__",
  ])("by the id %j", async (id) => {
    for (const path of ["/api/run", "/api/curves", "/api/compare", "/report"]) {
      const { status } = await raw(asked.origin, `${path}?id=${id}`, { headers: headers() });
      expect(status, path).toBe(404);
    }
    const body = JSON.stringify({ id: decodeURIComponent(id), stop: true });
    for (const path of ["/api/stop", "/api/measure", "/api/inspect", "/api/validate", "/api/validate-run"]) {
      const sent = { ...headers(), "content-type": "application/json" };
      const { status } = await raw(asked.origin, path, { method: "POST", headers: sent, body });
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(status, path).toBeLessThan(500);
    }
  });

  test.each([
    "/../package.json",
    "/assets/../../package.json",
    "/..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/assets/%2e%2e/x",
  ])("by the address %s", async (path) => {
    expect((await raw(asked.origin, path, { headers: headers() })).status).toBe(404);
  });

  test("by a link: neither runs nor files that are links are followed", async () => {
    const linked = join(outside, "run");
    mkdirSync(linked);
    writeFileSync(join(linked, "config.json"), readFileSync(runs.at("shop/early/config.json")));
    writeFileSync(join(linked, "status.json"), "{}");
    symlinkSync(linked, runs.at("elsewhere"));
    mkdirSync(runs.at("sly"));
    writeFileSync(join(outside, "private.html"), "<p>private</p>");
    for (const name of ["config.json", "metrics.json", "bundle.json"]) {
      symlinkSync(join(outside, "private.html"), runs.at("sly", name));
    }
    symlinkSync(join(outside, "private.html"), runs.at("sly/report.html"));
    // An id that is not known has the folder walked anew.
    expect(JSON.stringify(await asked.get<RunDetail>("/api/run?id=sly"))).not.toContain("private<");
    const list = await asked.get<RunList>("/api/runs");
    expect(list.runs.map(({ id }) => id)).not.toContain("elsewhere");
    expect(runOf(list, "sly")).toMatchObject({
      condition: "broken",
      reason: "config.json is not a plain file",
    });
    expect((await raw(asked.origin, "/report?id=sly", { headers: headers() })).status).toBe(404);
    rmSync(runs.at("elsewhere"));
    rmSync(runs.at("sly"), { recursive: true });
  });
});

test("a folder that is not there, and a page that was not built, are said", () => {
  expect(() => new Studio({ folder: join(outside, "none") })).toThrow("there is no folder");
  expect(() => new Studio({ folder: outside, page: outside })).toThrow(
    "the studio's page has not been built",
  );
});
