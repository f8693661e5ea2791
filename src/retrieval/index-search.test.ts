import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigError, CounterRandom, DataError, EngineError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { interactionSchema } from "./interaction-schema.ts";
import { loadUsearch } from "./hnsw-index.ts";
import { type IndexContent, openIndex, writeIndex } from "./index-files.ts";
import { type ItemIndex, ItemSubset } from "./item-index.ts";
import { AllowedKeys, LiveIndex } from "./live-index.ts";
import { measureIndex } from "./measure-index.ts";
import { MF } from "./models/mf.ts";
import { topItems } from "./top-items.ts";
import { scorerGraph } from "./tower-graph.ts";

const dim = 16;
const count = 3000;
const random = new CounterRandom(11, "vectors");
/** Lengths vary by a factor of five: the nearest direction is often not the largest product. */
const vectors = Float32Array.from(
  { length: count * dim },
  (_, i) => random.normal(i) * (0.5 + 2 * random.uniform(1e6 + Math.floor(i / dim))),
);
const users = Float32Array.from({ length: 50 * dim }, (_, i) => random.normal(1e7 + i));
const user = (u: number): Float32Array => users.subarray(u * dim, (u + 1) * dim);
const keys = Array.from({ length: count }, (_, n) => `item ${n}`);

let folder: string;
let engine: Engine;
let content: IndexContent;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-index-"));
  engine = await createEngine("auto");
  const model = new MF(interactionSchema({ users: ["u"], items: keys }), { embeddingDim: dim });
  const scorer = scorerGraph(model).model;
  content = { keys, vectors, userShape: [dim], itemShape: [dim], scoring: "dot", scorer };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function brute(u: Float32Array, passes: (item: number) => boolean = () => true): number[] {
  const scores = keys.map((_, n) => {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += u[d] * vectors[n * dim + d];
    return sum;
  });
  const order = keys.map((_, n) => n).filter(passes);
  return order.sort((a, b) => scores[b] - scores[a]);
}

async function built(kind: "exact" | "hnsw"): Promise<ItemIndex> {
  const directory = join(folder, `${kind}-${Math.floor(performance.now() * 1e3)}`);
  writeIndex(directory, content, { kind });
  return (await openIndex(directory, { engine })).index;
}

describe.each(["exact", "hnsw"] as const)("the %s index", (kind) => {
  let index: ItemIndex;
  test("is asked for one user, not for a batch", async () => {
    await expect(index.search(users, { k: 3 })).rejects.toThrow(
      `a search takes one encoded user, ${dim} values, not ${50 * dim}`,
    );
  });

  beforeAll(async () => {
    index = await built(kind);
  });
  afterAll(() => index.close());

  test("gives the best items, best first, with the model's scores", async () => {
    let hits = 0;
    for (let u = 0; u < 50; u++) {
      const { items, scores } = await index.search(user(u), { k: 10 });
      const expected = brute(user(u)).slice(0, 10);
      if (kind === "exact") expect([...items]).toEqual(expected);
      hits += expected.filter((item) => items.includes(item)).length;
      expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
    }
    expect(hits / 500).toBeGreaterThan(0.98);
  });

  test("leaves out what was seen", async () => {
    const seen = brute(user(3)).slice(0, 25);
    const { items } = await index.search(user(3), { k: 10, excluded: seen });
    expect(items).toHaveLength(10);
    expect([...items].filter((item) => seen.includes(item))).toEqual([]);
    const expected = brute(user(3)).slice(25, 35);
    expect(expected.filter((item) => items.includes(item)).length).toBeGreaterThanOrEqual(9);
  });

  test.each([2, 40, 700, 2500])("returns only what is allowed, of %i items", async (allowedCount) => {
    const allowed = Array.from({ length: allowedCount }, (_, k) => (k * 7) % count);
    const excluded = allowed.slice(0, 1);
    const { items } = await index.search(user(5), { k: 10, allowed, excluded });
    const expected = brute(user(5), (item) => allowed.includes(item) && item !== excluded[0]).slice(0, 10);
    expect(items).toHaveLength(Math.min(10, allowedCount - 1));
    expect(expected.filter((item) => items.includes(item)).length).toBeGreaterThanOrEqual(items.length - 1);
  });

  test.each([40, 2500])(
    "excluded items that are near are made up for among %i allowed ones",
    async (some) => {
      const allowed = new ItemSubset(
        count,
        Array.from({ length: some }, (_, k) => (k * 7) % count),
      );
      const best = brute(user(6), (item) => allowed.has(item));
      const excluded = best.slice(0, 20);
      const { items } = await index.search(user(6), { k: 10, allowed, excluded });
      expect(items).toHaveLength(10);
      expect(best.slice(20, 30).filter((item) => items.includes(item)).length).toBeGreaterThanOrEqual(9);
      // The same as where the numbers are only listed.
      const listed = await index.search(user(6), { k: 10, allowed: [...allowed, ...allowed], excluded });
      expect([...listed.items]).toEqual([...items]);
    },
  );

  test("says what is wrong with a search", async () => {
    await expect(index.search(user(0), { k: 0 })).rejects.toThrow("k must be a positive integer, is 0");
    await expect(index.search(user(0), { k: 1, excluded: [count] })).rejects.toThrow(ConfigError);
  });

  test("returns nothing where nothing is allowed", async () => {
    expect((await index.search(user(0), { k: 5, allowed: [] })).items).toHaveLength(0);
  });
});

