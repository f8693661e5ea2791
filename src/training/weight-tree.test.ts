import { afterAll, beforeAll, expect, test } from "vitest";
import { drawRows } from "../../test/models/every-kind.ts";
import { hashOf, makeLearner } from "../../test/models/learner.ts";
import { clickAndLike, SharedBottomModel } from "../../test/models/shared-bottom.ts";
import { createEngine } from "../engine/index.ts";
import { cloneWeights, type Learner, mixWeights, restoreWeights } from "./index.ts";

let learner: Learner;
beforeAll(async () => {
  const model = new SharedBottomModel(clickAndLike, { batchNorm: true });
  learner = await makeLearner(model, clickAndLike, { engine: await createEngine("native"), batchSize: 16 });
});
afterAll(() => learner.release());
const rows = drawRows(clickAndLike, 16, 1);

test("a copy is put back bit for bit; optimizer state is left alone", async () => {
  await learner.step(rows);
  const tree = cloneWeights(learner.weights);
  const hash = hashOf(learner);
  restoreWeights(learner.weights, tree);
  expect(hashOf(learner)).toBe(hash);
  await learner.step(rows);
  restoreWeights(learner.weights, tree);
  expect(cloneWeights(learner.weights)).toEqual(tree);
  expect(hashOf(learner)).not.toBe(hash);
});

test("mixing is linear, row by row as table by table; a coefficient of 1 gives that tree's bits", async () => {
  const first = cloneWeights(learner.weights);
  await learner.step(rows);
  const second = cloneWeights(learner.weights);
  expect(mixWeights([first, second], [0, 1])).toEqual(second);
  const mixed = mixWeights([first, second], [0.25, 0.75]);
  for (const [name, values] of mixed) {
    const [a, b] = [first.get(name) as Float32Array, second.get(name) as Float32Array];
    expect(values).toEqual(a.map((x, i) => Math.fround(0.25 * x + 0.75 * b[i])));
  }
  const rows32 = mixed.get("table/embedding.tables.user")?.subarray(3, 6);
  const row = (tree: typeof first) =>
    new Map([["r", tree.get("table/embedding.tables.user")?.slice(3, 6) as Float32Array]]);
  expect(mixWeights([row(first), row(second)], [0.25, 0.75]).get("r")).toEqual(rows32);
});
