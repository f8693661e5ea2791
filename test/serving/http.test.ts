/** What a server promises around ranking: the protocol, errors, identity, limits, metrics, stopping. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RankClient, ServerError } from "../../src/serving/client/index.ts";
import { type LogEntry, readTarget, type RankResponse, Server } from "../../src/serving/index.ts";
import { bearer, get, post, TOKEN } from "./clients.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const REQUEST_TIMEOUT_MS = 1500;
const shop = makeShop();
const log: LogEntry[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  const run = await trainShop(shop, "shop", "final");
  const target = () => readTarget(run, shop.tables);
  server = await Server.create([target], {
    port: 0,
    token: TOKEN,
    admin: true,
    maxBodyBytes: 20_000,
    maxCandidates: 200,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    pool: { workers: 1 },
    log: (entry) => log.push(entry),
  });
  url = await server.listen();
});
afterAll(() => server?.stop());

interface Failed {
  readonly error: string;
  readonly hint?: string;
  readonly request_id: string;
}

const rankPath = "/rank/shop";
const ranking = { user: "u1", context: { hour: 3, time: NOW }, candidates: [1, 2, 3] };
const send = (path: string, body: unknown, headers: { readonly [name: string]: string } = bearer) =>
  post<Failed>(url + path, body, headers);

describe("the Open Inference Protocol", () => {
  test("server, health, model", async () => {
    expect((await get(`${url}/v2`, bearer)).body).toEqual({
      name: "millrace",
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      extensions: ["rank"],
    });
    for (const path of ["live", "ready"]) {
      const { status, body } = await get(`${url}/v2/health/${path}`);
      expect([status, body]).toEqual([200, { live: true, ready: true }]);
    }
    const model = await get<{ versions: string[] }>(`${url}/v2/models/shop`, bearer);
    const [version] = model.body.versions;
    expect(model.body).toMatchObject({
      name: "shop",
      platform: "onnx_onnxruntime",
      outputs: [{ name: "probability", datatype: "FP32", shape: [-1] }],
    });
    expect(model.body).toHaveProperty("inputs.0", { name: "user_id", datatype: "BYTES", shape: [-1] });
    expect(model.body).toHaveProperty("inputs.7", { name: "history", datatype: "INT64", shape: [-1, -1] });
    expect((await get(`${url}/v2/models/shop/versions/${version}`, bearer)).body).toEqual(model.body);
    expect((await get(`${url}/v2/models/shop/ready`, bearer)).body).toEqual({ name: "shop", ready: true });
    expect((await get(`${url}/v2/models/shop/versions/1/ready`, bearer)).status).toBe(404);
    expect((await get(`${url}/v2/models/none`, bearer)).body).toMatchObject({
      error: 'there is no model "none"',
      hint: "models: shop",
    });
  });

  const item = (data: unknown, shape: readonly number[] = [2], datatype = "INT64") => ({
    inputs: [{ name: "item_id", shape, datatype, data }],
  });

  test("infers for the columns sent, nested or flat, and gives back the id", async () => {
    const { status, body, headers } = await send("/v2/models/shop/infer", { id: "x1", ...item([1, 2]) });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toContain("application/json");
    expect(body).toMatchObject({ id: "x1", model_name: "shop", outputs: [{ shape: [2], datatype: "FP32" }] });
    const nested = {
      inputs: [
        {
          name: "history",
          shape: [2, 2],
          datatype: "INT64",
          data: [
            [1, null],
            [3, 4],
          ],
        },
        { name: "hour", shape: [2], datatype: "INT64", data: [1, 2] },
      ],
      outputs: [{ name: "probability" }],
    };
    expect((await send("/v2/models/shop/infer", nested)).status).toBe(200);
    const flat = structuredClone(nested) as { inputs: { data: unknown[] }[] };
    flat.inputs[0].data = [1, null, 3, 4];
    const [a, b] = await Promise.all([nested, flat].map((one) => send("/v2/models/shop/infer", one)));
    expect({ ...a.body, id: "" }).toEqual({ ...b.body, id: "" });
    const half = { inputs: [{ name: "price", shape: [1], datatype: "FP16", data: [9.5] }] };
    expect((await send("/v2/models/shop/infer", half)).status).toBe(200);
    expect((await send("/v2/models/shop/infer", item([], [0]))).body).toMatchObject({
      outputs: [{ shape: [0], data: [] }],
    });
  });

  test.each([
    [
      "an unknown input",
      { inputs: [{ name: "x", shape: [1], datatype: "FP32", data: [1] }] },
      /no input "x"/,
    ],
    ["a text for FP16", item(["1", 2], [2], "FP16"), /expected a number for FP16/],
    ["a shape that the data do not have", item([1, 2, 3]), /shape \[2\] has 3 values/],
    ["a negative shape", item([1], [-1]), /inputs\[0\]\.shape\[0\]/],
    ["three dimensions", item([[[1]]], [1, 1, 1]), /inputs\[0\]\.shape/],
    ["an unknown datatype", item([1, 2], [2], "FP8"), /inputs\[0\]\.datatype/],
    ["a value of another type", item([1, "two"]), /value 2: expected a number for INT64, received "two"/],
    ["an object for a value", item([{}, 1]), /value 1/],
    ["deep data", item([[[1], [2]]]), /two deep/],
    ["an unknown output", { ...item([1, 2]), outputs: [{ name: "y" }] }, /no output "y"/],
    ["an input twice", { inputs: [item([1, 2]).inputs[0], item([1, 2]).inputs[0]] }, /comes twice/],
    [
      "inputs of two lengths",
      { inputs: [item([1, 2]).inputs[0], { name: "hour", shape: [1], datatype: "INT64", data: [1] }] },
      /1 rows, input "item_id" has 2/,
    ],
    ["no inputs", {}, /inputs/],
    ["more rows than are taken", item([], [201]), /201 rows/],
  ])("refuses %s", async (_, body, message) => {
    const answer = await send("/v2/models/shop/infer", body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
  });
});

describe("mistakes are answered with what is wrong", () => {
  test.each([
    ["broken JSON", "{", 400, /JSON/],
    ["no body", "", 400, /./],
    ["a list", "[]", 400, /the body: .*object/],
    ["an unknown key", { ...ranking, candidate: 1 }, 400, /candidate/],
    ["a prototype", '{"__proto__": {"x": 1}}', 400, /./],
    ["candidates of a wrong type", { ...ranking, candidates: [1, { id: [] }] }, 400, /candidates\[1\]/],
    ["context with objects", { ...ranking, context: { hour: { a: 1 } } }, 400, /context\.hour/],
    ["no candidates where there is no source", { user: 1 }, 400, /names no candidates/],
    ["a limit of nothing", { ...ranking, limit: 0 }, 400, /limit/],
    ["too many candidates", { candidates: Array.from({ length: 201 }, (_, k) => k) }, 413, /201 candidates/],
    ["a large body", { context: { text: "x".repeat(30_000) } }, 413, /./],
  ])("%s", async (_, body, status, message) => {
    const answer = await send(rankPath, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(message);
    expect(answer.body.request_id).toBe(answer.headers.get("x-request-id"));
  });

  test("paths, methods, types and encodings", async () => {
    const failed = async (path: string, init: RequestInit): Promise<number> =>
      (await fetch(url + path, { ...init, headers: { ...bearer, ...init.headers } })).status;
    const body = JSON.stringify(ranking);
    const json = { "content-type": "application/json" };
    expect(await failed("/nothing", {})).toBe(404);
    expect(await failed("/rank/none", { method: "POST", body, headers: json })).toBe(404);
    expect(await failed(`/rank/${"x".repeat(500)}`, { method: "POST", body, headers: json })).toBe(404);
    expect(await failed(`/rank/${"x".repeat(2000)}`, { method: "POST", body, headers: json })).toBe(414);
    expect(await failed(rankPath, { method: "DELETE" })).toBe(404);
    expect(await failed(rankPath, { method: "POST", body, headers: { "content-type": "text/plain" } })).toBe(
      415,
    );
    expect(
      await failed(rankPath, {
        method: "POST",
        body,
        headers: { "content-type": "application/json; charset=latin1" },
      }),
    ).toBe(415);
    expect(
      await failed(rankPath, { method: "POST", body, headers: { ...json, "content-encoding": "gzip" } }),
    ).toBe(415);
    const latin = Buffer.from('{"user":"\xff"}', "latin1");
    expect(await failed(rankPath, { method: "POST", body: latin, headers: json })).toBe(400);
  });

  test("a vector of the wrong length and such never reach a model", async () => {
    const answer = await send(rankPath, {
      ...ranking,
      context: { history: ["a", null, 3.5, true], hour: "" },
    });
    expect(answer.status).toBe(200);
  });

  test("slow clients are let go", async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `POST ${rankPath} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    const started = performance.now();
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk));
      socket.on("close", () => resolve(text));
    });
    const waited = performance.now() - started;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(waited).toBeGreaterThan(REQUEST_TIMEOUT_MS - 100);
    // Node looks every 500 ms; the rest is for a busy machine.
    expect(waited).toBeLessThan(REQUEST_TIMEOUT_MS + 500 + 3000);
  }, 60_000);
});

describe("identity", () => {
  test.each([
    ["none", {}],
    ["a wrong one", { authorization: "Bearer a secret of some lengtH" }],
    ["a longer one", { authorization: `Bearer ${TOKEN}x` }],
    ["another scheme", { authorization: `Basic ${TOKEN}` }],
    ["an empty one", { authorization: "Bearer " }],
  ])("token: %s", async (_, headers) => {
    const answer = await send(rankPath, ranking, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect((await get(`${url}/metrics`, headers)).status).toBe(401);
    expect((await get(`${url}/v2/health/live`, headers)).status).toBe(200);
  });

  test("request ids are taken, echoed, and made where they are missing or odd", async () => {
    const given = await send(rankPath, ranking, { ...bearer, "x-request-id": "trace-1" });
    expect(given.headers.get("x-request-id")).toBe("trace-1");
    expect(given.body.request_id).toBe("trace-1");
    const odd = await send(rankPath, ranking, { ...bearer, "x-request-id": "{ }" });
    expect(odd.body.request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("beyond loopback a token is needed, and admin needs one anywhere", async () => {
    await expect(Server.create([], { host: "0.0.0.0" })).rejects.toThrow(/without a token/);
    await expect(Server.create([], { admin: true })).rejects.toThrow(/admin routes need a token/);
    await expect(Server.create([], { token: "short" })).rejects.toThrow(/token/);
    await (await Server.create([], { host: "0.0.0.0", insecure: true, pool: { workers: 1 } })).stop();
  });
});

describe("the log", () => {
  test("is one object a request, without what was in it", async () => {
    log.length = 0;
    await send(rankPath, { ...ranking, user: "somebody" }, { ...bearer, "x-request-id": "logged" });
    await send(rankPath, "{");
    // The entry is written once the answer has left.
    await expect.poll(() => log.length).toBe(2);
    expect(log[0]).toMatchObject({
      level: "info",
      event: "request",
      request_id: "logged",
      method: "POST",
      route: "/rank/:name",
      status: 200,
      name: "shop",
      candidates: 3,
      items: 3,
      stage: "rank",
      fallbacks: [],
    });
    expect(log[0].ms).toBeGreaterThan(0);
    expect(log[1]).toMatchObject({ status: 400, error: expect.stringContaining("JSON") });
    expect(JSON.stringify(log)).not.toContain("somebody");
    expect(JSON.stringify(log)).not.toContain(TOKEN);
  });

  test("has those, too, who went away before their answer", async () => {
    log.length = 0;
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const head = [
      `POST ${rankPath} HTTP/1.1`,
      "host: here",
      `authorization: Bearer ${TOKEN}`,
      "x-request-id: gone",
      "content-type: application/json",
      "content-length: 100",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n{`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await expect.poll(() => log.length).toBe(1);
    expect(log[0]).toMatchObject({ request_id: "gone", route: "/rank/:name", status: 499 });
    const { body } = await get<string>(`${url}/metrics`, bearer);
    expect(body).toMatch(/millrace_requests_total\{route="\/rank\/:name",.*code="499"\} \d/);
  });
});

describe("metrics", () => {
  test("are Prometheus text, with what was counted", async () => {
    await send(rankPath, { ...ranking, user: "stranger", candidates: [1, 99_999] });
    const { headers, body } = await get<string>(`${url}/metrics`, bearer);
    expect(headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const samples = parsePrometheus(body);
    const value = (name: string, labels: { readonly [label: string]: string }): number | undefined =>
      samples.find(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
      )?.value;
    expect(
      value("millrace_requests_total", { route: "/rank/:name", name: "shop", code: "200" }),
    ).toBeGreaterThan(0);
    expect(value("millrace_requests_total", { code: "413" })).toBeGreaterThan(0);
    expect(value("millrace_out_of_vocabulary_total", { feature: "user_id" })).toBeGreaterThan(0);
    expect(value("millrace_out_of_vocabulary_total", { feature: "item_id" })).toBeGreaterThan(0);
    for (const name of [
      "millrace_request_duration_seconds",
      "millrace_stage_duration_seconds",
      "millrace_prediction",
      "millrace_batch_rows",
    ]) {
      const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
      expect(buckets.length, name).toBeGreaterThan(3);
      const total = samples
        .filter((sample) => sample.name === `${name}_count`)
        .reduce((sum, sample) => sum + sample.value, 0);
      const last = buckets
        .filter(({ labels }) => labels.le === "+Inf")
        .reduce((sum, sample) => sum + sample.value, 0);
      expect(last, name).toBe(total);
    }
    expect(value("millrace_queued_rows", {})).toBe(0);
    expect(value("millrace_requests_in_flight", {})).toBe(0);
    expect(value("millrace_release_info", { name: "shop" })).toBe(1);
    // Names that strangers make up are no labels.
    expect(body).not.toContain('name="none"');
  });
});

describe("the document and the client", () => {
  interface Described {
    readonly openapi: string;
    readonly paths: {
      readonly [path: string]: {
        readonly [method: string]: {
          readonly parameters: readonly object[];
          readonly responses: { readonly [status: string]: { readonly headers?: object } };
        };
      };
    };
    readonly components: { readonly schemas: object };
  }
  const document = async (): Promise<Described> => (await get<Described>(`${url}/openapi.json`, bearer)).body;

  test("the OpenAPI document has every route and no other, and every reference leads somewhere", async () => {
    const body = await document();
    expect(body.openapi).toBe("3.1.0");
    const described = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(routesOf(server.app.printRoutes({ commonPrefix: false })).sort());
    expect(Object.keys(body.components.schemas)).toEqual(
      expect.arrayContaining(["RankRequest", "RankResponse", "InferRequest", "InferResponse", "Error"]),
    );
    for (const [, kind, name] of JSON.stringify(body).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
      expect(body.components).toHaveProperty([kind, name]);
    }
    expect(JSON.stringify(body)).not.toContain("#/$defs");
  });

  test("the OpenAPI document has the parameters, the headers and the errors of work", async () => {
    const { paths } = await document();
    const { parameters, responses } = paths["/rank/{name}"].post;
    expect(parameters).toEqual([
      { name: "name", in: "path", required: true, schema: { type: "string" } },
      { name: "explain", in: "query", schema: expect.objectContaining({ type: "boolean" }) },
      { $ref: "#/components/parameters/RequestId" },
    ]);
    const worked = ["200", "400", "401", "404", "408", "413", "415", "429", "500", "503"];
    for (const path of ["/rank/{name}", "/v2/models/{name}/infer"]) {
      expect(Object.keys(paths[path].post.responses)).toEqual(worked);
    }
    for (const [status, { headers = {} }] of Object.entries(responses)) {
      // Late requests are answered beneath the server.
      if (status !== "408") expect(headers, status).toHaveProperty("x-request-id");
      expect(Object.hasOwn(headers, "retry-after"), status).toBe(status === "429" || status === "503");
    }
    expect(paths["/v2/models/{name}/ready"].get.responses["503"]).toMatchObject({
      headers: { "retry-after": expect.anything() },
      content: { "application/json": { schema: { $ref: "#/components/schemas/ModelReady" } } },
    });
  });

  test("the client ranks, infers and tells errors", async () => {
    const client = new RankClient(url, { token: TOKEN });
    expect(await client.ready()).toBe(true);
    const { services } = await client.services();
    expect(services).toMatchObject([{ name: "shop", stages: ["rank"], context: ["hour", "time"] }]);
    const { items }: RankResponse = await client.rank(
      "shop",
      { ...ranking, explain: true },
      { requestId: "mine" },
    );
    expect(items).toHaveLength(3);
    expect(items[0].explanation?.features).toMatchObject({ user_id: "u1", hour: 3 });
    expect(items[0].explanation?.stages).toMatchObject([{ stage: "rank", rank: 1, score: items[0].score }]);
    expect((await client.model("shop")).name).toBe("shop");
    const inputs = [{ name: "hour", shape: [1], datatype: "INT64" as const, data: [3] }];
    expect((await client.infer("shop", { inputs })).outputs[0].data).toHaveLength(1);
    const [version] = (await client.model("shop")).versions;
    const path = { name: "shop", version };
    const ready = await client.routes.GET("/v2/models/{name}/versions/{version}/ready", { params: { path } });
    expect(ready.data).toEqual({ name: "shop", ready: true });
    const explained = await client.routes.POST("/rank/{name}", {
      params: { path: { name: "shop" }, query: { explain: true } },
      body: ranking,
    });
    expect(explained.data?.items[0].explanation?.stages[0].rank).toBe(1);
    const text = await client.routes.GET("/metrics", { parseAs: "text" });
    expect(text.data).toContain("millrace_requests_total");
    const absent = await client.routes.GET("/v2/models/{name}", { params: { path: { name: "none" } } });
    expect([absent.response.status, absent.error?.request_id]).toEqual([404, expect.any(String)]);
    const failed = client.rank("nothing", ranking);
    await expect(failed).rejects.toThrow(ServerError);
    await expect(failed).rejects.toMatchObject({ status: 404, hint: "services: shop" });
  });
});

test("explain may stand in the address, too", async () => {
  const { body } = await post<RankResponse>(`${url}${rankPath}?explain=true`, ranking, bearer);
  expect(body.items[0].explanation).toBeDefined();
});

test("admin reloads by name", async () => {
  const { body } = await post<{ outcome: string }>(`${url}/admin/reload/shop`, {}, bearer);
  expect(body).toMatchObject({ name: "shop", outcome: "unchanged" });
  expect((await send("/admin/reload/none", {})).status).toBe(404);
});

test("a stopping server is not ready, finishes what it has, and takes nothing new", async () => {
  const other = await Server.create([() => readTarget(shop.path("shop"))], {
    port: 0,
    drainMs: 200,
    // However slow the machine is, what was let in waits.
    pool: { workers: 1, maxQueueMs: 60_000 },
  });
  const address = await other.listen();
  const body = { context: { hour: 1 }, candidates: Array.from({ length: 200 }, (_, k) => k) };
  const under = Array.from({ length: 8 }, () => post(`${address}/rank/shop`, body));
  await expect.poll(async () => (await get<string>(`${address}/metrics`)).body).toContain('code="200"');
  const stopped = other.stop();
  const ready = await get<{ ready: boolean }>(`${address}/v2/health/ready`);
  expect([ready.status, ready.body.ready]).toEqual([503, false]);
  const version = other.services.get("shop")?.release.models[0].version;
  for (const path of ["shop/ready", `shop/versions/${version}/ready`]) {
    const model = await get<unknown>(`${address}/v2/models/${path}`);
    expect([model.status, model.body]).toEqual([503, { name: "shop", ready: false }]);
    expect(model.headers.get("retry-after")).toBe("1");
  }
  const late = await post<Failed>(`${address}/rank/shop`, body);
  expect(late.status).toBe(503);
  expect(late.headers.get("retry-after")).toBe("1");
  for (const { status } of await Promise.all(under)) expect(status).toBe(200);
  await stopped;
  await expect(fetch(`${address}/v2/health/live`)).rejects.toThrow();
});

interface Sample {
  readonly name: string;
  readonly labels: { readonly [label: string]: string };
  readonly value: number;
}

/** `METHOD /path/{name}` of every route, from the tree that Fastify prints: four columns a level. */
function routesOf(tree: string): string[] {
  const path: string[] = [];
  const routes: string[] = [];
  for (const line of tree.split("\n").filter((text) => text.trim() !== "")) {
    const [, indent, part, methods] = /^([│ ]*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line) as RegExpExecArray;
    path.splice(indent.length / 4, Number.POSITIVE_INFINITY, part);
    for (const method of methods?.split(", ") ?? []) {
      routes.push(`${method} ${path.join("").replaceAll(/:(\w+)/g, "{$1}")}`);
    }
  }
  return routes;
}

/** The text format 0.0.4, strictly: every line is a comment or a sample whose metric was declared. */
function parsePrometheus(text: string): Sample[] {
  const declared = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || /^# HELP [a-zA-Z_:][\w:]* .+/.test(line)) continue;
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) {
      expect(declared.has(type[1]), `${type[1]} declared twice`).toBe(false);
      declared.set(type[1], type[2]);
      continue;
    }
    const sample =
      /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?(?:\d+\.?\d*(?:e[+-]?\d+)?|Inf|NaN)|\+Inf|NaN)$/i.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name, labelText = "", value] = sample as RegExpExecArray;
    const labels = Object.fromEntries(
      [...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, content]) => [label, content]),
    );
    expect(declared.has(name) || declared.has(name.replace(/_(bucket|sum|count)$/, "")), name).toBe(true);
    samples.push({ name, labels, value: Number(value) });
  }
  return samples;
}
