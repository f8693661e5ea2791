/**
 * What every retrieval model of the catalogue must do: learn sixteen users by heart, and mean the same in training,
 * in evaluation, as exported towers, on every engine and in Python; step after step the same bits.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CounterRandom } from "../../src/core/index.ts";
import { createEngine, type Engine, type HostTensor } from "../../src/engine/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import {
  ItemLists,
  type RetrievalDescription,
  RetrievalModel,
  retrievalModels,
  scorerGraph,
  towerGraph,
  userRows,
} from "../../src/retrieval/index.ts";
import { batchLayout, type EncodedBatch, FIRST_VALUE_ID } from "../../src/schema/index.ts";
import { type Learner, modelCost } from "../../src/training/index.ts";
import { hashOf, type LearnerChoices, makeLearner, weightSource } from "../models/learner.ts";
import { expectNear } from "../models/named-arrays.ts";
import { noPythonRuntime, type PythonJob, runInPython } from "../models/python-runtime.ts";
import { retrievalLesson } from "../models/retrieval-lesson.ts";
import { withoutDropout } from "../models/without-dropout.ts";

const [users, items, historyLength] = [16, 40, 6];
const keys = {
  users: Array.from({ length: users }, (_, u) => `u${u}`),
  items: Array.from({ length: items }, (_, n) => `i${n}`),
};
/** No two users begin with the same item, so that every next item can be known. */
const lists = ItemLists.from(
  Array.from({ length: users }, (_, u) => {
    const others = new CounterRandom(3, "items", u).permutation(items).filter((item) => item !== u);
    return [u, ...others.slice(0, historyLength)];
  }),
);

