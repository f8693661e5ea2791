import { expect, test } from "vitest";
import type { FeatureMap } from "../schema/index.ts";
import { SliceWatch, slicedFeatures } from "./slices.ts";

const list = (count: number) => ({
  valueType: "string" as const,
  trim: false,
  size: count + 3,
  vocabulary: {
    type: "list" as const,
    minCount: 1,
    values: Array.from({ length: count }, (_, k) => `v${k}`),
  },
});
const map = {
  version: 1,
  features: [
    { name: "who", column: "user_id", kind: "categorical", encoder: "who" },
    { name: "item", column: "item", kind: "categorical", encoder: "item" },
    { name: "colour", column: "colour", kind: "categorical", encoder: "colour" },
    { name: "price", column: "price", kind: "numeric" },
  ],
  encoders: { who: list(60), item: list(40), colour: list(5) },
  labels: [{ name: "click", kind: "binary" }],
  group: "user_id",
} as unknown as FeatureMap;

test("the item's and the user's features are told by role and size; small vocabularies have no tail", () => {
  expect(slicedFeatures(map).map(({ name }) => name)).toEqual(["item", "who"]);
  const history = { name: "seen", column: "seen", kind: "sequence", encoder: "who", target: "who" };
  const sequential = {
    ...map,
    group: undefined,
    features: [...map.features, history],
  } as unknown as FeatureMap;
  expect(slicedFeatures(sequential).map(({ name }) => name)).toEqual(["who"]);
});

test("rows are told apart by how often training showed their value", async () => {
  // 40 items: ids 3 to 6 are the head, 7 to 22 the middle, 23 to 42 the tail; 2 is new, 1 missing.
  const item = Int32Array.from({ length: 120 }, (_, row) => [3, 10, 30, 2][row % 4]);
  item[0] = 1;
  const who = new Int32Array(120).fill(3);
  const labels = Float32Array.from({ length: 120 }, (_, row) => Number(row % 8 < 4));
  // Right about the head, wrong about what is new.
  const predictions = labels.map((label, row) => (row % 4 === 3 ? 0.9 - 0.8 * label : 0.1 + 0.8 * label));
  const watch = new SliceWatch(map, 120);
  const watched = watch.watch({ predict: async () => ({}) });
  for (const [from, to] of [
    [0, 70],
    [70, 120],
  ]) {
    await watched.predict({
      size: to - from,
      columns: { item: item.subarray(from, to), who: who.subarray(from, to) },
    });
  }
  const byLabel = { click: { predictions, labels, truth: undefined } };
  const found = watch.measure("m", "test", {
    rows: 120,
    byLabel,
    groups: undefined,
    domains: undefined,
    weights: undefined,
  });
  expect(found.map(({ by, label, split }) => [by, label, split])).toEqual([["item", "click", "test"]]);
  expect(found[0].slices.map(({ name, rows, metrics }) => [name, rows, metrics.auc.value])).toEqual([
    ["most frequent tenth of values", 29, 1],
    ["next four tenths", 30, 1],
    ["rarest half", 30, 1],
    ["new to training", 30, 0],
  ]);
});
