import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { retrievalLesson } from "../../test/models/retrieval-lesson.ts";
import { ConfigError, CounterRandom, InterruptedError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { weightViews } from "../training/index.ts";
import { DirectoryCheckpoints } from "../training/node/index.ts";
import type { RetrievalTask } from "./evaluate-retrieval.ts";
import { ItemLists } from "./item-lists.ts";
import { userRows } from "./list-pairs.ts";
import { retrievalModelNamed } from "./models/catalogue.ts";
import { objectiveOptions } from "./objective.ts";
import { leaveOneOut } from "./splits.ts";
import { trainRetrieval, type TrainRetrievalInput, type TrainRetrievalResult } from "./train-retrieval.ts";

const items = 60;
const groups = 6;
const users = 150;
const historyLength = 8;
/** A user takes items of one group, and after item i rather i + 6: both kinds of model have something to find. */
const lists = ItemLists.from(
  Array.from({ length: users }, (_, u) => {
    const random = new CounterRandom(4, "user", u);
    const row = [u % groups];
    for (let k = 1; k < 9; k++) {
      const next = (row[k - 1] + groups) % items;
      const other = (u % groups) + groups * random.integer(100 + k, items / groups);
      row.push(random.uniform(k) < 0.8 ? next : other);
    }
    return [...new Set(row)];
  }),
);
const split = leaveOneOut(lists);
const keys = {
  users: Array.from({ length: users }, (_, u) => `u${u}`),
  items: Array.from({ length: items }, (_, n) => `i${n}`),
};
const valid: RetrievalTask = {
  positives: split.valid,
  exclude: split.train,
  userRows: (numbers) => userRows(numbers, split.train, historyLength),
};

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-retrieval-"));
  engine = await createEngine("auto");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inputFor(
  name: string,
  objectiveGiven: { readonly name: string },
  options: TrainRetrievalInput["options"],
): TrainRetrievalInput {
  const description = retrievalModelNamed(name);
  const model = {
    embeddingDim: 16,
    ...(name === "TwoTower" || name === "MF" ? {} : { dropout: 0.1 }),
    ...(objectiveGiven.name === "cosine_contrastive" && { similarity: "cosine", temperature: 1 }),
  };
  const lesson = retrievalLesson(description, model, {
    ...keys,
    historyLength,
    lists: split.train,
    objective: objectiveOptions.parse(objectiveGiven),
    batchSize: description.training === "sequences" ? 16 : 128,
  });
  return {
    ...lesson,
    valid,
    engine,
    options: {
      metrics: ["ndcg@10", "hr@10"],
      learningRate: 0.01,
      seed: 3,
      earlyStopPatience: null,
      ...options,
    },
  };
}

async function done(given: TrainRetrievalInput): Promise<TrainRetrievalResult> {
  const result = await trainRetrieval(given);
  await result.towers.release();
  await result.learner.release();
  return result;
}

const hashOf = ({ learner }: TrainRetrievalResult): string => {
  const hash = createHash("sha256");
  for (const [name, bytes] of weightViews(learner.weights)) hash.update(name).update(bytes);
  return hash.digest("hex");
};

describe("learning", () => {
  // Ten of sixty items by chance: 0.17; the group alone: 1 of 10, about half of them known.
  test.each([
    ["MF", { name: "bpr" }, 0.5],
    ["MF", { name: "softmax", inBatch: true, negatives: 64 }, 0.5],
    ["TwoTower", { name: "softmax", inBatch: true, negatives: 0 }, 0.5],
    ["TwoTower", { name: "cosine_contrastive", negatives: 32, margin: 0.5, negativeWeight: 10 }, 0.5],
    ["SASRec", { name: "softmax", negatives: 32, logQ: false }, 0.7],
    ["SASRec", { name: "binary" }, 0.6],
    ["GRU4Rec", { name: "softmax", negatives: 32, logQ: false }, 0.7],
    ["HSTU", { name: "softmax", negatives: 32, logQ: false }, 0.7],
  ])("%s by %o finds what users take next", async (name, objective, least) => {
    const result = await done(inputFor(name, objective, { epochs: 15, validateEveryEpochs: 15 }));
    const first = result.history[0].trainLoss;
    expect(result.history[result.history.length - 1].trainLoss).toBeLessThan(first);
    expect(result.valid?.["hr@10"].value).toBeGreaterThan(least);
    expect(result.valid?.["hr@10"].counts).toEqual({ users, usersWithoutPositive: 0 });
  });
});

describe("resuming", () => {
  test.each([
    ["MF", { name: "bpr", negatives: 2, l2: 0.01 }],
    ["SASRec", { name: "softmax", negatives: 8 }],
  ])("%s stopped anywhere ends with the same bytes", async (name, objective) => {
    const options = { epochs: 3, checkpointEverySteps: 2 };
    const straight = await done(inputFor(name, objective, options));
    const checkpoints = new DirectoryCheckpoints(join(folder, name));
    for (const stopAt of [3, 7]) {
      const controller = new AbortController();
      const stopped = trainRetrieval({
        ...inputFor(name, objective, options),
        checkpoints,
        resume: true,
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === "step" && event.step === stopAt) controller.abort();
        },
      });
      await expect(stopped).rejects.toThrow(InterruptedError);
    }
    const resumed = await done({ ...inputFor(name, objective, options), checkpoints, resume: true });
    expect(resumed.steps).toBe(straight.steps);
    expect(hashOf(resumed)).toBe(hashOf(straight));
    expect(resumed.valid).toEqual(straight.valid);
  });

  test("with other options is refused", async () => {
    const checkpoints = new DirectoryCheckpoints(join(folder, "other"));
    await done({ ...inputFor("MF", { name: "bpr" }, { epochs: 1 }), checkpoints });
    const other = trainRetrieval({
      ...inputFor("MF", { name: "bpr" }, { epochs: 1, learningRate: 0.02 }),
      checkpoints,
      resume: true,
    });
    await expect(other).rejects.toThrow(ConfigError);
  });
});

test("training stops when validation no longer improves, and keeps the best epoch", async () => {
  const result = await done(
    inputFor("MF", { name: "bpr" }, { epochs: 200, learningRate: 0.1, earlyStopPatience: 3 }),
  );
  expect(result.history.length).toBeLessThan(200);
  const values = result.history.map(({ valid: measured }) => measured?.ranking["ndcg@10"] ?? 0);
  const best = Math.max(...values);
  expect(result.bestEpoch).toBe(values.indexOf(best));
  expect(result.valid?.["ndcg@10"].value).toBe(best);
});

test("the learning rate is held, then falls by its factor each epoch", async () => {
  const rates = { learningRate: 0.02, learningRateDecay: 0.5 };
  const ratesOf = async (options: TrainRetrievalInput["options"]): Promise<number[]> => {
    const { history } = await done(inputFor("MF", { name: "bpr" }, { ...rates, epochs: 4, ...options }));
    return history.map(({ learningRate }) => learningRate);
  };
  expect(await ratesOf({})).toEqual([0.02, 0.01, 0.005, 0.0025]);
  expect(await ratesOf({ learningRateHoldEpochs: 3 })).toEqual([0.02, 0.02, 0.02, 0.01]);
});
