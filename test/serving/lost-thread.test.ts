/** An inference thread that dies under a server: every request is answered, and the loss is to be seen. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LogEntry, parseCascade, type RankResponse, Server } from "../../src/serving/index.ts";
import { get, post, rankAt } from "./clients.ts";
import { endsWithNextRun, startedWorkers, ways } from "./mortal-threads.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
const workers = startedWorkers();
const log: LogEntry[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  await trainShop(shop, "final", "final");
  const cascade = (name: string, candidates: object) => () => ({
    name,
    folder: shop.folder,
    config: parseCascade({
      models: [{ name: "final", run: "final" }],
      users: { file: "users.jsonl", key: "user_id" },
      items: { file: "items.jsonl", key: "item_id" },
      candidates,
      stages: [{ name: "final", model: "final" }],
    }),
  });
  server = await Server.create(
    [cascade("feed", { source: "top", by: "bid" }), cascade("bare", { source: "request" })],
    { port: 0, pool: { workers: 1 }, log: (entry) => log.push(entry) },
  );
  url = await server.listen();
});
afterAll(async () => {
  await server?.stop();
  rmSync(shop.folder, { recursive: true, force: true });
});

const replaced = async (): Promise<number> => {
  const { body } = await get<string>(`${url}/metrics`);
  return Number(body.match(/^millrace_threads_replaced_total (\d+)$/m)?.[1]);
};
const asked = { user: "u1", context: { hour: 3, time: NOW } };
const named = { ...asked, candidates: [1, 2, 3] };

test.each(ways)(
  "a thread that %s: requests fall back or are told, and the next ones are ranked",
  async (_, death) => {
    const before = await replaced();
    const logged = log.filter(({ event }) => event === "thread").length;
    const alive = { feed: await rankAt(url, "feed", asked), bare: await rankAt(url, "bare", named) };
    // A thread that has ended a run: those that have not are replaced after a pause.
    const dies = async (): Promise<void> => {
      await rankAt(url, "bare", named);
      endsWithNextRun(workers[workers.length - 1], death);
    };

    await dies();
    const { items, stage, fallbacks } = await rankAt(url, "feed", asked);
    expect({ stage, fallbacks }).toEqual({ stage: null, fallbacks: [{ stage: "final", reason: "failed" }] });
    expect(items).toHaveLength(alive.feed.items.length);
    const bids = items.map(({ id }) => shop.items[Number(id)].bid as number);
    expect(bids).toEqual(bids.toSorted((a, b) => b - a));
    expect(await replaced()).toBe(before + 1);

    await dies();
    const bare = await post<{ error: string }>(`${url}/rank/bare`, named);
    expect([bare.status, bare.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(bare.body.error).toContain("stage final was failed");

    await dies();
    const inputs = [{ name: "hour", shape: [1], datatype: "INT64", data: [3] }];
    const inferred = await post<{ error: string }>(`${url}/v2/models/bare/infer`, { inputs });
    expect([inferred.status, inferred.body.error]).toEqual([500, "internal error"]);

    // All on a new thread, with the models of the old one.
    const ranked = ({ items: of }: RankResponse) => of.map(({ id, score }) => [id, score?.toFixed(5)]);
    expect(ranked(await rankAt(url, "feed", asked))).toEqual(ranked(alive.feed));
    expect(ranked(await rankAt(url, "bare", named))).toEqual(ranked(alive.bare));
    expect(await replaced()).toBe(before + 3);
    const lines = log.filter(({ event }) => event === "thread").slice(logged);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatchObject({ level: "error", outcome: "replaced" });
    const { body } = await get<string>(`${url}/metrics`);
    expect(body).toMatch(/millrace_queued_rows 0\n/);
  },
);
