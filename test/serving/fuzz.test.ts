/** Whatever is sent: a 4xx that says why, or a good answer; never a 5xx, never the end of the process. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTarget, Server } from "../../src/serving/index.ts";
import { get, rankAt } from "./clients.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

/** 5,000 where everything is run, a sample elsewhere; MILLRACE_FUZZ says how many. */
const RUNS = Number(process.env.MILLRACE_FUZZ ?? (process.env.MILLRACE_LONG === undefined ? 1000 : 5000));
const AT_ONCE = 8;

const shop = makeShop();
let server: Server;
let url: string;

beforeAll(async () => {
  const run = await trainShop(shop, "shop", "final");
  const target = () => readTarget(run, shop.tables);
  server = await Server.create([target], {
    port: 0,
    maxBodyBytes: 50_000,
    maxCandidates: 300,
    pool: { workers: 1 },
  });
  url = await server.listen();
});
afterAll(() => server?.stop());

const scalar = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, "", "u1", "c3", 1, -1, 1e308, 2 ** 53, "NaN", "\u0000", "__proto__", "2024-01-01"),
);
const columns = [
  "user_id",
  "item_id",
  "category",
  "price",
  "hour",
  "age",
  "tags",
  "history",
  "history_times",
  "time",
  "__proto__",
  "constructor",
  "other",
];
const value = fc.oneof({ weight: 3, arbitrary: scalar }, fc.array(scalar, { maxLength: 20 }), fc.jsonValue());
const row = fc.dictionary(fc.oneof(fc.constantFrom(...columns), fc.string()), value, { maxKeys: 8 });
const id = fc.oneof(fc.integer({ min: -5, max: 200 }), fc.string(), scalar);

const rankBody = fc.record(
  {
    user: fc.oneof(fc.constantFrom("u1", "u2"), value),
    context: fc.oneof({ weight: 4, arbitrary: row }, fc.jsonValue()),
    candidates: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.array(
          fc.oneof({ weight: 4, arbitrary: id }, fc.record({ id, features: row }, { requiredKeys: [] })),
          { maxLength: 40 },
        ),
      },
      fc.jsonValue(),
    ),
    exclude: fc.array(id),
    limit: fc.oneof(fc.integer(), fc.double()),
    explain: fc.oneof(fc.boolean(), scalar),
  },
  { requiredKeys: [] },
);

/** What holds to the schema; the values may be anything that JSON can say of a cell. */
const cell = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, "", "u1", "c3", 1e308, "NaN"),
);
const cells = fc.dictionary(
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...columns.filter((name) => name !== "__proto__")) },
    fc.string(),
  ),
  fc.oneof(cell, fc.array(cell, { maxLength: 30 })),
  { maxKeys: 8 },
);
const knownId = fc.oneof(fc.integer({ min: -5, max: 200 }), fc.string());
const soundBody = fc.record(
  {
    user: fc.oneof(knownId, fc.constant(null)),
    context: cells,
    candidates: fc.array(fc.oneof(knownId, fc.record({ id: knownId, features: cells })), { maxLength: 40 }),
    exclude: fc.array(knownId),
    limit: fc.integer({ min: 1, max: 50 }),
    explain: fc.boolean(),
  },
  { requiredKeys: ["candidates"] },
);

const tensor = fc.record(
  {
    name: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...columns) }, fc.string()),
    shape: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom([2], [2, 2], [0], [1], [2, 0], [1e9], [3, 1e9]) },
      fc.array(fc.integer()),
    ),
    datatype: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("BYTES", "INT64", "FP64", "FP32", "BOOL") },
      fc.string(),
    ),
    data: fc.oneof(
      { weight: 5, arbitrary: fc.array(scalar, { maxLength: 5 }) },
      fc.array(fc.array(scalar, { maxLength: 3 }), { maxLength: 3 }),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
);
const inferBody = fc.record(
  {
    id: scalar,
    inputs: fc.oneof({ weight: 5, arbitrary: fc.array(tensor, { maxLength: 5 }) }, fc.jsonValue()),
    outputs: fc.oneof(fc.constantFrom([{ name: "probability" }], []), fc.jsonValue()),
  },
  { requiredKeys: ["inputs"] },
);

