/** Promises of docs/security.md that no other test keeps. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigError } from "../../src/core/index.ts";
import {
  type LogEntry,
  openApiDocument,
  type RankResponse,
  readTarget,
  Server,
} from "../../src/serving/index.ts";
import { parseValueFormula } from "../../src/serving/value-formula.ts";
import { bearer, get, post, TOKEN } from "./clients.ts";
import { makeShop, trainShop } from "./shop.ts";

const shop = makeShop();
const log: LogEntry[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  const run = await trainShop(shop, "shop", "early");
  const target = () => readTarget(run, shop.tables);
  const options = { port: 0, token: TOKEN, pool: { workers: 1 } };
  server = await Server.create([target], { ...options, log: (entry) => log.push(entry) });
  url = await server.listen();
});
afterAll(() => server?.stop());

const ranking = { user: "u1", candidates: [1, 2, 3] };

describe("who may ask", () => {
  test("every route but health checks needs the token, and so do addresses that are none", async () => {
    const guarded = await Server.create([], { port: 0, token: TOKEN, admin: true, pool: { workers: 1 } });
    const address = await guarded.listen();
    const { paths } = openApiDocument({ version: "1", secured: true });
    const routes = Object.entries(paths as object).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path.replaceAll(/[{}]/g, "")]),
    );
    expect(routes).toContainEqual(["POST", "/admin/reload/name"]);
    const statuses = await Promise.all(
      [...routes, ["GET", "/nothing"]].map(async ([method, path]) => {
        const { status } = await fetch(address + path, { method });
        return { path, status };
      }),
    );
    for (const { path, status } of statuses) {
      expect(status, path).toBe(path.startsWith("/v2/health/") ? 200 : 401);
    }
    await guarded.stop();
  });

  test("there is no /admin/reload without `admin`", async () => {
    expect((await post(`${url}/admin/reload/shop`, {}, bearer)).status).toBe(404);
  });

  test("pages of other origins get no leave to ask or to read", async () => {
    const origin = "https://elsewhere.example";
    const asked = await fetch(`${url}/rank/shop`, {
      method: "OPTIONS",
      headers: { ...bearer, origin, "access-control-request-method": "POST" },
    });
    expect(asked.status).toBe(404);
    const answer = await post(`${url}/rank/shop`, ranking, { ...bearer, origin });
    expect(answer.status).toBe(200);
    for (const { headers } of [asked, answer]) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });
});

describe("limits", () => {
  test("one connection more than are taken is closed without an answer; the next is taken when one has gone", async () => {
    const small = await Server.create([], { port: 0, maxConnections: 2, pool: { workers: 1 } });
    const { port } = new URL(await small.listen());
    /** First line of the answer on a connection that stays open, or nothing where it was closed. */
    const ask = async (socket: Socket): Promise<string> => {
      socket.on("error", () => {});
      socket.write("GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n");
      const [said] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => [""])]);
      return String(said).split("\r\n")[0];
    };
    const open = (): Socket => connect(Number(port), "127.0.0.1");
    const sockets = [open(), open()];
    for (const socket of sockets) expect(await ask(socket)).toBe("HTTP/1.1 200 OK");
    expect(await ask(open())).toBe("");
    expect(await ask(sockets[0])).toBe("HTTP/1.1 200 OK");
    sockets[0].destroy();
    await expect.poll(() => ask(open())).toBe("HTTP/1.1 200 OK");
    await small.stop();
  });

  test("a request id has at most 128 plain characters; others are replaced", async () => {
    const idOf = async (given: string): Promise<string | null> =>
      (await get(`${url}/v2`, { ...bearer, "x-request-id": given })).headers.get("x-request-id");
    const longest = "a.B:1/_+=-".padEnd(128, "x");
    expect(await idOf(longest)).toBe(longest);
    for (const refused of [`${longest}x`, "two words", '"quoted"', "<b>"]) {
      expect(await idOf(refused)).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test.each(["process.exit(1)", "click; click", "constructor(click)", "click => click", "this.click()"])(
    "the formula %s is no code that is run",
    (text) => {
      expect(() => parseValueFormula(text)).toThrow(ConfigError);
    },
  );
});

describe("what it tells", () => {
  test("what goes wrong inside is an internal error to clients, with its stack in the log", async () => {
    log.length = 0;
    vi.spyOn(server.pool, "run").mockRejectedValueOnce(new Error("disk of /srv/models is on fire"));
    const inputs = [{ name: "category", shape: [1], datatype: "BYTES", data: ["c1"] }];
    const answer = await post(`${url}/v2/models/shop/infer`, { inputs }, { ...bearer, "x-request-id": "r1" });
    expect([answer.status, answer.body]).toEqual([500, { error: "internal error", request_id: "r1" }]);
    await expect.poll(() => log).toHaveLength(1);
    expect(log[0]).toMatchObject({ level: "error", status: 500, request_id: "r1" });
    expect(log[0].error).toMatch(/disk of \/srv\/models is on fire\n +at /);
  });

  test("users, context, candidates and their features are not in the log", async () => {
    log.length = 0;
    const secrets = ["Somebody", "Somewhere", "Somewhat", "Sometimes", "Somehow"];
    const [user, context, candidate, feature, excluded] = secrets;
    const body = {
      user,
      context: { category: context, [context]: context },
      candidates: [1, candidate, { id: 2, features: { category: feature, price: 123_456.75 } }],
      exclude: [excluded],
      explain: true,
    };
    expect((await post(`${url}/rank/shop`, body, bearer)).status).toBe(200);
    vi.spyOn(server.pool, "run").mockRejectedValue(new Error("away"));
    expect((await post(`${url}/rank/shop`, body, bearer)).status).toBe(503);
    vi.restoreAllMocks();
    // The stage that failed has a line of its own.
    await expect.poll(() => log.map(({ event }) => event)).toEqual(["request", "failed", "request"]);
    for (const secret of [...secrets, "123456"]) expect(JSON.stringify(log)).not.toContain(secret);
  });

  test("an explanation has no column of the tables that is not read", async () => {
    const { body } = await post<RankResponse>(`${url}/rank/shop`, { ...ranking, explain: true }, bearer);
    const columns = Object.keys(body.items[0].explanation?.features ?? {});
    expect(columns.sort()).toEqual(["category", "price", "user_id"]);
  });
});
