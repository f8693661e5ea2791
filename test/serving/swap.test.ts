/** New runs under load: no request fails, none sees two releases at once; overload is refused, not suffered. */
import { copyFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type LogEntry,
  lookAt,
  type MakeCandidateSource,
  type NamedCascade,
  parseCascade,
  type RankResponse,
  readTarget,
  Server,
  watchServices,
} from "../../src/serving/index.ts";
import { get, post, rankAt } from "./clients.ts";
import { predictRows } from "./predict-rows.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
const { tables } = shop;
const candidates = shop.items.slice(0, 40).map(({ item_id }) => item_id as number);
const request = { user: "u4", context: { hour: 9, time: NOW }, candidates, limit: 40 };

beforeAll(async () => {
  await trainShop(shop, "one", "final", { seed: 1 });
  await trainShop(shop, "two", "final", { seed: 2 });
});
const servers: Server[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function serve(target: () => NamedCascade, options: Parameters<typeof Server.create>[1] = {}) {
  const server = await Server.create([target], { port: 0, pool: { workers: 2 }, ...options });
  servers.push(server);
  return { server, url: await server.listen() };
}

/** Replaced by a rename, as releases are swapped in production. */
function pointTo(run: string): void {
  writeFileSync(shop.path("current.new"), `${run}\n`);
  renameSync(shop.path("current.new"), shop.path("current"));
}

/** Scores by id of both runs, as predict gives them. */
async function expected(run: string): Promise<Map<string, number>> {
  const user = shop.users[4];
  const rows = shop.items.slice(0, 40).map((item) => ({ ...user, ...item, hour: 9, time: NOW }));
  const scores = await predictRows(shop, shop.path(run), rows);
  return new Map(candidates.map((id, k) => [String(id), scores[k]]));
}

test("swaps under load: every answer is whole, from one release or the other", async () => {
  pointTo("one");
  const { server, url } = await serve(() => readTarget(shop.path("current"), tables));
  const truth = [await expected("one"), await expected("two")];
  const seen = new Set<string>();
  let running = true;
  let answered = 0;
  const load = Array.from({ length: 6 }, async () => {
    while (running) {
      const { status, body } = await post<RankResponse>(`${url}/rank/current`, request);
      expect(status, JSON.stringify(body)).toBe(200);
      expect(body.items).toHaveLength(40);
      const matches = truth.map((scores) =>
        body.items.every(({ id, score }) => Math.abs((scores.get(String(id)) ?? 2) - (score ?? 0)) < 1e-5),
      );
      expect(matches).toContain(true);
      seen.add(`${body.version} ${matches.indexOf(true)}`);
      answered++;
    }
  });
  const versions: string[] = [];
  for (let swap = 0; swap < 5; swap++) {
    pointTo(swap % 2 === 0 ? "two" : "one");
    const { outcome, version } = await server.reload("current");
    expect(outcome).toBe("swapped");
    versions.push(version);
    const before = answered;
    await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(before + 3);
  }
  running = false;
  await Promise.all(load);
  // A version stands for one run only.
  expect(seen.size).toBe(2);
  expect(new Set(versions).size).toBe(2);
  expect([...server.services.values()][0].release.requests).toBe(0);
});

test("what does not load changes nothing", async () => {
  pointTo("one");
  const { server, url } = await serve(() => readTarget(shop.path("current"), tables));
  const before = await rankAt(url, "current", request);
  pointTo("nowhere");
  await expect(server.reload("current")).rejects.toThrow(/neither a run directory nor a file that names one/);
  const { items, version } = await rankAt(url, "current", request);
  expect({ items, version }).toEqual({ items: before.items, version: before.version });
  expect((await get<string>(`${url}/metrics`)).body).toContain(
    'millrace_reloads_total{name="current",outcome="failed"} 1',
  );
});

test("a change while a release is being loaded is taken up after it", async () => {
  let making = false;
  let made: Promise<void> | undefined;
  const slow = async () => {
    making = true;
    await made;
    return { candidates: () => ({ ids: [1] }) };
  };
  const models = [{ name: "final", run: "current" }];
  const stages = [{ name: "final", model: "final" }];
  const config = parseCascade({ models, ...tables, candidates: { source: "slow" }, stages });
  pointTo("one");
  const { server } = await serve(() => ({ name: "feed", folder: shop.folder, config }), {
    sources: { slow },
  });
  const served = () => server.services.get("feed")?.release.models[0].version;
  const one = served();
  let go = (): void => {};
  made = new Promise((resolve) => {
    go = resolve;
  });
  making = false;
  pointTo("two");
  const first = server.reload("feed");
  // Runs have been read by then.
  await expect.poll(() => making).toBe(true);
  pointTo("one");
  const later = [server.reload("feed"), server.reload("feed")];
  go();
  expect((await first).outcome).toBe("swapped");
  for (const { outcome } of await Promise.all(later)) expect(outcome).toBe("swapped");
  expect(served()).toBe(one);
});

test("stopping gives up the release that is being loaded, and none is begun after it", async () => {
  pointTo("one");
  const log: LogEntry[] = [];
  const { server } = await serve(() => readTarget(shop.path("current"), tables), {
    log: (entry) => log.push(entry),
  });
  const [service] = server.services.values();
  pointTo("two");
  const ended: string[] = [];
  const reloads = ["first", "second"].map((name) =>
    server.reload("current").catch((error: Error) => ended.push(`${name}: ${error.message}`)),
  );
  await server.stop().then(() => ended.push("stopped"));
  await Promise.all(reloads);
  const closed = 'service "current" is closed';
  expect(ended).toEqual([`first: ${closed}`, `second: ${closed}`, "stopped"]);
  await expect(service.reload()).rejects.toThrow(closed);
  // Nothing has failed.
  expect(log.filter(({ level }) => level !== "info")).toEqual([]);
});

test("stopping waits no longer than it may for a release whose loading hangs", async () => {
  let made = 0;
  const hanging: MakeCandidateSource = () =>
    made++ === 0 ? { version: "1", candidates: () => ({ ids: [1, 2] }) } : new Promise(() => {});
  const config = parseCascade({
    models: [{ name: "final", run: "one" }],
    ...tables,
    candidates: { source: "hanging" },
    stages: [{ name: "final", model: "final" }],
  });
  const { server } = await serve(() => ({ name: "feed", folder: shop.folder, config }), {
    graceMs: 300,
    sources: { hanging },
  });
  server.reload("feed").catch(() => {});
  await expect.poll(() => made, { timeout: 20_000 }).toBe(2);
  await server.stop();
  await expect(server.pool.load("late", {} as never)).rejects.toThrow("the server has stopped");
});

test("a start that is given up loads no further and leaves nothing behind", async () => {
  const giveUp = new AbortController();
  let read = 0;
  const target = (name: string) => () => {
    if (++read === 2) giveUp.abort(new Error("given up"));
    return { ...readTarget(shop.path("one"), tables), name };
  };
  const targets = ["first", "second", "third"].map(target);
  await expect(Server.create(targets, { pool: { workers: 1 }, signal: giveUp.signal })).rejects.toThrow(
    "given up",
  );
  expect(read).toBe(2);
});

test("a source that fails while it is let go does not end the server", async () => {
  const failing = () => ({
    candidates: () => ({ ids: [1, 2] }),
    close: () => Promise.reject(new Error("closed already")),
  });
  const models = [{ name: "final", run: "one" }];
  const stages = [{ name: "final", model: "final" }];
  const config = parseCascade({ models, ...tables, candidates: { source: "failing" }, stages });
  const target = () => ({ name: "feed", folder: shop.folder, config });
  const { server, url } = await serve(target, { sources: { failing } });
  await server.reload("feed");
  expect((await rankAt(url, "feed", { user: "u4", context: request.context })).items).toHaveLength(2);
});

test("why a source or a stage failed is in the log", async () => {
  const log: LogEntry[] = [];
  const away = () => ({
    candidates: () => {
      throw new Error("the store is away");
    },
  });
  const models = [{ name: "final", run: "one" }];
  const stages = [{ name: "final", model: "final" }];
  const config = parseCascade({ models, ...tables, candidates: { source: "away" }, stages });
  const target = () => ({ name: "feed", folder: shop.folder, config });
  const { url } = await serve(target, { sources: { away }, log: (entry) => log.push(entry) });
  const { status, body } = await post<object>(`${url}/rank/feed`, { user: "u4" }, { "x-request-id": "one" });
  expect([status, JSON.stringify(body)]).toEqual([503, expect.not.stringContaining("store")]);
  const failed = log.find(({ event }) => event === "failed");
  expect(failed).toMatchObject({ level: "warn", request_id: "one", name: "feed", stage: "candidates" });
  expect(failed?.error).toContain("the store is away");
});

test.each([{ workers: 0 }, { workers: 1.5 }, { maxBatchRows: 0 }])(
  "a pool of %j is refused",
  async (pool) => {
    await expect(Server.create([() => readTarget(shop.path("one"))], { pool })).rejects.toThrow(
      "expected a whole number of more than 0",
    );
  },
);

test("watching sees a pointer file and a link change", async () => {
  const link = (run: string): void => {
    symlinkSync(shop.path(run), shop.path("link.new"));
    renameSync(shop.path("link.new"), shop.path("link"));
  };
  link("one");
  const target = () => readTarget(shop.path("link"), tables);
  const { server, url } = await serve(target);
  const unwatch = watchServices(server, [target], { everyMs: 50 });
  const { version } = await rankAt(url, "link", request);
  link("two");
  await expect
    .poll(async () => (await rankAt(url, "link", request)).version, { timeout: 20_000 })
    .not.toBe(version);
  unwatch();
});

test("watching sees what changed while the server was being made", async () => {
  pointTo("one");
  const target = () => readTarget(shop.path("current"), tables);
  const since = lookAt([target]);
  const { server } = await serve(target);
  const { version } = server.services.get("current")!.release;
  pointTo("two");
  const unwatch = watchServices(server, [target], { everyMs: 50, since });
  await expect
    .poll(() => server.services.get("current")!.release.version, { timeout: 20_000 })
    .not.toBe(version);
  unwatch();
});

test("watching tries again what did not load", async () => {
  pointTo("one");
  let users = tables.users.file;
  const target = () =>
    readTarget(shop.path("current"), { ...tables, users: { ...tables.users, file: users } });
  const log: LogEntry[] = [];
  const { server } = await serve(target, { log: (entry) => log.push(entry) });
  const { version } = server.services.get("current")!.release;
  const failures = (): LogEntry[] => log.filter(({ outcome }) => outcome === "failed");
  const unwatch = watchServices(server, [target], { everyMs: 50 });
  // Of a glob only the pattern is looked at, so nothing that is watched changes when its file comes.
  users = shop.path("later-*.jsonl");
  await expect.poll(() => failures().length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(server.services.get("current")!.release.version).toBe(version);
  copyFileSync(tables.users.file, shop.path("later-1.jsonl"));
  await expect
    .poll(() => server.services.get("current")!.release.version, { timeout: 20_000 })
    .not.toBe(version);
  unwatch();
});

test("a service may be called as long as a file may", async () => {
  const name = "n".repeat(200);
  const { url } = await serve(() => ({ ...readTarget(shop.path("one"), tables), name }));
  expect((await rankAt(url, name, request)).name).toBe(name);
});

test("a cascade's stages come from one release", async () => {
  const cascade = (): NamedCascade => ({
    name: "feed",
    folder: shop.folder,
    config: parseCascade({
      models: [
        { name: "a", run: "current" },
        { name: "b", run: "current" },
      ],
      ...tables,
      stages: [
        { name: "a", model: "a" },
        { name: "b", model: "b", score: "click - `a.click`" },
      ],
    }),
  });
  pointTo("one");
  const { server, url } = await serve(cascade);
  const reload = server.reload.bind(server, "feed");
  let running = true;
  const load = Array.from({ length: 4 }, async () => {
    while (running) {
      // Both stages run the same run: a difference would mean that they came from two releases.
      for (const { score } of (await rankAt(url, "feed", request)).items) expect(score).toBe(0);
    }
  });
  for (let swap = 0; swap < 3; swap++) {
    pointTo(swap % 2 === 0 ? "two" : "one");
    await reload();
  }
  running = false;
  await Promise.all(load);
});

test("more than fits at once gets 429 with Retry-After, and what is taken is answered", async () => {
  const { url, server } = await serve(() => readTarget(shop.path("one"), tables), {
    maxInFlight: 4,
    pool: { workers: 1, maxBatchRows: 32 },
  });
  const answers = await Promise.all(
    Array.from({ length: 80 }, () => post<{ error?: string }>(`${url}/rank/one`, request)),
  );
  const statuses = new Set(answers.map(({ status }) => status));
  expect(statuses).toEqual(new Set([200, 429]));
  for (const { status, headers, body } of answers) {
    if (status !== 429) continue;
    expect(headers.get("retry-after")).toBe("1");
    expect(body.error).toMatch(/being worked on/);
  }
  expect((await rankAt(url, "one", request)).items).toHaveLength(40);
  expect(server.pool.queuedRows).toBe(0);
});

test("a full queue refuses, too", async () => {
  const { url } = await serve(() => readTarget(shop.path("one"), tables), {
    pool: { workers: 1, maxBatchRows: 8, maxQueuedRows: 50 },
  });
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => post<{ error: string }>(`${url}/rank/one`, request)),
  );
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0].body.error).toMatch(/rows are waiting/);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
});

