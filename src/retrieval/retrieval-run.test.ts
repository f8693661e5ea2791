import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, CounterRandom, DataError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { openRun, parseConfig } from "../run/index.ts";
import { createRowEncoder } from "../schema/index.ts";
import { parseRetrievalConfig, readRetrievalConfig, type RetrievalConfigInput } from "./config.ts";
import { writeIndex } from "./index-files.ts";
import { LiveIndex } from "./live-index.ts";
import { prepareRetrieval } from "./prepare-retrieval.ts";
import {
  finishRetrievalRun,
  holdsRetrievalRun,
  openRetrievalRun,
  trainRetrievalRun,
} from "./retrieval-run.ts";

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-retrieval-run-"));
  engine = await createEngine("auto");
  writeFileSync(join(folder, "lists.txt"), lists());
  writeFileSync(join(folder, "log.csv"), log());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Users of four tastes, ten items each of their own taste. */
function lists(): string {
  return Array.from({ length: 80 }, (_, u) => {
    const random = new CounterRandom(8, u);
    const own = random.permutation(15).subarray(0, 10);
    return [`u${u}`, ...Array.from(own, (k) => `i${(u % 4) + 4 * k}`)].join(" ");
  }).join("\n");
}

/** Impressions in time order; a user clicks what is of its own category, item 39 is never clicked. */
function log(): string {
  const random = new CounterRandom(9, "log");
  const lines = ["time,user,item,category,price,click"];
  for (let t = 0; t < 3000; t++) {
    const user = random.integer(3 * t, 50);
    const item = random.integer(3 * t + 1, 40);
    const likes = item % 4 === user % 4 && item !== 39;
    const click = random.uniform(3 * t + 2) < (likes ? 0.9 : 0.02) && item !== 39 ? 1 : 0;
    lines.push(`${t},u${user},i${item},c${item % 4},${(item / 7).toFixed(2)},${click}`);
  }
  return `${lines.join("\n")}\n`;
}

const training = {
  epochs: 4,
  learningRate: 0.02,
  metrics: ["recall@5", "ndcg@5"],
  earlyStopPatience: null,
} satisfies RetrievalConfigInput["training"];

const plain = (): RetrievalConfigInput => ({
  task: "retrieval",
  interactions: { train: join(folder, "lists.txt"), historyLength: 6 },
  model: { name: "MF", embeddingDim: 8 },
  objective: { name: "bpr" },
  batchSize: 64,
  training,
});

const fromLog = (): RetrievalConfigInput => ({
  task: "retrieval",
  log: {
    data: {
      train: join(folder, "log.csv"),
      split: { by: "time", train: 0.7, valid: 0.15, test: 0.15 },
      cache: false,
    },
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
      { name: "category", kind: "categorical" },
      { name: "price", kind: "numeric" },
    ],
    labels: [{ name: "click" }],
    timestamp: "time",
  },
  model: {
    name: "TwoTower",
    userFeatures: ["user"],
    itemFeatures: ["item", "category", "price"],
    embeddingDim: 8,
    hiddenUnits: [16],
    outputDim: 8,
    embeddingStd: 0.1,
  },
  objective: { name: "softmax", inBatch: true, negatives: 32 },
  batchSize: 64,
  training: { ...training, epochs: 20, validateEveryEpochs: 20 },
});

describe("a run from interactions", () => {
  test("is read back with the vectors and scores that were measured", async () => {
    const directory = join(folder, "plain");
    const config = parseRetrievalConfig(plain());
    const { metrics, before } = await finishRetrievalRun(config, { directory, engine });
    expect(before).toBe(false);
    expect(metrics.counts).toEqual({ users: 80, items: 60, interactions: 640 });
    expect(metrics.test?.["recall@5"].counts).toEqual({ users: 80, usersWithoutPositive: 0 });
    expect(holdsRetrievalRun(directory)).toBe(true);

    const run = openRetrievalRun(directory);
    const content = run.content();
    const request = createRowEncoder(run.map).encode([{ user: "u7" }, { user: "somebody new" }]);
    const tower = await run.tower("user", engine);
    const users = await tower.encode(request);
    writeIndex(run.indexDirectory, content, { kind: "exact" });
    const index = await LiveIndex.open(run.indexDirectory, { engine });
    const { keys, scores } = await index.search(users.subarray(0, 8), { k: 60 });
    expect(new Set(keys)).toEqual(new Set(content.keys));
    for (const [k, key] of keys.entries()) {
      const at = content.keys.indexOf(key) * 8;
      const score = users.subarray(0, 8).reduce((sum, x, d) => sum + x * content.vectors[at + d], 0);
      expect(scores[k]).toBeCloseTo(score, 4);
    }
    const items = await run.tower("item", engine);
    const encoded = await items.encode(createRowEncoder(run.map).encode([{ item: keys[0] }]));
    const at = content.keys.indexOf(keys[0]) * 8;
    expect(encoded).toEqual(content.vectors.subarray(at, at + 8));
    expect(run.queries()).toHaveLength(80 * 8);
    await Promise.all([index.close(), tower.release(), items.release()]);
  });

  test("that is there counts; another configuration replaces it", async () => {
    const directory = join(folder, "again");
    const config = parseRetrievalConfig(plain());
    const first = await finishRetrievalRun(config, { directory, engine });
    const second = await finishRetrievalRun(config, { directory, engine });
    expect(second).toEqual({ metrics: first.metrics, before: true });
    // As a version would have left it that had not all of today's options.
    const path = join(directory, "config.json");
    const stored = JSON.parse(readFileSync(path, "utf8"));
    expect(stored.training.learning_rate_hold_epochs).toBe(1);
    delete stored.training.learning_rate_hold_epochs;
    writeFileSync(path, JSON.stringify(stored));
    expect((await finishRetrievalRun(config, { directory, engine })).before).toBe(true);
    const other = parseRetrievalConfig({ ...plain(), batchSize: 32 });
    const third = await finishRetrievalRun(other, { directory, engine });
    expect(third.before).toBe(false);
    expect(openRetrievalRun(directory).config.batchSize).toBe(32);
  });
});

