/** A cascade whose candidates come from a retrieval run's index. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine } from "../../src/engine/index.ts";
import {
  openRetrievalRun,
  parseRetrievalConfig,
  trainRetrievalRun,
  writeIndex,
} from "../../src/retrieval/index.ts";
import {
  type CascadeConfigInput,
  InferencePool,
  parseCascade,
  rank,
  Release,
} from "../../src/serving/index.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
const pool = new InferencePool({ workers: 1, maxBatchRows: 64 });
const directory = shop.path("tower");

beforeAll(async () => {
  await trainShop(shop, "final", "final");
  const config = parseRetrievalConfig({
    task: "retrieval",
    log: {
      data: { train: shop.path("train.jsonl"), valid: shop.path("valid.jsonl") },
      features: [
        { name: "user", kind: "categorical", column: "user_id" },
        { name: "item", kind: "categorical", column: "item_id" },
      ],
      labels: [{ name: "click" }],
    },
    model: { name: "MF", embeddingDim: 8 },
    objective: { name: "bpr" },
    batchSize: 256,
    training: { epochs: 3, metrics: ["recall@10"] },
  });
  await trainRetrievalRun(config, { directory, engine: await createEngine("native") });
  const run = openRetrievalRun(directory);
  writeIndex(run.indexDirectory, run.content(), { kind: "exact" });
}, 120_000);
afterAll(() => pool.close());

const base = {
  models: [{ name: "final", run: "final" }],
  users: { file: "users.jsonl", key: "user_id" },
  items: { file: "items.jsonl", key: "item_id" },
  stages: [{ name: "final", model: "final" }],
  slots: { count: 5 },
} satisfies CascadeConfigInput;

async function open(candidates: object): Promise<Release> {
  const config = parseCascade({ ...base, candidates: candidates as CascadeConfigInput["candidates"] });
  return Release.open({ name: "feed", folder: shop.folder, config }, { pool });
}

describe("the source `retrieval`", () => {
  test("gives the items that the index finds for the user, which the stages then rank", async () => {
    const release = await open({ source: "retrieval", run: "tower", limit: 30 });
    const source = release.source!;
    const query = { features: {}, exclude: new Set<string>(), signal: new AbortController().signal };
    const one = await source.candidates({ ...query, user: "u1", limit: 30 });
    const other = await source.candidates({ ...query, user: "u2", limit: 30 });
    expect(one.ids).toHaveLength(30);
    expect(one.ids).not.toEqual(other.ids);
    const scores = Array.from(one.scores!);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const without = await source.candidates({
      ...query,
      user: "u1",
      limit: 5,
      exclude: new Set([String(one.ids[0])]),
    });
    expect(without.ids).toEqual(one.ids.slice(1, 6));
    const answer = await rank(release, pool, { user: "u1", context: { hour: 3, time: NOW } });
    expect(answer.items).toHaveLength(5);
    const found = new Set(one.ids.map(String));
    for (const { id } of answer.items) expect(found.has(String(id))).toBe(true);
    release.retire();
  });

  test.each([
    [
      { source: "retrieval" },
      "candidates.run: the source `retrieval` needs the directory of a retrieval run",
    ],
    [{ source: "retrieval", run: "final" }, "final holds no retrieval run"],
  ])("%j is refused", async (candidates, message) => {
    await expect(open(candidates)).rejects.toThrow(message);
  });
});

test("the run's folder is taken from the cascade's", () => {
  expect(join(shop.folder, "tower")).toBe(directory);
});
