/** Numbers as digits in several numeral systems, from a raw row to a model's logit and to an exported graph. */
import { beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import { DCNv2, LR } from "../../src/models/index.ts";
import { type FeatureMap, type NumeralFeature, numeralIds, numeralShape } from "../../src/schema/index.ts";
import { drawRows, everyKind } from "./every-kind.ts";
import { exact } from "./expect-same.ts";
import { logitsOf, randomArrays } from "./forward.ts";
import { makeLearner } from "./learner.ts";
import { expectNear } from "./named-arrays.ts";

function numeral(name: string, bases: readonly number[], combine: "sum" | "concat"): NumeralFeature {
  const scale = { kind: "integer", lowest: 0, largest: 63 } as const;
  const { places, size } = numeralShape(bases, scale.largest);
  return { kind: "numeral", name, column: name, scale, bases, places, combine, size };
}

const floor = numeral("floor", [2, 3], "sum");
const schema: FeatureMap = {
  ...everyKind,
  features: [everyKind.features[0], floor, numeral("rooms", [2, 5], "concat")],
};
const rows = drawRows(schema, 24, 3);
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("native");
});

test("the logit of LR is the sum of the weights of a number's digits", async () => {
  const alone = { ...schema, features: [floor] };
  const model = new LR(alone);
  const arrays = randomArrays(model);
  const weights = arrays["linear.weights.tables.floor"].data;
  const [bias] = arrays["linear.bias"].data;
  const given = Array.from({ length: 64 }, (_, value) => value);
  const ids = given.map((value) => Array.from(numeralIds(value, floor)));
  const columns = { floor: Int32Array.from(ids.flat()), click: new Float32Array(64) };
  const received = await logitsOf(model, alone, arrays, { size: 64, columns });
  const expected = ids.map((digits) => digits.reduce((sum, id) => sum + weights[id], bias));
  expectNear(received, expected, exact, "logits");
  expect(new Set(received.map((logit) => logit.toFixed(9))).size).toBe(64);
});

test("bases side by side pass a map of their own: with two unit maps above each other they are added", async () => {
  const dim = 3;
  const [added, beside] = (["sum", "concat"] as const).map((combine) => {
    const map = { ...schema, features: [schema.features[0], numeral("rooms", [2, 5], combine)] };
    return { map, model: new DCNv2(map, { embeddingDim: dim, hiddenUnits: [4] }) };
  });
  const arrays = randomArrays(beside.model);
  expect(arrays["embedding.numerals.rooms"].shape).toEqual([2 * dim, dim]);
  const unit = Array.from({ length: 2 * dim * dim }, (_, k) => Number(Math.floor(k / dim) % dim === k % dim));
  const seen = drawRows(added.map, 24, 5);
  const fixed = { ...arrays, "embedding.numerals.rooms": { shape: [2 * dim, dim], data: unit } };
  const [a, b] = [
    await logitsOf(added.model, added.map, arrays, seen),
    await logitsOf(beside.model, beside.map, fixed, seen),
  ];
  expectNear(b, a, exact, "logits");
});

test("a model learns through digits", async () => {
  const model = new DCNv2(schema, { embeddingDim: 4, embeddingStd: 0.1, hiddenUnits: [32] });
  const learner = await makeLearner(model, schema, {
    engine,
    batchSize: 24,
    optimizer: { learningRate: 0.05, maxGradientNorm: null },
  });
  const losses: number[] = [];
  for (let step = 0; step < 100; step++) losses.push(await learner.step(rows));
  expect(losses[0]).toBeGreaterThan(0.5);
  expect(losses.at(-1)).toBeLessThan(0.02);
  await learner.release();
});
