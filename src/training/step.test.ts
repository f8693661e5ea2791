import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { drawRows, everyKind, sliceRows } from "../../test/models/every-kind.ts";
import { hashOf, type LearnerChoices, makeLearner } from "../../test/models/learner.ts";
import { readArrays } from "../../test/models/named-arrays.ts";
import { TwoTasks, twoTaskSchema } from "../../test/models/two-tasks.ts";
import { MillraceError } from "../core/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { DeepFM, DIN, FinalMLP, FM, LR } from "../models/index.ts";
import { auxiliaryLoss, type Batch, Model, type Parameter } from "../module/index.ts";
import { add, mean, mul, square, sub, sum } from "../ops/index.ts";
import { type FeatureMap, FIRST_VALUE_ID } from "../schema/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Learner } from "./index.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

const learners: Learner[] = [];
afterEach(async () => {
  for (const learner of learners.splice(0)) await learner.release();
});

async function make(
  model: Model,
  choices: Partial<LearnerChoices> = {},
  schema: FeatureMap = everyKind,
): Promise<Learner> {
  const learner = await makeLearner(model, schema, { engine, batchSize: 16, ...choices });
  learners.push(learner);
  return learner;
}

const rows = drawRows(everyKind, 16, 4);
const small = { embeddingDim: 3, embeddingStd: 0.2, hiddenUnits: [6] };

describe("what a step moves", () => {
  test("padding rows never, with momentum, L2 and dense updates", async () => {
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const learner = await make(model, { optimizer: { embeddingRegularizer: 0.1 } });
    for (let step = 0; step < 5; step++) await learner.step(rows);
    for (const [path, table] of model.namedTables()) {
      expect(learner.weights.table(table).subarray(0, table.dim), path).toEqual(new Float32Array(table.dim));
    }
  });

  test("lazily, only the batch's rows", async () => {
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const learner = await make(model, {
      optimizer: { embeddingUpdate: "lazy", embeddingRegularizer: 0.1, embeddingRegularizerScope: "batch" },
    });
    await learner.step(sliceRows(everyKind, rows, 0, 2));
    const before = readArrays(model, learner.weights);
    await learner.step(sliceRows(everyKind, rows, 2, 4));
    const after = readArrays(model, learner.weights);
    const users = (rows.columns.user as Int32Array).subarray(2, 4);
    const path = "embedding.tables.user";
    for (let id = 0; id < 43; id++) {
      const moved = [0, 1, 2].some((d) => before[path][3 * id + d] !== after[path][3 * id + d]);
      expect(moved, `row ${id}`).toBe(users.includes(id));
    }
  });

  test("densely, rows with momentum go on without a gradient", async () => {
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const learner = await make(model);
    await learner.step(sliceRows(everyKind, rows, 0, 1));
    const id = rows.columns.user[0];
    const before = readArrays(model, learner.weights)["embedding.tables.user"].slice(3 * id, 3 * id + 3);
    await learner.step(sliceRows(everyKind, rows, 5, 6));
    const after = readArrays(model, learner.weights)["embedding.tables.user"].slice(3 * id, 3 * id + 3);
    expect(after).not.toEqual(before);
  });

  test("nothing that is frozen: tables beside trained ones, look-ups of frozen tables alone, parameters", async () => {
    const model = new DIN(everyKind, { ...small, attentionHiddenUnits: [4] });
    model.embedding.tables.item.trainable = false;
    model.embedding.tables.category.trainable = false;
    model.deep.layers[0].weight.trainable = false;
    const learner = await make(model, { optimizer: { embeddingRegularizer: 0.1, netRegularizer: 0.1 } });
    const before = readArrays(model, learner.weights);
    for (let step = 0; step < 3; step++) await learner.step(rows);
    const after = readArrays(model, learner.weights);
    const same = Object.keys(before).filter((path) =>
      before[path].every((value, i) => value === after[path][i]),
    );
    expect(same).toEqual(["deep.layers.0.weight", "embedding.tables.item", "embedding.tables.category"]);
  });

  test("nothing at all in a model whose tables are all frozen, but its dense parameters", async () => {
    const model = new FinalMLP(everyKind, {
      embeddingDim: 3,
      mlp1HiddenUnits: [4],
      mlp2HiddenUnits: [4],
      gate1Context: ["user"],
    });
    for (const table of model.namedTables().values()) table.trainable = false;
    const learner = await make(model);
    const before = readArrays(model, learner.weights);
    await learner.step(rows);
    const after = readArrays(model, learner.weights);
    for (const path of model.namedTables().keys()) expect(after[path], path).toEqual(before[path]);
    expect(after["mlp1.layers.0.weight"]).not.toEqual(before["mlp1.layers.0.weight"]);
  });
});

test("lazy updates under whole-table L2 are refused before anything is allocated", async () => {
  const optimizer = { embeddingUpdate: "lazy", embeddingRegularizer: 0.1 } as const;
  await expect(make(new LR(everyKind), { optimizer })).rejects.toThrow(
    "embedding_regularizer over whole tables moves every row, and lazy updates only the batch's",
  );
});

describe("batches", () => {
  test("of any size up to the learner's; a duplicated batch has the same loss", async () => {
    const model = new LR(everyKind);
    const learner = await make(model, { optimizer: { learningRate: 1e-9 } });
    const first = sliceRows(everyKind, rows, 0, 3);
    const losses = [await learner.step(first), await learner.step(rows), await learner.step(first)];
    expect(losses[2]).toBeCloseTo(losses[0], 5);
    expect(learner.steps).toBe(3);
  });

  test("larger ones than the learner was made for are refused", async () => {
    const learner = await make(new LR(everyKind));
    await expect(learner.step(drawRows(everyKind, 17, 1))).rejects.toThrow();
    expect(Number.isFinite(await learner.step(rows))).toBe(true);
  });
});