test("HNSW is measured by exact search", async () => {
  const [hnsw, exact] = [await built("hnsw"), await built("exact")];
  const measure = await measureIndex(hnsw, exact, users, { k: 100 });
  expect(measure.recall).toBeGreaterThan(0.98);
  expect(measure).toMatchObject({ k: 100, queries: 50 });
  expect((await measureIndex(exact, exact, users, { k: 5 })).recall).toBe(1);
});

describe("an index in use", () => {
  test("goes over to a new version; searches under way end with theirs", async () => {
    const directory = join(folder, "live");
    writeIndex(directory, content, { kind: "exact" });
    const live = await LiveIndex.open(directory, { engine });
    const old = live.version;
    const before = await live.search(user(0), { k: 3 });
    expect(before.keys).toEqual(
      brute(user(0))
        .slice(0, 3)
        .map((n) => keys[n]),
    );
    expect(await live.refresh()).toBe(false);

    const renamed = keys.map((key) => `new ${key}`);
    writeIndex(directory, { ...content, keys: renamed }, { kind: "hnsw" });
    const answers = Array.from({ length: 20 }, (_, u) => live.search(user(u), { k: 2 }));
    const [changed] = await Promise.all([live.refresh(), live.refresh()]);
    expect(changed).toBe(true);
    const after = await live.search(user(0), { k: 3, excluded: [renamed[brute(user(0))[0]], "unknown"] });
    expect(after.keys).toEqual(
      brute(user(0))
        .slice(1, 4)
        .map((n) => renamed[n]),
    );
    for (const { version, keys: found } of await Promise.all(answers)) {
      expect(found.every((key) => key.startsWith("new ") === (version !== old))).toBe(true);
    }
    await live.close();
  });

  test("allowed keys are looked up once a version, and are each version's own", async () => {
    const directory = join(folder, "allowed");
    writeIndex(directory, content, { kind: "exact" });
    const live = await LiveIndex.open(directory, { engine });
    const some = keys.filter((_, n) => n % 2 === 0);
    const allowed = new AllowedKeys([...some, "unknown"]);
    const prepared = vi.spyOn(allowed, "subsetOf");
    const found = async (only: Iterable<string>) =>
      (await live.search(user(2), { k: 8, allowed: only, excluded: some.slice(0, 50) })).keys;
    const before = await found(allowed);
    expect(before).toHaveLength(8);
    expect(before).toEqual(await found(some));
    expect(await found(allowed)).toEqual(before);
    // The same keys, of other items.
    writeIndex(directory, { ...content, keys: keys.toReversed() }, { kind: "exact" });
    expect(await live.refresh()).toBe(true);
    const after = await found(allowed);
    expect(after).not.toEqual(before);
    expect(after).toEqual(await found(some));
    const [first, second, third] = prepared.mock.results.map(({ value }) => value as ItemSubset);
    expect(prepared).toHaveBeenCalledTimes(3);
    expect([second === first, third === first]).toEqual([true, false]);
    expect([...allowed]).toHaveLength(some.length + 1);
    await live.close();
  });

  test("keeps its version when the new one cannot be read", async () => {
    const directory = join(folder, "broken");
    writeIndex(directory, content, { kind: "exact" });
    const live = await LiveIndex.open(directory, { engine });
    const { version } = live;
    const broken = writeIndex(directory, content, { kind: "exact" });
    rmSync(join(directory, broken, "index.json"));
    await expect(live.refresh()).rejects.toThrow(DataError);
    expect((await live.search(user(1), { k: 1 })).version).toBe(version);
    await live.close();
  });

  test("old versions are removed beyond those that are kept", () => {
    const directory = join(folder, "kept");
    for (let k = 0; k < 4; k++) writeIndex(directory, content, { kind: "exact", keep: 2 });
    expect(readdirSync(directory).sort()).toEqual(["000003-exact", "000004-exact", "current.json"]);
  });
});

test("an index of an unknown kind is refused", async () => {
  const directory = join(folder, "strange");
  const version = writeIndex(directory, content, { kind: "exact" });
  const path = join(directory, version, "index.json");
  writeFileSync(path, readFileSync(path, "utf8").replace('"exact"', '"forest"'));
  const opened = openIndex(directory, { engine });
  await expect(opened).rejects.toThrow(DataError);
  await expect(opened).rejects.toThrow(`${path}: there is no kind of index "forest"`);
  await expect(opened).rejects.toMatchObject({ hint: expect.stringContaining("kinds: exact, hnsw") });
});

test("what cannot be is said", async () => {
  expect(() => writeIndex(join(folder, "x"), { ...content, scoring: "custom" }, { kind: "hnsw" })).toThrow(
    "an HNSW index needs scores that are dot products",
  );
  await expect(openIndex(join(folder, "nothing"), { engine })).rejects.toThrow("holds no index");
  expect(() => loadUsearch("usearch-that-is-not-there")).toThrow(EngineError);
});

test("of equal scores the first items are kept, in order", () => {
  const scores = Float32Array.of(1, 3, 3, 2, 3, 1);
  expect([...topItems(scores, 2).items]).toEqual([1, 2]);
  expect([...topItems(scores, 9).items]).toEqual([1, 2, 4, 3, 0, 5]);
  const even = topItems(scores, 3, { passes: (item) => item % 2 === 0 });
  expect([...even.items]).toEqual([2, 4, 0]);
});