const engines: { native: Engine; wasm: Engine } = {} as never;
const folder = mkdtempSync(join(tmpdir(), "millrace-retrieval-models-"));
beforeAll(async () => {
  engines.native = await createEngine("native");
  engines.wasm = await createEngine("wasm");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Two towers compared by cosine beside those by dot product. */
const twoTower = retrievalModels.filter(({ name }) => name === "TwoTower");
const members: readonly RetrievalDescription[] = [
  ...retrievalModels,
  ...twoTower.map((one) => ({
    ...one,
    name: `${one.name} by cosine`,
    example: { ...one.example, similarity: "cosine", temperature: 0.05 },
  })),
];

function lessonOf(description: RetrievalDescription, example: object = description.example, taken = lists) {
  const sequences = description.training === "sequences";
  return retrievalLesson(description, example, {
    ...keys,
    historyLength,
    lists: taken,
    objective: sequences ? { name: "softmax", negatives: 32, logQ: false } : { name: "bpr", negatives: 8 },
    // All that there is: one batch an epoch.
    batchSize: sequences ? users : taken.total,
  });
}

type Lesson = ReturnType<typeof lessonOf>;

function learnerOf({ source }: Lesson, choices: Omit<LearnerChoices, "batchSize"> & { batchSize: number }) {
  const { model, schema, layout, objective } = source;
  return makeLearner(model, schema, { layout, objective, ...choices });
}

/** The batches of steps: an epoch is one, and each draws its own negatives. */
function* batchesOf({ batches }: Lesson, steps: number): Generator<EncodedBatch> {
  for (let epoch = 0; epoch < steps; epoch++) yield* batches.epoch({ seed: 5, epoch });
}

/** Users with histories of every length, each with an item: what evaluation scores. */
function drawPairs(size: number): EncodedBatch {
  const histories = Array.from({ length: size }, (_, u) => [
    ...lists.row(u).slice(0, u % lists.row(u).length),
  ]);
  const { columns } = userRows(
    Int32Array.from({ length: size }, (_, u) => u),
    ItemLists.from(histories),
    historyLength,
  );
  const taken = Int32Array.from({ length: size }, (_, u) => FIRST_VALUE_ID + ((7 * u) % items));
  return { size, columns: { ...columns, item: taken } };
}

describe.each(members)("$name", (description) => {
  test("overfits sixteen users, and finds what each took among all items", async () => {
    // Without dropout the loss of one batch is the model's loss.
    const short = ItemLists.from(lists.all().map((row) => [...row.slice(0, 3)]));
    const lesson = lessonOf(description, withoutDropout(description.example), short);
    const learner = await learnerOf(lesson, {
      engine: engines.native,
      batchSize: lesson.batches.batchSize,
      optimizer: { learningRate: 0.02, maxGradientNorm: null },
    });
    const losses: number[] = [];
    for (const batch of batchesOf(lesson, 200)) losses.push(await learner.step(batch));
    expect(losses).toHaveLength(200);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(0.02);
    expect(await missed(description, learner, short)).toEqual([]);
    await learner.release();
  });

  describe("trained a little", () => {
    const lesson = lessonOf(description);
    const { batchSize } = lesson.batches;
    const optimizer = { learningRate: 0.05, epsilon: 1e-4 };
    const train = async (engine: Engine): Promise<Learner> => {
      const learner = await learnerOf(lesson, { engine, batchSize, optimizer });
      for (const batch of batchesOf(lesson, 10)) await learner.step(batch);
      return learner;
    };
    let learner: Learner;
    beforeAll(async () => {
      learner = await train(engines.native);
    });
    afterAll(() => learner.release());

    test("exported towers and scorer give the trainer's scores in batches of any size", async () => {
      for (const size of [16, 5, 1]) {
        const batch = drawPairs(size);
        const { score } = await learner.predict(batch);
        expect(new Set(score).size).toBeGreaterThan(size / 2);
        const native = await encodeWith(engines.native, learner, batch);
        expect(native.users).toHaveLength(size * lesson.model.userShape.reduce((a, b) => a * b));
        expectNear(ownScores(native), score, 1e-5, `native, ${size} rows`);
        const wasm = await encodeWith(engines.wasm, learner, batch);
        for (const part of ["users", "items", "scores"] as const)
          expectNear(wasm[part], native[part], 1e-5, `${part}, wasm, ${size} rows`);
      }
    });

    test("the exported graphs hold nothing of training", () => {
      const { user, item, scorer } = exported(learner);
      const layout = batchLayout(lesson.map).map(({ name }) => name);
      const tables = [...lesson.model.namedTables().keys()];
      for (const { inputs, outputs, columns } of [user, item]) {
        expect(inputs.toSorted()).toEqual(
          [...columns, ...inputs.filter((name) => name.startsWith("table:"))].toSorted(),
        );
        for (const column of columns) expect(layout).toContain(column);
        expect(outputs).toEqual(["vectors"]);
      }
      expect(item.columns).toEqual(["item"]);
      expect(user.columns).not.toContain("item");
      expect([...new Set([...user.tables, ...item.tables])].toSorted()).toEqual(tables.toSorted());
      expect(scorer.inputs.toSorted()).toEqual(["items", "users"]);
    });

    test("the WASM engine learns as the native one does", async () => {
      const twin = await train(engines.wasm);
      const batch = drawPairs(16);
      // Adam divides by gradients' sizes, so that roundings grow: a hundred times, not more.
      expectNear((await twin.predict(batch)).score, (await learner.predict(batch)).score, 1e-4, "scores");
      await twin.release();
    });
  });

  test("steps repeat bit by bit", async () => {
    const lesson = lessonOf(description);
    const learn = async (seed: number, steps: number) => {
      const learner = await learnerOf(lesson, {
        engine: engines.native,
        batchSize: lesson.batches.batchSize,
        seed,
        threads: 2,
        optimizer: { embeddingRegularizer: 1e-3, maxGradientNorm: 0.05 },
      });
      const losses: number[] = [];
      const hashes: string[] = [];
      for (const batch of batchesOf(lesson, steps)) {
        losses.push(await learner.step(batch));
        hashes.push(hashOf(learner));
      }
      await learner.release();
      return { losses, hashes };
    };
    const learned = await learn(7, 20);
    expect(new Set(learned.hashes).size).toBe(20);
    expect(await learn(7, 20)).toEqual(learned);
    // The seed decides initial values and dropout.
    expect((await learn(8, 1)).hashes[0]).not.toBe(learned.hashes[0]);
  });
});

describe("parameters and arithmetic are those counted by hand", () => {
  const rows = { users: users + FIRST_VALUE_ID, items: items + FIRST_VALUE_ID };
  const square = (from: number, to = from): number => (from + 1) * to;
  const costOf = (name: string, options: object) => {
    const description = retrievalModels.find((one) => one.name === name) as RetrievalDescription;
    const { model, map } = lessonOf(description, options);
    return modelCost(model, map);
  };
  const [dim, hidden, length] = [8, 12, historyLength];

  test("MF", () => {
    expect(costOf("MF", { embeddingDim: dim })).toEqual({
      parameters: 0,
      tableParameters: (rows.users + rows.items) * dim,
      flopsPerRow: 2 * dim,
      flopsPerBatch: 0,
    });
  });

  test("TwoTower", () => {
    const options = { embeddingDim: dim, hiddenUnits: [hidden], outputDim: 5 };
    const tower = (inputs: number): number => 2 * inputs * hidden + 2 * hidden + 2 * hidden * 5 + 5;
    const cost = costOf("TwoTower", options);
    expect(cost).toMatchObject({
      parameters: square(2 * dim, hidden) + square(dim, hidden) + 2 * square(hidden, 5),
      tableParameters: (rows.users + rows.items) * dim,
      flopsPerBatch: 0,
    });
    // Beside the towers and their product: the mean of the history.
    const mean = cost.flopsPerRow - tower(2 * dim) - tower(dim) - 2 * 5;
    expect(mean).toBeGreaterThanOrEqual(length * dim);
    expect(mean).toBeLessThanOrEqual(3 * length * dim + 2 * dim + length);
  });

  // Products are counted exactly; functions of single numbers are at most a few for each number there is.
  test.each([
    {
      name: "SASRec",
      options: { embeddingDim: dim, blocks: 2, heads: 2 },
      parameters: length * dim + 2 * (6 * square(dim) + 4 * dim) + 2 * dim,
      products: 2 * 2 * (6 * length * dim * dim + 2 * length * length * dim),
      numbers: 2 * (12 * length * dim + 2 * 2 * length * length) + 4 * length * dim,
    },
    {
      name: "GRU4Rec",
      options: { embeddingDim: dim, hiddenUnits: hidden },
      parameters: square(dim, 3 * hidden) + square(hidden, 3 * hidden) + square(hidden, dim),
      products: 2 * length * (3 * hidden * (dim + hidden) + hidden * dim),
      numbers: length * 15 * hidden + 2 * length * dim,
    },
    {
      name: "HSTU",
      options: { embeddingDim: dim, layers: 2, heads: 2 },
      parameters: length * dim + length + 2 * (4 * dim * dim + square(dim)),
      products: 2 * 2 * (5 * length * dim * dim + 2 * length * length * dim),
      numbers: 2 * (20 * length * dim + 2 * 2 * length * length) + 4 * length * dim,
    },
  ])("$name", ({ name, options, parameters, products, numbers }) => {
    const cost = costOf(name, options);
    expect(cost).toMatchObject({ parameters, tableParameters: rows.items * dim });
    expect(cost.flopsPerRow).toBeGreaterThan(products);
    expect(cost.flopsPerRow).toBeLessThan(products + 3 * numbers);
  });
});

test("exported towers pass ONNX's checker and run in Python's onnxruntime", async ({ skip }) => {
  const reason = noPythonRuntime();
  skip(reason !== undefined, reason);
  const jobs: PythonJob[] = [];
  const expected: Float32Array[] = [];
  for (const description of members) {
    const lesson = lessonOf(description);
    const learner = await learnerOf(lesson, {
      engine: engines.native,
      batchSize: lesson.batches.batchSize,
      optimizer: { learningRate: 0.02 },
    });
    for (const batch of batchesOf(lesson, 3)) await learner.step(batch);
    const graphs = exported(learner);
    for (const [part, { model }] of Object.entries(graphs))
      writeFileSync(join(folder, `${description.name}-${part}.onnx`), model);
    for (const size of [5, 1]) {
      const given = feedsOf(learner, drawPairs(size));
      const encoded = await encodeWith(engines.native, learner, drawPairs(size));
      const both = vectorFeeds(learner, encoded);
      const job = (part: string, outputs: string[], feeds: PythonJob["feeds"], values: Float32Array) => {
        jobs.push({ file: join(folder, `${description.name}-${part}.onnx`), outputs, feeds });
        expected.push(values);
      };
      job("user", ["vectors"], given.user, encoded.users);
      job("item", ["vectors"], given.item, encoded.items);
      job("scorer", ["scores"], both, encoded.scores);
    }
    await learner.release();
  }
  for (const [k, [values]] of runInPython(jobs).entries())
    expectNear(values, expected[k], 1e-5, jobs[k].file);
});

function modelOf({ options }: Learner): RetrievalModel {
  if (options.model instanceof RetrievalModel) return options.model;
  throw new Error("the learner's model is no retrieval model");
}

/** The graphs as a run directory holds them. */
function exported(learner: Learner) {
  const { schema } = learner.options;
  const model = modelOf(learner);
  const weights = weightSource(learner);
  return {
    user: towerGraph(model, "user", { schema, weights }),
    item: towerGraph(model, "item", { schema, weights }),
    scorer: scorerGraph(model, weights),
  };
}

interface Encoded {
  readonly users: Float32Array;
  readonly items: Float32Array;
  readonly scores: Float32Array;
}

function feedsOf(learner: Learner, { size, columns }: EncodedBatch) {
  const { user, item } = exported(learner);
  const { model, schema } = learner.options;
  const of = (graph: typeof user): { [name: string]: HostTensor } => ({
    ...Object.fromEntries(
      graph.columns.map((name) => {
        const { width, dtype } = batchLayout(schema).find((column) => column.name === name)!;
        return [name, hostTensor(dtype, width === 1 ? [size] : [size, width], columns[name])];
      }),
    ),
    ...Object.fromEntries(
      graph.tables.map((path) => {
        const { rows, dim } = model.namedTables().get(path)!;
        return [`table:${path}`, hostTensor("float32", [rows, dim], weightSource(learner).table(path))];
      }),
    ),
  });
  return { user: of(user), item: of(item) };
}

function vectorFeeds(learner: Learner, { users: queries, items: vectors }: Pick<Encoded, "users" | "items">) {
  const [dim] = modelOf(learner).userShape;
  return {
    users: hostTensor("float32", [queries.length / dim, dim], queries),
    items: hostTensor("float32", [vectors.length / dim, dim], vectors),
  };
}

/** Each row's user and item through the exported towers, and all users with all items through the scorer. */
async function encodeWith(engine: Engine, learner: Learner, batch: EncodedBatch): Promise<Encoded> {
  const graphs = exported(learner);
  const run = async (model: Uint8Array, feeds: { [name: string]: HostTensor }) => {
    const session = await engine.load(model, { threads: 1 });
    const results = await session.run(feeds);
    await session.release();
    return Object.values(results)[0].data as Float32Array;
  };
  const given = feedsOf(learner, batch);
  const vectors = {
    users: await run(graphs.user.model, given.user),
    items: await run(graphs.item.model, given.item),
  };
  return { ...vectors, scores: await run(graphs.scorer.model, vectorFeeds(learner, vectors)) };
}

/** Of each row's user with its own item, through the sigmoid that evaluation ends with. */
function ownScores({ scores }: Encoded): Float32Array {
  const rows = Math.sqrt(scores.length);
  return Float32Array.from({ length: rows }, (_, r) => 1 / (1 + Math.exp(-scores[r * rows + r])));
}

/** Users whose next item is not found, with what was found instead. */
async function missed(
  { training }: RetrievalDescription,
  learner: Learner,
  taken: ItemLists,
): Promise<[number, number][]> {
  // A model of pairs was asked for any of a user's items, a next-item model for the one after the history.
  const sequences = training === "sequences";
  const seen = ItemLists.from(taken.all().map((row) => [...row.slice(0, -1)]));
  const numbers = Int32Array.from({ length: users }, (_, u) => u);
  const requests = userRows(numbers, seen, historyLength);
  // As many rows as items, users over and over.
  const columns = Object.fromEntries(
    Object.entries(requests.columns).map(([name, data]) => {
      const width = data.length / users;
      const repeated = Int32Array.from({ length: items * width }, (_, i) => data[i % data.length]);
      return [name, repeated];
    }),
  );
  const all = Int32Array.from({ length: items }, (_, n) => FIRST_VALUE_ID + n);
  const batch = { size: items, columns: { ...columns, item: all } };
  const { scores } = await encodeWith(engines.native, learner, batch);
  const wrong: [number, number][] = [];
  for (let u = 0; u < users; u++) {
    const row = scores.subarray(u * items, (u + 1) * items);
    const best = row.indexOf(Math.max(...row));
    const right = sequences ? best === taken.row(u).at(-1) : taken.row(u).includes(best);
    if (!right) wrong.push([u, best]);
  }
  return wrong;
}