describe("a run from a log", () => {
  test("learns towers over features; items that were only shown can be found", async () => {
    const directory = join(folder, "log");
    const config = parseRetrievalConfig(fromLog());
    const { metrics } = await finishRetrievalRun(config, { directory, engine });
    // Five of forty by chance: 0.125; ten items of the own category, part of them known.
    expect(metrics.valid?.["recall@5"].value).toBeGreaterThan(0.3);
    const run = openRetrievalRun(directory);
    const { keys } = run.content();
    expect(keys).toHaveLength(40);
    expect(keys).toContain("i39");
    const tower = await run.tower("item", engine);
    const raw = { item: keys[0], category: `c${Number(keys[0].slice(1)) % 4}`, price: "1" };
    const encoded = await tower.encode(createRowEncoder(run.map).encode([raw]));
    expect(encoded).toHaveLength(8);
    await tower.release();
  });

  test("asks on validation and test for what is not known yet", async () => {
    const { valid, test: held } = await prepareRetrieval(parseRetrievalConfig(fromLog()));
    for (const task of [valid, held]) {
      expect(task).toBeDefined();
      if (task === undefined) continue;
      for (let user = 0; user < task.positives.rows; user++) {
        const known = new Set(task.exclude.row(user));
        expect(task.positives.row(user).filter((item) => known.has(item))).toHaveLength(0);
      }
      expect(task.positives.total).toBeGreaterThan(0);
    }
  });
});

describe("configurations", () => {
  test("are read from files; data are taken from their folder", () => {
    const path = join(folder, "config.yaml");
    writeFileSync(
      path,
      "task: retrieval\ninteractions: { train: lists.txt }\nmodel: { name: sasrec, embedding_dim: 16 }\nobjective: { name: softmax, log_q: false }\n",
    );
    const config = readRetrievalConfig(path, ["training.learning_rate=0.01"]);
    expect(config.interactions?.train).toBe(join(folder, "lists.txt"));
    expect(config.model).toMatchObject({ name: "SASRec", embeddingDim: 16, blocks: 2 });
    expect(config.training.learningRate).toBe(0.01);
    expect(config.objective).toMatchObject({ name: "softmax", logQ: false, negatives: 256 });
  });

  test.each([
    ["no data", { interactions: undefined }, "a retrieval run needs either `interactions` or `log`"],
    ["an unknown key", { model: { name: "MF", embedingDim: 4 } }, "unknown key embeding_dim"],
    ["an unknown model", { model: { name: "SASReck" } }, 'there is no retrieval model "SASReck"'],
    ["an unknown objective", { objective: { name: "bprr" } }, "objective"],
    [
      "a loss of cosines and a model of dot products",
      { model: { name: "TwoTower" }, objective: { name: "cosine_contrastive" } },
      "`cosine_contrastive` needs a model that scores by plain cosine",
    ],
  ])("with %s are refused", (_, change, message) => {
    const parse = (): unknown => parseRetrievalConfig({ ...plain(), ...change } as RetrievalConfigInput);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(message);
  });

  test("that do not fit their data are refused", async () => {
    const given = parseRetrievalConfig({
      ...plain(),
      interactions: { train: join(folder, "lists.txt"), split: "given" },
    });
    await expect(prepareRetrieval(given)).rejects.toThrow("the split `given` needs a file of test items");
    const sequence = parseRetrievalConfig({ ...fromLog(), model: { name: "SASRec" } });
    await expect(prepareRetrieval(sequence)).rejects.toThrow("SASRec learns from `interactions`");
  });

  test("without a next item to learn are refused, not trained on nothing", async () => {
    writeFileSync(join(folder, "short.txt"), "u1 a b c\nu2 c\n");
    const config = parseRetrievalConfig({
      ...plain(),
      interactions: { train: join(folder, "short.txt") },
      model: { name: "SASRec", embeddingDim: 8 },
      objective: { name: "softmax", negatives: 4 },
    });
    await expect(trainRetrievalRun(config, { directory: join(folder, "short") })).rejects.toThrow(
      "the training interactions hold nothing to learn from",
    );
  });

  test("a ranking run is not looked for in the directory of a retrieval run", async () => {
    const directory = join(folder, "no-ranking");
    await trainRetrievalRun(parseRetrievalConfig(plain()), { directory });
    expect(() => openRun(directory)).toThrow(
      `${directory} is a retrieval run, and a ranking run is expected`,
    );
    expect(() => parseConfig(plain())).toThrow("config: task is retrieval");
  });

  test("a directory without a finished run is refused", () => {
    expect(() => openRetrievalRun(join(folder, "nothing"))).toThrow(DataError);
  });
});

test("a resume with other options is refused and leaves the finished run as it was", async () => {
  const directory = join(folder, "resumed");
  const config = (change: object) =>
    parseRetrievalConfig({ ...plain(), training: { ...training, epochs: 2, ...change } });
  await trainRetrievalRun(config({}), { directory, engine });
  const before = readFileSync(join(directory, "config.json"), "utf8");
  await expect(
    trainRetrievalRun(config({ learningRate: 0.5 }), { directory, engine, resume: true }),
  ).rejects.toThrow("other data or options");
  expect(readFileSync(join(directory, "config.json"), "utf8")).toBe(before);
  expect(openRetrievalRun(directory).config.training.learningRate).toBe(0.02);
});