/** Text that is nearly JSON, and bytes that are nothing. */
const broken = fc
  .tuple(
    fc.oneof(rankBody, inferBody),
    fc.nat(),
    fc.constantFrom("", "{", "]", "\\", "\u0000", "NaN", "1e999", '"'),
  )
  .map(([body, at, piece]) => {
    const text = JSON.stringify(body);
    const cut = at % (text.length + 1);
    return text.slice(0, cut) + piece + text.slice(cut + 1);
  });
const deep = fc
  .integer({ min: 1, max: 20_000 })
  .map((depth) => "[".repeat(depth) + (depth % 2 === 0 ? "]".repeat(depth) : ""));

const body: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  { weight: 6, arbitrary: soundBody.map((one) => JSON.stringify(one)) },
  { weight: 6, arbitrary: rankBody.map((one) => JSON.stringify(one)) },
  { weight: 6, arbitrary: inferBody.map((one) => JSON.stringify(one)) },
  { weight: 2, arbitrary: broken },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.from(bytes)) },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: fc.jsonValue().map((one) => JSON.stringify(one)) },
);
const path = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("/rank/shop", "/rank/shop?explain=true", "/v2/models/shop/infer") },
  fc.string({ maxLength: 20 }).map((text) => `/rank/${encodeURIComponent(text)}`),
  fc.constantFrom("/rank/%ff", "/v2/models/shop/versions/x/infer", "/admin/reload/shop", "/v2/health/live"),
);
const type = fc.oneof(
  { weight: 9, arbitrary: fc.constant("application/json") },
  fc.constantFrom(
    "text/plain",
    "application/json; charset=utf-16",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
  ),
);

const MIB = 2 ** 20;

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What is held once all that can be freed has been; the server and its client are one process. */
async function memory(): Promise<Memory> {
  for (let k = 0; k < 3; k++) {
    collectGarbage();
    // What finalizers free, and connections that close.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

test(
  `${RUNS} requests of every kind`,
  async () => {
    const statuses = new Map<number, number>();
    const requests = fc.sample(fc.record({ path, type, body }), { numRuns: RUNS, seed: 20 });
    // By then everything has been compiled and every cache and pool has its size.
    const early = Math.ceil(RUNS / 5 / AT_ONCE) * AT_ONCE;
    let before = await memory();
    for (let first = 0; first < requests.length; first += AT_ONCE) {
      if (first === early) before = await memory();
      await Promise.all(
        requests.slice(first, first + AT_ONCE).map(async (request) => {
          const response = await fetch(url + request.path, {
            method: "POST",
            headers: { "content-type": request.type },
            body: request.body,
          });
          const text = await response.text();
          const { status } = response;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          const said = `${request.path} ${String(request.body).slice(0, 500)} -> ${status} ${text.slice(0, 300)}`;
          expect(status, said).toBeLessThan(500);
          const answer = JSON.parse(text) as { error?: string };
          if (status !== 200) expect(answer.error?.length, said).toBeGreaterThan(3);
        }),
      );
    }
    const after = await memory();
    const grown = (what: keyof Memory): number => after[what] - before[what];
    const later = RUNS - early;
    expect(grown("heap"), `bytes of heap over ${later} requests`).toBeLessThan(3 * MIB + 3000 * later);
    expect(grown("rss"), `bytes of memory over ${later} requests`).toBeLessThan(14 * MIB + 4000 * later);
    // Neither everything nor nothing got through.
    expect(statuses.get(200)).toBeGreaterThan(RUNS / 50);
    expect(statuses.get(400)).toBeGreaterThan(RUNS / 50);
    // The server is as it was.
    expect(
      (await rankAt(url, "shop", { user: "u1", context: { hour: 1, time: NOW }, candidates: [1, 2] })).items,
    ).toHaveLength(2);
    const metrics = (await get<string>(`${url}/metrics`)).body;
    expect(metrics).toMatch(/millrace_requests_in_flight 0\n/);
    expect(metrics.length).toBeLessThan(100_000);
  },
  120_000 + RUNS * 100,
);