describe("numbers that are not finite", () => {
  test("a loss stops training before anything has moved", async () => {
    const learner = await make(new DeepFM(everyKind, { ...small, batchNorm: true }));
    await learner.step(rows);
    const before = hashOf(learner);
    const broken = { ...rows, columns: { ...rows.columns, price: new Float32Array(16).fill(Number.NaN) } };
    await expect(learner.step(broken)).rejects.toThrow(MillraceError);
    await expect(learner.step(broken)).rejects.toThrow("the loss became NaN at step 2");
    expect(hashOf(learner)).toBe(before);
    expect(learner.steps).toBe(1);
    expect(Number.isFinite(await learner.step(rows))).toBe(true);
  });

  test.each([10, null])("so does a gradient where the loss still is finite; clipping %s", async (clip) => {
    const model = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    const learner = await make(model, { optimizer: { maxGradientNorm: clip } });
    // Pairs give e·e' = 1e15 · 1e10, but the gradient of the first factor's weight is 1e30 · 1e10.
    learner.weights.parameter(model.embedding.numeric as Parameter).set([1e-15, 1e-15, 1e-15, 1, 1, 1]);
    const before = hashOf(learner);
    const columns = { price: new Float32Array(16).fill(1e30), age: new Float32Array(16).fill(1e10) };
    const huge = { ...rows, columns: { ...rows.columns, ...columns } };
    await expect(learner.step(huge)).rejects.toThrow(
      /the norm of the gradients became (Infinity|NaN) at step 1/,
    );
    expect(hashOf(learner)).toBe(before);
  });
});

describe("a seed", () => {
  test("decides dropout step by step; evaluation has none", async () => {
    const model = new DeepFM(everyKind, { ...small, netDropout: 0.5 });
    const still = { learningRate: 1e-30, maxGradientNorm: null };
    const learner = await make(model, { optimizer: still });
    const losses = [await learner.step(rows), await learner.step(rows)];
    expect(losses[1]).not.toBe(losses[0]);
    const again = await make(new DeepFM(everyKind, { ...small, netDropout: 0.5 }), { optimizer: still });
    expect([await again.step(rows), await again.step(rows)]).toEqual(losses);
    expect((await learner.predict(rows)).click).toEqual((await learner.predict(rows)).click);
  });
});

test("several labels are learned and predicted together", async () => {
  const wide = drawRows(twoTaskSchema, 16, 4);
  const learner = await make(
    new TwoTasks(twoTaskSchema),
    { optimizer: { learningRate: 0.02 } },
    twoTaskSchema,
  );
  const first = await learner.step(wide);
  let last = first;
  for (let step = 0; step < 100; step++) last = await learner.step(wide);
  expect(last).toBeLessThan(0.2 * first);
  const { click, spent } = await learner.predict(wide);
  expect(click.every((p) => p > 0 && p < 1)).toBe(true);
  expect(Math.min(...spent)).toBeLessThan(0);
});

describe("what a model asks for beside its logits", () => {
  /** Logits of a factorization machine; a penalty on its own output, a draw of the item table. */
  class WithPenalty extends Model {
    readonly fm = new FM(everyKind, { embeddingDim: 3, embeddingStd: 0.2 });
    forward(batch: Batch): Tensor {
      const logits = this.fm.forward(batch);
      auxiliaryLoss("penalty", (label) => {
        const table = this.fm.embedding.tables.item;
        const drawn = batch.lookup([{ table, column: "item", width: 1, sampled: "negative" }]); // [batch, 1, 3]
        return mul(mean(add(square(sub(logits, label("click"))), sum(square(drawn), { axes: [1, 2] }))), 0.5);
      });
      return logits;
    }
  }

  test("an auxiliary loss is one of the losses, in training only", async () => {
    const learner = await make(new WithPenalty(), { optimizer: { learningRate: 0.01 } });
    expect(learner.graph.losses).toEqual(["click", "penalty"]);
    const first = await learner.step(rows);
    for (let step = 0; step < 30; step++) await learner.step(rows);
    expect(await learner.step(rows)).toBeLessThan(first);
    expect(learner.evaluation.inputs.filter((name) => name.startsWith("index:"))).toHaveLength(2);
  });

  test("sampled ids move rows that no row of the batch names, differently in every step", async () => {
    const model = new WithPenalty();
    const learner = await make(model, { optimizer: { embeddingUpdate: "lazy", learningRate: 0.01 } });
    const table = model.fm.embedding.tables.item;
    const named = new Set(["item", "history", "liked"].flatMap((name) => [...rows.columns[name]]));
    const moved = async (): Promise<Set<number>> => {
      const before = learner.weights.table(table).slice();
      await learner.step(rows);
      const after = learner.weights.table(table);
      return new Set([...before].flatMap((value, i) => (value === after[i] ? [] : [Math.floor(i / 3)])));
    };
    const [first, second] = [await moved(), await moved()];
    const others = (ids: Set<number>): number[] => [...ids].filter((id) => !named.has(id));
    const drawn = [...others(first), ...others(second)];
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn.every((id) => id >= FIRST_VALUE_ID)).toBe(true);
    expect([...first].toSorted()).not.toEqual([...second].toSorted());
  });
});