test("rows that would wait longer than they may are refused, before bodies are read", async () => {
  // Few candidates wait for company, so that the queue is full for as long as that.
  const { url, server } = await serve(() => readTarget(shop.path("one"), tables), {
    pool: { workers: 1, maxWaitMs: 1000, maxQueueMs: 0.001 },
  });
  const few = { ...request, candidates: candidates.slice(0, 10) };
  // What a row costs is known from the first run on.
  await rankAt(url, "one", few);
  const waiting = rankAt(url, "one", few);
  await expect.poll(() => server.pool.full, { interval: 1 }).toBe(true);
  // A body that would be refused with 400.
  const unread = await post<{ error: string }>(`${url}/rank/one`, { user: [] });
  expect(unread.status).toBe(429);
  expect(unread.body.error).toMatch(/rows are waiting, for about \d+ ms/);
  expect((await waiting).items).toHaveLength(10);
  expect(server.pool.full).toBe(false);
});

test("a request of known and unknown items is let in as a whole", async () => {
  const { url, server } = await serve(() => readTarget(shop.path("one"), tables), {
    pool: { workers: 1, maxBatchRows: 8, maxQueueMs: 0.01 },
  });
  expect(server.services.get("one")?.release.models[0].split).toBeDefined();
  const mixed = { ...request, candidates: [...candidates, 5000, 5001, 5002] };
  // From the second on it is known what a row costs, and nothing else is asked of the server.
  for (let k = 0; k < 4; k++) {
    expect((await rankAt(url, "one", mixed)).counts).toMatchObject({ candidates: 43, unknown_items: 3 });
  }
});
