/**
 * Training steps of every model repeat bit by bit: two learners of one seed, many duplicate ids, two threads,
 * with dropout, batch norm, whole-table L2 and clipping. `MILLRACE_LONG=1` takes 100 steps of 4096 rows for
 * the models named below and 10 such steps for others, in place of 20 steps of 512.
 */
import { beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import { models } from "../../src/models/index.ts";
import type { FeatureMap } from "../../src/schema/index.ts";
import { drawRows, everyKind, everyTask, schemaOf } from "../models/every-kind.ts";
import { hashOf, makeLearner } from "../models/learner.ts";
import { severalSets } from "../models/several-sets.ts";

const long = process.env.MILLRACE_LONG === "1";
/** What others are made of: every kind of layer that could add up in another order. */
const longest = new Set(["LR", "FM", "DeepFM", "DCNv2", "FinalMLP", "DIN"]);
const batchSize = long ? 4096 : 512;
const stepsOf = (name: string): number => (!long ? 20 : longest.has(name) ? 100 : 10);
const draw = (schema: FeatureMap) => Array.from({ length: 3 }, (_, k) => drawRows(schema, batchSize, 10 + k));
const drawn = new Map([everyKind, everyTask].map((schema) => [schema, draw(schema)]));
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

test.each([...models, ...severalSets])("$name", async (description) => {
  const { create, example } = description;
  const steps = stepsOf(description.name);
  const schema = schemaOf(description);
  const batches = drawn.get(schema) ?? [];
  const learn = async (seed: number, count: number) => {
    const learner = await makeLearner(create(schema, example), schema, {
      engine,
      batchSize,
      seed,
      threads: 2,
      optimizer: { embeddingRegularizer: 1e-3, maxGradientNorm: 0.05 },
    });
    const losses = [await learner.step(batches[0])];
    const first = hashOf(learner);
    for (let step = 1; step < count; step++) losses.push(await learner.step(batches[step % batches.length]));
    const last = hashOf(learner);
    await learner.release();
    return { losses, first, last };
  };
  const learned = await learn(7, steps);
  expect(await learn(7, steps)).toEqual(learned);
  // The seed decides initial values and dropout.
  expect((await learn(8, 1)).first).not.toBe(learned.first);
});
